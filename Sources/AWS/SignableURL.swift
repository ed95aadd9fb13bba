/// The parts of an http or https URL that a signature or a check looks at, as they will be sent.
struct SignableURL: Equatable {
    let scheme: String
    /// As the Host header says it: without user, and without the scheme's own port.
    let host: String
    /// The host alone, without port and without the brackets of IPv6.
    let hostName: String
    let path: String
    /// Without the question mark.
    let query: String

    /// Nil when the URL is not http or https or has no host.
    init?(_ url: String) {
        // Bytes, not characters: a combining mark must not hide the separator before it.
        let bytes = Array(url.utf8)
        guard let colon = bytes.firstIndex(of: 0x3A), bytes[colon...].starts(with: "://".utf8) else {
            return nil
        }
        scheme = String(decoding: bytes[..<colon], as: UTF8.self).lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = bytes[(colon + 3)...].prefix { $0 != UInt8(ascii: "#") }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        let target = rest[authority.endIndex...]
        guard let server = HostAndPort(authority) else { return nil }
        hostName = server.name
        let isDefault = server.port.isEmpty || server.port == (scheme == "https" ? "443" : "80")
        let plain = server.isBracketed ? "[\(server.name)]" : server.name
        host = isDefault ? plain : "\(plain):\(server.port)"
        let mark = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        path = mark == target.startIndex ? "/" : String(decoding: target[..<mark], as: UTF8.self)
        query = String(decoding: target[mark...].dropFirst(), as: UTF8.self)
    }
}

/// `user@host:port` taken apart; the user is dropped.
private struct HostAndPort {
    let name: String
    let port: String
    let isBracketed: Bool

    init?(_ authority: ArraySlice<UInt8>) {
        let start = authority.lastIndex(of: UInt8(ascii: "@")).map { $0 + 1 } ?? authority.startIndex
        let server = authority[start...]
        var afterName: ArraySlice<UInt8>
        if server.first == UInt8(ascii: "[") {
            guard let close = server.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            isBracketed = true
            name = String(decoding: server[(start + 1)..<close], as: UTF8.self)
            afterName = server[(close + 1)...]
        } else {
            isBracketed = false
            let end = server.firstIndex(of: UInt8(ascii: ":")) ?? server.endIndex
            name = String(decoding: server[..<end], as: UTF8.self)
            afterName = server[end...]
        }
        if let separator = afterName.popFirst(), separator != UInt8(ascii: ":") { return nil }
        port = String(decoding: afterName, as: UTF8.self)
        guard !name.isEmpty, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    }
}
