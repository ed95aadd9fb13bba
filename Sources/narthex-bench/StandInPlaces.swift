import JSON
import Platform

/// Where the stand-ins listen: the one line of JSON they print when they are ready.
struct StandInPlaces: JSONReadable {
    struct Exporter: JSONReadable {
        let address: String
        let path: String

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            address = try fields.required("address")
            path = try fields.required("path")
        }
    }

    struct Endpoint: JSONReadable {
        let port: Int
        let url: String

        /// Scheme, host and port.
        var origin: String { "http://127.0.0.1:\(port)" }

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            port = try fields.required("port")
            url = try fields.required("url")
        }
    }

    let exporters: [Exporter]
    let amp: Endpoint

    init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        exporters = try fields.required("exporters")
        amp = try fields.required("amp")
    }

    /// Waits up to 30 s for the line.
    static func read(from path: String, clock: some AgentClock) async throws -> StandInPlaces {
        for _ in 0..<300 {
            if let places = try places(in: path) { return places }
            try await clock.sleep(forMs: 100)
        }
        throw BenchError("the stand-ins were not ready within 30 s: \(text(of: path) ?? "no output")")
    }

    /// What the line says; nil while it is not whole. A function of its own: Swift 6.3 crashes when it
    /// optimises an asynchronous one that reads JSON.
    @inline(never)
    private static func places(in path: String) throws(JSONError) -> StandInPlaces? {
        guard let text = text(of: path), let line = text.split(separator: "\n").first, text.contains("\n")
        else { return nil }
        return try JSONReader.read(StandInPlaces.self, from: Array(line.utf8))
    }

    /// A small file as text; nil when it cannot be read yet.
    static func text(of path: String) -> String? {
        // Absent means not written yet: the caller asks again.
        (try? POSIXFiles().contents(of: path, limitBytes: 8 << 20)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

/// What the AMP stand-in has counted.
struct EndpointCounts: JSONReadable {
    let samples: UInt64
    let signaturesRefused: UInt64
    let outOfOrder: UInt64
    /// Bodies of all requests, refused ones included.
    let receivedBytes: UInt64
    let duplicates: UInt64
    /// Samples that were refused for their age or their labels, or for another value at the same moment, and
    /// requests that could not be read.
    let refused: UInt64
    /// Requests without a signature that were taken.
    let unsigned: UInt64

    init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        samples = try fields.required("samples")
        signaturesRefused = try fields.required("signaturesRefused")
        outOfOrder = try fields.required("outOfOrder")
        receivedBytes = try fields.required("receivedBytes")
        duplicates = try fields.required("duplicates")
        unsigned = try fields.required("unsigned")
        let tooOld: UInt64 = try fields.required("tooOld")
        let tooNew: UInt64 = try fields.required("tooNew")
        let labelFaults: UInt64 = try fields.required("labelFaults")
        let conflicts: UInt64 = try fields.required("conflicts")
        let malformed: UInt64 = try fields.required("malformed")
        refused = tooOld &+ tooNew &+ labelFaults &+ conflicts &+ malformed
    }

    static func decode(_ json: String) throws(JSONError) -> EndpointCounts {
        try JSONReader.read(EndpointCounts.self, from: Array(json.utf8))
    }
}
