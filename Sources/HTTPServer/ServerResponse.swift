/// How the length of a body is told.
public enum BodyFraming: Sendable, Equatable {
    case contentLength
    /// Transfer-Encoding chunked, cut into pieces of this many bytes (the last one shorter).
    case chunked(pieceBytes: Int)
    /// A Content-Length that may not be the body's own; the connection ends after it.
    case declaredLength(Int)
}

/// What a stand-in does wrong on purpose. The agent's own pages never use it.
public enum ServerFault: Sendable, Equatable {
    /// Nothing is ever sent; the connection stays open until the peer or the server ends it.
    case neverAnswer
    /// The connection is closed without a byte.
    case closeWithoutAnswer
    /// The head and the first `bodyBytes` of the body are sent, then the connection is closed.
    case closeAfter(bodyBytes: Int)
    /// The head and the first `bodyBytes` of the body are sent, then nothing more.
    case stallAfter(bodyBytes: Int)
}

/// One answer.
public struct ServerResponse: Sendable {
    public var status: Int
    /// Framing fields (Content-Length, Transfer-Encoding, Connection) are the server's and are left out of
    /// these.
    public var headers: ServerHeaders
    public var body: [UInt8]
    /// Closes the connection after the answer.
    public var closesConnection: Bool
    public var framing: BodyFraming
    /// Waits this long before the first byte.
    public var delayMs: Int64
    public var fault: ServerFault?

    public init(
        status: Int = 200, headers: ServerHeaders = [:], body: [UInt8] = [], closesConnection: Bool = false,
        framing: BodyFraming = .contentLength, delayMs: Int64 = 0, fault: ServerFault? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.closesConnection = closesConnection
        self.framing = framing
        self.delayMs = delayMs
        self.fault = fault
    }

    /// An answer with a text body.
    public init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", text: String) {
        self.init(status: status, headers: ["Content-Type": contentType], body: Array(text.utf8))
    }
}
