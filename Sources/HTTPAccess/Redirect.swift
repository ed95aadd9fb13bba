import HTTPTransport

/// Where a Location header leads.
enum Redirect {
    /// The URL of `location` seen from `base` (RFC 3986 §5.2), without fragment; nil when that is no http or
    /// https URL.
    static func resolve(_ location: String, from base: String) -> String? {
        // Bytes that may not stand in a URL are escaped, as browsers and Go do, rather than refused.
        var location = escapingUnsafe(location)
        if let fragment = location.firstIndex(of: "#") { location = String(location[..<fragment]) }
        guard let home = URLAuthority(base) else { return nil }
        if URLAuthority(location) != nil { return location }
        if hasScheme(location) { return nil }
        if location.hasPrefix("//") {
            let absolute = "\(home.scheme):\(location)"
            return URLAuthority(absolute) == nil ? nil : absolute
        }
        let start = "\(home.scheme)://\(home.host)\(home.port.map { ":\($0)" } ?? "")"
        let basePath = home.rest.prefix { $0 != "?" && $0 != "#" }
        if location.isEmpty { return start + home.rest }
        if location.hasPrefix("?") { return start + (basePath.isEmpty ? "/" : basePath) + location }
        let query = location.firstIndex(of: "?") ?? location.endIndex
        var path = String(location[..<query])
        if !path.hasPrefix("/") {
            let folder = basePath.lastIndex(of: "/").map { basePath[...$0] } ?? "/"
            path = folder + path
        }
        return start + withoutDots(path) + location[query...]
    }

    private static func hasScheme(_ text: String) -> Bool {
        guard let colon = text.firstIndex(where: { ":/?#".contains($0) }), text[colon] == ":" else {
            return false
        }
        let name = text[..<colon].utf8
        return !name.isEmpty && name.allSatisfy { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || $0 >= 0x2B }
    }

    /// RFC 3986 §5.2.4.
    private static func withoutDots(_ path: String) -> String {
        var kept: [Substring] = []
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part {
            case ".": if isLast { kept.append("") }
            case "..":
                if !kept.isEmpty { kept.removeLast() }
                if isLast { kept.append("") }
            default: kept.append(part)
            }
        }
        return "/" + kept.joined(separator: "/")
    }

    private static func escapingUnsafe(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) else { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte > 0x20, byte < 0x7F {
                bytes.append(byte)
            } else {
                bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
