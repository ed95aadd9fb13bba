/// One whole request, body included.
public struct ServerRequest: Sendable {
    /// As sent, for instance `GET`.
    public let method: String
    /// The request target as it stood on the wire, for instance `/metrics?a=b`: what a signature covers.
    public let target: String
    public let headers: ServerHeaders
    /// The decoded body (chunks joined, no content coding undone), at most the server's body limit.
    public let body: [UInt8]
    /// The peer's numeric address without port; empty when the peer was already gone.
    public let remoteAddress: String

    public init(
        method: String, target: String, headers: ServerHeaders = [:], body: [UInt8] = [],
        remoteAddress: String = ""
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }

    /// The target up to its `?`, percent-encoding kept. An absolute target (RFC 9112 §3.2.2) counts from its
    /// path.
    public var path: String {
        let origin = originForm
        let path = origin.prefix { $0 != "?" }
        return path.isEmpty ? "/" : String(path)
    }

    /// What follows the `?`, percent-encoding kept; empty without one.
    public var query: String {
        let origin = originForm
        guard let mark = origin.firstIndex(of: "?") else { return "" }
        return String(origin[origin.index(after: mark)...])
    }

    private var originForm: Substring {
        for scheme in ["http://", "https://"] where target.hasPrefix(scheme) {
            let rest = target.dropFirst(scheme.count)
            return rest.firstIndex { $0 == "/" || $0 == "?" }.map { rest[$0...] } ?? "/"
        }
        return target[...]
    }
}
