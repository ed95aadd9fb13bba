internal import HTTPTransport

/// A request in the one form that both sides can make of it; what is hashed and signed.
struct CanonicalRequest: Equatable {
    let text: String
    let signedHeaders: String

    init(
        method: String, path: String, query: String, headers: [HTTPHeader], payloadSHA256Hex: String,
        normalizesPath: Bool
    ) {
        let template = CanonicalTemplate(
            method: method, path: path, query: query, headers: headers, normalizesPath: normalizesPath)
        self.init(template, date: nil, token: nil, payloadSHA256Hex: payloadSHA256Hex)
    }

    /// `date` and `token` are the values of the headers that the signer gives.
    init(_ template: CanonicalTemplate, date: String?, token: String?, payloadSHA256Hex: String) {
        (text, signedHeaders) = template.request(
            date: date, token: token, payloadSHA256Hex: payloadSHA256Hex)
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
