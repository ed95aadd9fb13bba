/// How the length of a body is told.
public enum BodyFraming: Sendable, Equatable {
    case contentLength
    /// Transfer-Encoding chunked, cut into pieces of this many bytes (the last one shorter).
    case chunked(pieceBytes: Int)
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

    public init(
        status: Int = 200, headers: ServerHeaders = [:], body: [UInt8] = [], closesConnection: Bool = false,
        framing: BodyFraming = .contentLength
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.closesConnection = closesConnection
        self.framing = framing
    }

    /// An answer with a text body.
    public init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", text: String) {
        self.init(status: status, headers: ["Content-Type": contentType], body: Array(text.utf8))
    }
}
