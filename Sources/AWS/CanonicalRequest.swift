internal import HTTPTransport

/// A request in the one form that both sides can make of it; what is hashed and signed.
struct CanonicalRequest: Equatable {
    /// Never signed: a proxy, a load balancer, libcurl or a tracer may add, change or take these.
    private static let hopMutable: Set<String> = [
        "accept-encoding", "authorization", "baggage", "connection", "expect", "keep-alive",
        "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "traceparent",
        "tracestate", "uber-trace-id", "upgrade", "user-agent", "via", "x-amzn-trace-id", "x-b3-parentspanid",
        "x-b3-sampled", "x-b3-spanid", "x-b3-traceid", "x-forwarded-for", "x-forwarded-proto",
    ]

    let text: String
    let signedHeaders: String

    init(
        method: String, path: String, query: String, headers: [HTTPHeader], payloadSHA256Hex: String,
        normalizesPath: Bool
    ) {
        var fields: [(name: String, value: String)] = []
        fields.reserveCapacity(headers.count)
        for header in headers {
            let name = header.name.lowercased()
            guard !Self.hopMutable.contains(name) else { continue }
            let value = Self.collapse(header.value)
            if let index = fields.firstIndex(where: { $0.name == name }) {
                fields[index].value += ",\(value)"
            } else {
                fields.append((name, value))
            }
        }
        fields.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var names = ""
        var lines = ""
        for field in fields {
            if !names.isEmpty { names += ";" }
            names += field.name
            lines += field.name
            lines += ":"
            lines += field.value
            lines += "\n"
        }
        signedHeaders = names
        let canonicalPath = normalizesPath ? Self.normalised(path) : Self.encoded(path: path)
        text =
            "\(method)\n\(canonicalPath)\n\(Self.canonical(query: query))\n"
            + "\(lines)\n\(names)\n\(payloadSHA256Hex)"
    }

    /// Headers that the signer itself gives.
    static func isSetHere(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "authorization" || name == "x-amz-date" || name == "x-amz-security-token"
    }

    /// White space around a value taken away, inside it collapsed to one space, folded lines included.
    static func collapse(_ value: String) -> String {
        var isCollapsed = true
        var previous: UInt8 = 0x20
        for byte in value.utf8 {
            if byte < 0x20 || (byte == 0x20 && previous == 0x20) { isCollapsed = false }
            previous = byte
        }
        if isCollapsed, previous != 0x20 { return value }
        return value.utf8.split { $0 == 0x20 || ($0 >= 0x09 && $0 <= 0x0D) }
            .map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    /// Empty and dot segments resolved (RFC 3986 §6.2.2.3), then every segment encoded once more.
    static func normalised(_ path: String) -> String {
        var segments: [Substring.UTF8View.SubSequence] = []
        let parts = path.utf8.split(separator: 0x2F, omittingEmptySubsequences: true)
        for part in parts {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) {
                _ = segments.popLast()
            } else {
                segments.append(part)
            }
        }
        guard !segments.isEmpty else { return "/" }
        let trailing = path.utf8.last == 0x2F ? "/" : ""
        return "/" + segments.map { PercentEncoding.encode($0) }.joined(separator: "/") + trailing
    }

    /// As sent, what cannot stand there encoded; what is encoded already stays.
    static func encoded(path: String) -> String {
        guard !path.isEmpty else { return "/" }
        return path.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
            .map { PercentEncoding.encode(PercentEncoding.decode($0, plusIsSpace: false)) }
            .joined(separator: "/")
    }

    /// Decoded, encoded strictly, sorted by name and then value. A plus is a space, as servers read it.
    static func canonical(query: String) -> String {
        guard !query.isEmpty else { return "" }
        return canonicalPairs(query)
    }

    private static func canonicalPairs(_ query: String) -> String {
        query.utf8.split(separator: 0x26, omittingEmptySubsequences: true)
            .map { pair -> (name: String, value: String) in
                let end = pair.firstIndex(of: 0x3D) ?? pair.endIndex
                let value = pair[end...].dropFirst()
                return (
                    PercentEncoding.encode(PercentEncoding.decode(pair[..<end], plusIsSpace: true)),
                    PercentEncoding.encode(PercentEncoding.decode(value, plusIsSpace: true))
                )
            }
            .sorted { first, second in
                first.name == second.name
                    ? first.value.utf8.lexicographicallyPrecedes(second.value.utf8)
                    : first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
            }
            .map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }
}
