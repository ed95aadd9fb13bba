internal import HTTPServer
internal import JSON
import Synchronization

extension StandInAMP {
    /// One series as it is kept; only with `keepsHistory`.
    public struct KeptSeries: Sendable, Equatable {
        public let labels: [String: String]
        /// Oldest first: milliseconds and the value as text, so that NaN and infinities survive JSON.
        public let samples: [KeptSample]

        var json: JSONValue { ["labels": .map(labels), "samples": .array(samples.map(\.json))] }
    }

    public struct KeptSample: Sendable, Equatable {
        public let timestampMs: Int64
        /// `NaN`, `+Inf`, `-Inf`, `stale`, or a number that reads back to the same bits.
        public let value: String

        var json: JSONValue { ["timestampMs": .integer(timestampMs), "value": .string(value)] }
    }

    /// Every series and sample taken; empty without `keepsHistory`.
    public func series() -> [KeptSeries] {
        let kept = state.withLock { $0.ledger.kept.values.map { $0 } }
        return kept.map { one in
            KeptSeries(
                labels: Dictionary(one.labels.map { ($0.name, $0.value) }) { first, _ in first },
                samples: one.history.sorted { $0.key < $1.key }.map {
                    KeptSample(timestampMs: $0.key, value: Self.text(bits: $0.value))
                })
        }
    }

    /// The pages for other processes: `GET /stats`, `GET /ages`, `GET /arrivals`, `GET /series`, `POST
    /// /latest`, `POST /fault`. Nil for any other path. They are not signed and not counted.
    func controlAnswer(_ request: ServerRequest) -> ServerResponse? {
        switch (request.method, request.path) {
        case ("GET", "/stats"): return Self.json(counts.json)
        case ("GET", "/ages"): return ServerResponse(text: ages.text)
        case ("GET", "/arrivals"): return arrivalsAnswer(request.query)
        case ("GET", "/series"): return Self.json(.array(series().map(\.json)))
        case ("POST", "/latest"): return latestAnswer(request)
        case ("POST", "/fault"): return faultAnswer(request)
        default: return nil
        }
    }

    /// All scrapes without a query, and with `since=NUMBER` those that have changed.
    private func arrivalsAnswer(_ query: String) -> ServerResponse {
        if query.isEmpty { return ServerResponse(text: ArrivedScrape.text(arrivals)) }
        guard query.hasPrefix("since="), let cursor = UInt64(query.dropFirst("since=".count)) else {
            return Self.refusal("arrivals are asked for with since=NUMBER")
        }
        return ServerResponse(text: arrivalChanges(since: cursor).text)
    }

    /// Body: an array of label objects. Answer: an array of samples or null.
    private func latestAnswer(_ request: ServerRequest) -> ServerResponse {
        guard let asked = try? JSONText.decode([[String: String]].self, from: request.body) else {
            return Self.refusal("an array of objects of labels is wanted")
        }
        let samples = asked.map { labels in
            latest(labels.map { ($0.key, $0.value) }).map {
                KeptSample(timestampMs: $0.timestampMs, value: Self.text(bits: $0.value.bitPattern)).json
            }
        }
        return Self.json(.array(samples.map { $0 ?? .null }))
    }

    private struct FaultOrder: JSONReadable {
        let fault: String
        let status: Int?
        let retryAfter: String?
        let body: String?
        let delayMs: Int64?
        let requests: Int?
        let forMs: Int64?
        let requestLimitBytes: Int?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            fault = try fields.required("fault")
            status = try fields.optional("status")
            retryAfter = try fields.optional("retryAfter")
            body = try fields.optional("body")
            delayMs = try fields.optional("delayMs")
            requests = try fields.optional("requests")
            forMs = try fields.optional("forMs")
            requestLimitBytes = try fields.optional("requestLimitBytes")
        }
    }

    /// Body: `{"fault": "status", "status": 503, "retryAfter": "1", "requests": 5, "forMs": 2000}`, with
    /// fault one of none, status, hang, close, takeThenClose, takeThenStatus, delay, requestLimit.
    private func faultAnswer(_ request: ServerRequest) -> ServerResponse {
        let order: FaultOrder
        do {
            order = try JSONText.decode(FaultOrder.self, from: request.body)
        } catch {
            return Self.refusal("a fault order cannot be read: \(error)")
        }
        let fault: AMPFault?
        switch order.fault {
        case "none": fault = nil
        case "status":
            fault = .status(
                order.status ?? 503, retryAfter: order.retryAfter,
                body: order.body ?? JSONValue.message("a fault on cue").text())
        case "hang": fault = .hang
        case "close": fault = .close
        case "takeThenClose": fault = .takeThenClose
        case "takeThenStatus": fault = .takeThenStatus(order.status ?? 503)
        case "delay": fault = .delay(ms: order.delayMs ?? 1_000)
        case "requestLimit":
            setRequestLimit(bytes: order.requestLimitBytes ?? configuration.requestLimitBytes)
            return Self.json(["ok": true])
        default: return Self.refusal("unknown fault '\(order.fault)'")
        }
        setFault(fault, requests: order.requests, forMs: order.forMs)
        return Self.json(["ok": true])
    }

    private static func json(_ value: JSONValue) -> ServerResponse {
        ServerResponse(contentType: "application/json", text: value.text() + "\n")
    }

    private static func refusal(_ why: String) -> ServerResponse {
        ServerResponse(
            status: 400, contentType: "application/json", text: JSONValue.message(why).text() + "\n")
    }

    static func text(bits: UInt64) -> String {
        if bits == 0x7FF0_0000_0000_0002 { return "stale" }
        let value = Double(bitPattern: bits)
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return "\(value)"
    }
}
