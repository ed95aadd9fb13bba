internal import HTTPServer
internal import JSON

/// The orders that another process gives a fleet: `POST /fault` on any of its ports with
/// `{"fault": "status", "status": 500, "exporter": 3}`. Without exporter it is meant for all of them.
struct FleetOrder: JSONReadable {
    let fault: String
    let exporter: Int?
    let status: Int?
    let bytes: Int?
    let delayMs: Int64?
    /// With fault `visible`: how many series are still shown; absent for all.
    let series: Int?

    init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        fault = try fields.required("fault")
        exporter = try fields.optional("exporter")
        status = try fields.optional("status")
        bytes = try fields.optional("bytes")
        delayMs = try fields.optional("delayMs")
        series = try fields.optional("series")
    }

    enum Action: Equatable {
        case fault(ExporterFault?)
        case visible(Int?)
    }

    /// Nil for a fault that does not exist.
    var action: Action? {
        switch fault {
        case "none": .fault(nil)
        case "status": .fault(.status(status ?? 500))
        case "hang": .fault(.hang)
        case "close": .fault(.close)
        case "truncate": .fault(.truncate(bytes: bytes ?? 100))
        case "garbage": .fault(.garbage)
        case "delay": .fault(.delay(ms: delayMs ?? 1_000))
        case "visible": .visible(series)
        default: nil
        }
    }

    static func read(_ request: ServerRequest) -> FleetOrder? {
        // What cannot be read is answered 400 by the caller.
        try? JSONText.decode(FleetOrder.self, from: request.body)
    }
}
