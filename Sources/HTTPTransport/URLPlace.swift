/// A URL as it may stand in logs and errors: scheme, host, port and path, without user, password, query,
/// fragment.
struct URLPlace: Sendable, Equatable {
    let text: String

    /// Nil when the URL is not http or https, has no host, or has bytes that no URL has.
    init?(_ url: String) {
        let bytes = Array(url.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
        let scheme: String
        if Self.has(bytes, "http://") {
            scheme = "http://"
        } else if Self.has(bytes, "https://") {
            scheme = "https://"
        } else {
            return nil
        }
        let rest = bytes[scheme.utf8.count...]
        let authorityEnd = rest.firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        let hostStart = authority.lastIndex(of: 0x40).map { $0 + 1 } ?? authority.startIndex
        guard hostStart < authorityEnd, authority[hostStart] != 0x3A else { return nil }
        let pathEnd = rest[authorityEnd...].firstIndex { $0 == 0x3F || $0 == 0x23 } ?? rest.endIndex
        text = scheme + String(decoding: rest[hostStart..<pathEnd], as: UTF8.self)
    }

    private static func has(_ bytes: [UInt8], _ prefix: String) -> Bool {
        bytes.count > prefix.utf8.count && zip(bytes, prefix.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }
}
