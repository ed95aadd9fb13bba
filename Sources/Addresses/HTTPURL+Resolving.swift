extension HTTPURL {
    /// The URL that `reference`, the value of a Location header, means where this one was asked (RFC 3986
    /// §5.2), without fragment.
    ///
    /// What a URL does not hold unescaped is escaped, as libcurl (`CURLU_URLENCODE`) and browsers do, but in
    /// the host: spaces become `%20` in a path and `+` in a query. Control characters are refused. A user of
    /// this URL is left out. Throws what is wrong with the URL; `.scheme` when it leads to none of http and
    /// https.
    public func resolving(_ reference: String) throws(AddressError) -> HTTPURL {
        guard reference.utf8.count <= Self.limitBytes else { throw .length }
        guard reference.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw .character }
        let bytes = Array(reference.utf8.prefix { $0 != UInt8(ascii: "#") })
        if Self.hasScheme(bytes) { return try HTTPURL(parsing: Self.escapingTarget(bytes)) }
        if bytes.starts(with: "//".utf8) {
            return try HTTPURL(parsing: Self.escapingTarget(Array("\(scheme.rawValue):".utf8) + bytes))
        }
        let home = "\(scheme.rawValue)://\(writtenServer)"
        if bytes.isEmpty { return try HTTPURL(parsing: home + writtenTarget) }
        let escaped = Self.escaped(bytes[...])
        let mark = escaped.firstIndex(of: UInt8(ascii: "?")) ?? escaped.endIndex
        let query = String(decoding: escaped[mark...], as: UTF8.self)
        if mark == escaped.startIndex { return try HTTPURL(parsing: home + path + query) }
        var path = Array(escaped[..<mark])
        if path.first != UInt8(ascii: "/") {
            let own = Array(self.path.utf8)
            let slash = own.lastIndex(of: UInt8(ascii: "/")) ?? 0
            path = own[...slash] + path
        }
        return try HTTPURL(parsing: home + Self.withoutDots(path) + query)
    }

    /// A Location header's value as it may stand in logs: without user, password, query and fragment. A
    /// relative one stays relative. A path with another URL in it, as proxies have, is cut where that one may
    /// have a user.
    public static func shown(reference: String) -> String {
        if let url = HTTPURL(reference) { return url.description }
        let bytes = Array(reference.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        let isBackslashed = bytes.prefix(2).contains(UInt8(ascii: "\\"))
        guard !hasScheme(bytes), !isBackslashed else { return "a malformed URL" }
        guard bytes.starts(with: "//".utf8) else {
            return cutBeforeUser(String(decoding: bytes, as: UTF8.self))
        }
        return HTTPURL("http:\(reference)").map { "//\($0.writtenServer)\(cutBeforeUser($0.writtenPath))" }
            ?? "a malformed URL"
    }

    /// A path up to the first `://` that has an `@` behind it.
    static func cutBeforeUser(_ path: String) -> String {
        let bytes = Array(path.utf8)
        let mark = bytes.indices.first { bytes[$0...].starts(with: "://".utf8) }
        guard let mark, bytes[mark...].contains(UInt8(ascii: "@")) else { return path }
        return String(decoding: bytes[..<mark], as: UTF8.self) + "://…"
    }

    /// Whether a text begins with a scheme (RFC 3986 §3.1).
    private static func hasScheme(_ bytes: [UInt8]) -> Bool {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), let first = bytes.first else {
            return false
        }
        let isLetter = first.isLetterOrDigit && !first.isDigit
        // Plus, dash and dot.
        return isLetter
            && bytes[..<colon].allSatisfy { $0.isLetterOrDigit || [0x2B, 0x2D, 0x2E].contains($0) }
    }

    /// Escapes what stands behind the host of an absolute URL.
    private static func escapingTarget(_ bytes: [UInt8]) -> String {
        let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.startIndex
        let start = bytes[colon...].dropFirst(3).startIndex
        let isEnd: (UInt8) -> Bool = { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
        let end = bytes[start...].firstIndex(where: isEnd) ?? bytes.endIndex
        return String(decoding: bytes[..<end] + escaped(bytes[end...]), as: UTF8.self)
    }

    private static func escaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        var isQuery = false
        for byte in bytes {
            if byte == UInt8(ascii: "?") { isQuery = true }
            if byte > 0x20, byte < 0x7F {
                result.append(byte)
            } else if byte == 0x20, isQuery {
                result.append(UInt8(ascii: "+"))
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return result
    }

    /// A path that begins with a slash, without `.` and `..` (RFC 3986 §5.2.4).
    private static func withoutDots(_ path: [UInt8]) -> String {
        var kept: [ArraySlice<UInt8>] = []
        let parts = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isParent = part.elementsEqual("..".utf8)
            if isParent { _ = kept.popLast() }
            if !isParent, !part.elementsEqual(".".utf8) {
                kept.append(part)
            } else if index == parts.count - 1 {
                kept.append([])
            }
        }
        return String(decoding: kept.flatMap { [UInt8(ascii: "/")] + $0 }, as: UTF8.self)
    }
}
