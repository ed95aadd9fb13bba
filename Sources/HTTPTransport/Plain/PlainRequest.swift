import Addresses

/// Writes requests as they go over the wire. What the requests of a job have in common is written once.
struct PlainRequest {
    /// Names that libcurl gives a meaning of their own, or that the request's framing depends upon.
    private static let special = [
        "Host", "User-Agent", "Accept-Encoding", "Connection", "Content-Length", "Transfer-Encoding",
        "Expect",
        "TE", "Trailer", "Upgrade", "Keep-Alive",
    ]

    private let userAgent: String
    private var headers: [HTTPHeader] = []
    private var asksGzip = false
    /// From the line end behind the host on; nil when the headers are not for the plain way.
    private var common: [UInt8]?

    init(userAgent: String) { self.userAgent = userAgent }

    /// Whether the request can go the plain way as far as it shows by itself.
    static func isPlain(_ request: HTTPRequest) -> Bool {
        request.method == .get && request.body.isEmpty && request.connection == nil && request.takesBodySlot
            && request.requiresBody
    }

    /// Puts the request, whose URL is taken apart in `url`, into `bytes`; false when one of its headers is
    /// not for the plain way.
    mutating func write(_ request: HTTPRequest, _ url: PlainDestination, to bytes: inout [UInt8]) -> Bool {
        if common == nil || request.acceptGzip != asksGzip || request.headers != headers {
            headers = request.headers
            asksGzip = request.acceptGzip
            common = Self.common(request, userAgent: userAgent)
        }
        guard let common else { return false }
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: "GET ".utf8)
        let text = request.url.utf8.span
        if url.target.isEmpty || text[url.target.lowerBound] != UInt8(ascii: "/") {
            bytes.append(UInt8(ascii: "/"))
        }
        for index in url.target { bytes.append(text[index]) }
        bytes.append(contentsOf: " HTTP/1.1\r\nHost: ".utf8)
        if let header = url.hostHeader {
            bytes.append(contentsOf: header.utf8)
        } else {
            for index in url.host { bytes.append(text[index]) }
        }
        bytes.append(contentsOf: common)
        return true
    }

    private static func common(_ request: HTTPRequest, userAgent: String) -> [UInt8]? {
        let isFit = request.headers.allSatisfy { header in
            header.isSendable && !header.value.isEmpty && !special.contains { header.isNamed($0) }
        }
        guard isFit, HTTPHeader(name: "User-Agent", value: userAgent).isSendable else { return nil }
        var text = "\r\nUser-Agent: \(userAgent)\r\n"
        if !request.headers.contains(where: { $0.isNamed("Accept") }) { text += "Accept: */*\r\n" }
        if request.acceptGzip { text += "Accept-Encoding: gzip\r\n" }
        for header in request.headers { text += "\(header.name): \(header.value)\r\n" }
        return Array((text + "\r\n").utf8)
    }
}
