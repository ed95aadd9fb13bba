internal import HTTPTransport
internal import Platform

/// How a try ended.
enum ReceiverAnswer: Equatable, Sendable {
    /// A response came.
    case status(Response)
    /// The connection broke, or time was up: whether the receiver has the request is not known.
    case unreachable
    /// No connection came about, by the name's lookup, TCP or TLS: nothing was sent.
    case unconnected
    /// There were no credentials to sign with: nothing was sent.
    case unsigned
    /// The request cannot be made as configured: nothing was sent.
    case unsendable

    /// Whether the receiver has stored the request.
    var isStored: Bool { if case .status(let response) = self { response.meaning == .stored } else { false } }

    /// Whether the receiver has looked at the request and decided about it, so that it is there again.
    var isFinal: Bool {
        if case .status(let response) = self { response.meaning.isFinal } else { false }
    }

    /// How long the receiver asks to be left alone.
    var retryAfterMs: Int64? { if case .status(let response) = self { response.retryAfterMs } else { nil } }

    /// nil where no response came.
    var statusCode: Int? { if case .status(let response) = self { response.status } else { nil } }

    /// Why the request was not let in; nil where that is not the trouble.
    var unauthorized: UnauthorizedReason? {
        switch self {
        case .status(let response): response.unauthorized
        case .unsigned: .noCredentials
        case .unreachable, .unconnected, .unsendable: nil
        }
    }

    struct Response: Equatable, Sendable {
        var status: Int
        var reason = RefusalReason.other
        /// Why it was not let in; nil for any other answer.
        var unauthorized: UnauthorizedReason?
        /// How long the receiver asks to be left alone.
        var retryAfterMs: Int64?
        /// The receiver's clock.
        var serverMs: Int64?
        /// Of a refusal: the good samples of the request may not be stored either.
        var mayHaveTakenNothing = false
        /// What a receiver of remote write 2.0 says that it has written; nil where it says nothing.
        var written: WrittenCounts?

        /// What the status asks for.
        var meaning: Meaning { Meaning(status: status) }
    }

    /// What a status means to this sender; docs and `SlotState.InFlight` say what follows.
    enum Meaning: Equatable, Sendable {
        case stored, refused, unauthorized, misconfigured, tooLarge, throttled, failing

        init(status: Int) {
            switch status {
            case 200..<300: self = .stored
            case 401, 403: self = .unauthorized
            // A redirect of a signed POST leads nowhere, 404 and 405 say the path is wrong, 407 the proxy,
            // and 415 to 1.0 that the receiver does not speak remote write: the operator's to mend, and no
            // reason to lose data.
            case 100..<200, 300..<400, 404, 405, 407, 415: self = .misconfigured
            case 413: self = .tooLarge
            case 408, 425: self = .failing
            case 429: self = .throttled
            case 400..<500: self = .refused
            default: self = .failing
            }
        }

        /// Whether the receiver has looked at the request and decided about it.
        var isFinal: Bool {
            switch self {
            case .stored, .refused, .tooLarge: true
            case .unauthorized, .misconfigured, .throttled, .failing: false
            }
        }
    }

    /// A receiver's wish for quiet is believed up to ten minutes: longer would lose data that could be
    /// delivered.
    static let longestRetryAfterMs: Int64 = 600_000

    /// `isAMP`: the receiver is Amazon Managed Service for Prometheus, which takes the good samples of a
    /// request that it refuses.
    init(_ response: HTTPResponse, isAMP: Bool = false, wallMs: Int64) {
        // What was stored needs no explanation, and the words take time to look for.
        let body = response.status < 300 ? "" : Self.text(response)
        let serverMs = response.headers["date"].flatMap { Timestamp.parseHTTPDate($0) }
        let isLetIn = Meaning(status: response.status) != .unauthorized
        self = .status(
            Response(
                status: response.status,
                reason: response.status < 300 ? .other : .parse(status: response.status, body: body),
                unauthorized: isLetIn
                    ? nil : .parse(body: body, errorType: response.headers["x-amzn-errortype"] ?? ""),
                retryAfterMs: response.headers["retry-after"].flatMap {
                    Self.retryAfterMs($0, nowMs: serverMs ?? wallMs)
                },
                serverMs: serverMs,
                mayHaveTakenNothing: !isAMP
                    && RefusalReason.mayHaveTakenNothing(status: response.status, body: body),
                written: WrittenCounts(response.headers)))
    }

    init(_ error: HTTPError) {
        switch error.code {
        case .badURL, .badRequest, .tooManyRedirects: self = .unsendable
        case .resolve, .connect, .tls: self = .unconnected
        default: self = .unreachable
        }
    }

    /// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3); nil when it is neither.
    static func retryAfterMs(_ text: String, nowMs: Int64) -> Int64? {
        let trimmed = text.filter { !$0.isNewline }
        let digits = trimmed.filter { $0 != " " }
        if !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            guard digits.utf8.count <= 9, let seconds = Int64(digits) else { return longestRetryAfterMs }
            return min(seconds * 1_000, longestRetryAfterMs)
        }
        guard let atMs = Timestamp.parseHTTPDate(trimmed) else { return nil }
        return min(max(0, atMs - nowMs), longestRetryAfterMs)
    }

    /// The beginning of a body as text fit for a log line.
    static func text(_ response: HTTPResponse) -> String {
        let start = response.body.bytes.prefix(RefusalReason.lookedAtBytes)
        return String(decoding: start, as: UTF8.self)
    }
}
