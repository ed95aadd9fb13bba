internal import HTTPServer

/// What goes wrong on purpose with the connection that carries an answer. `FaultHandler` does it.
enum ServerFault: Hashable, Sendable {
    /// Nothing is ever sent; the connection stays open until the peer or the server ends it.
    case neverAnswer
    /// The connection is closed without a byte.
    case closeWithoutAnswer
    /// The head and the first `bodyBytes` of the body are sent, then the connection is closed.
    case closeAfter(bodyBytes: Int)
    /// The head and the first `bodyBytes` of the body are sent, then nothing more.
    case stallAfter(bodyBytes: Int)
    /// The whole answer is sent, `ms` milliseconds late.
    case delay(ms: Int64)
    /// The head declares this Content-Length whatever the body's own is, and the connection ends after it.
    case declareLength(bytes: Int)

    /// Reads the value of the header field that `field` writes; nil for any other text.
    init?(field: String) {
        let words = field.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let number = Int64(words[1]) else { return nil }
        let bytes = Int(clamping: number)
        switch words[0] {
        case "never-answer": self = .neverAnswer
        case "close-without-answer": self = .closeWithoutAnswer
        case "close-after": self = .closeAfter(bodyBytes: bytes)
        case "stall-after": self = .stallAfter(bodyBytes: bytes)
        case "delay": self = .delay(ms: number)
        case "declare-length": self = .declareLength(bytes: bytes)
        default: return nil
        }
    }

    /// The fault as the value of a header field.
    var field: String {
        switch self {
        case .neverAnswer: "never-answer 0"
        case .closeWithoutAnswer: "close-without-answer 0"
        case .closeAfter(let bytes): "close-after \(bytes)"
        case .stallAfter(let bytes): "stall-after \(bytes)"
        case .delay(let ms): "delay \(ms)"
        case .declareLength(let bytes): "declare-length \(bytes)"
        }
    }

    /// True when the peer gets to see no status.
    var hidesStatus: Bool { self == .neverAnswer || self == .closeWithoutAnswer }
}

extension ServerResponse {
    /// The header field that carries a fault from a stand-in's handler to `FaultHandler`, which takes it off:
    /// the peer never sees it.
    static var faultFieldName: String { "Stand-In-Fault" }

    init(fault: ServerFault) {
        self.init()
        set(fault: fault)
    }

    var fault: ServerFault? { headers[Self.faultFieldName].flatMap { ServerFault(field: $0) } }

    /// Sets what goes wrong with this answer; it must have no fault yet.
    mutating func set(fault: ServerFault) {
        precondition(headers[Self.faultFieldName] == nil, "an answer has one fault")
        headers.add(Self.faultFieldName, fault.field)
        if case .declareLength = fault { closesConnection = true }
    }
}

extension HTTPServer {
    /// A server of a stand-in: its answers may have a fault, and a receipt, which is given to `sent` once the
    /// answer has gone whole.
    static func startStandIn(
        host: String = "127.0.0.1", port: Int, bodyLimitBytes: Int, maxConnections: Int = 256,
        sent: @escaping @Sendable (PageReceipt) -> Void = { _ in },
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) async throws(ServerError) -> HTTPServer {
        // An answer that is delayed or stalled on purpose is no timeout of the server's.
        let limits = ServerLimits(maxConnections: maxConnections, transferTimeoutMs: 3_600_000)
        return try await start(
            host: host, port: port, bodyLimitBytes: bodyLimitBytes, limits: limits,
            connectionHandlers: { [FaultHandler(sent: sent)] }, handler: handler)
    }
}
