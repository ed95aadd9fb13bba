internal import HTTPTransport

/// What canonical requests to one place have in common: everything but the time, the session token and the
/// payload. Made once, so that a request is put together from a few pieces of text.
struct CanonicalTemplate: Sendable {
    /// Never signed: a proxy, a load balancer, libcurl or a tracer may add, change or take these.
    private static let hopMutable: Set<String> = [
        "accept-encoding", "authorization", "baggage", "connection", "expect", "keep-alive",
        "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "traceparent",
        "tracestate", "uber-trace-id", "upgrade", "user-agent", "via", "x-amzn-trace-id", "x-b3-parentspanid",
        "x-b3-sampled", "x-b3-spanid", "x-b3-traceid", "x-forwarded-for", "x-forwarded-proto",
    ]
    private static let date = "x-amz-date"
    private static let token = "x-amz-security-token"

    /// Headers that follow each other in the order of their names.
    private struct Fields {
        /// With a semicolon between two.
        var names = ""
        /// A line for each.
        var lines = ""

        mutating func append(_ name: String, _ value: String) {
            if !names.isEmpty { names += ";" }
            names += name
            lines += name
            lines += ":"
            lines += value
            lines += "\n"
        }

        mutating func append(_ other: Fields) {
            if !names.isEmpty, !other.names.isEmpty { names += ";" }
            names += other.names
            lines += other.lines
        }
    }

    /// Method, path and query, a line each.
    private let head: String
    /// What stands before the date, between it and the session token, and behind both.
    private var before = Fields()
    private var between = Fields()
    private var behind = Fields()

    /// `headers` as they are sent; those that nothing on the way changes are signed.
    init(method: String, path: String, query: String, headers: [HTTPHeader], normalizesPath: Bool) {
        var fields: [(name: String, value: String)] = []
        fields.reserveCapacity(headers.count)
        for header in headers {
            let name = header.name.lowercased()
            guard !Self.hopMutable.contains(name) else { continue }
            let value = CanonicalRequest.collapse(header.value)
            if let index = fields.firstIndex(where: { $0.name == name }) {
                fields[index].value += ",\(value)"
            } else {
                fields.append((name, value))
            }
        }
        fields.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for field in fields {
            if field.name.utf8.lexicographicallyPrecedes(Self.date.utf8) {
                before.append(field.name, field.value)
            } else if field.name.utf8.lexicographicallyPrecedes(Self.token.utf8) {
                between.append(field.name, field.value)
            } else {
                behind.append(field.name, field.value)
            }
        }
        let canonicalPath =
            normalizesPath ? CanonicalRequest.normalised(path) : CanonicalRequest.encoded(path: path)
        head = "\(method)\n\(canonicalPath)\n\(CanonicalRequest.canonical(query: query))\n"
    }

    /// The text of a request and the names of its signed headers. `date` and `token` are the values of the
    /// headers that the signer gives; the template must have been made without them.
    func request(
        date: String?, token: String?, payloadSHA256Hex: String
    ) -> (text: String, signedHeaders: String) {
        var fields = before
        if let date { fields.append(Self.date, date) }
        fields.append(between)
        if let token { fields.append(Self.token, CanonicalRequest.collapse(token)) }
        fields.append(behind)
        var text = head
        text.reserveCapacity(
            head.utf8.count + fields.lines.utf8.count + fields.names.utf8.count
                + payloadSHA256Hex.utf8.count + 2)
        text += fields.lines
        text += "\n"
        text += fields.names
        text += "\n"
        text += payloadSHA256Hex
        return (text, fields.names)
    }
}
