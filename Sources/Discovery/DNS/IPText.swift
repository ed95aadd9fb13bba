/// IP addresses as text, as Go writes them.
enum IPText {
    /// RFC 5952 for 16 bytes; an IPv6 address that maps an IPv4 one is written as that one.
    static func text(_ bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map { "\($0)" }.joined(separator: ".") }
        precondition(bytes.count == 16, "an address has 4 or 16 bytes")
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return text(Array(bytes[12...]))
        }
        let groups = (0..<8).map { Int(bytes[$0 * 2]) << 8 | Int(bytes[$0 * 2 + 1]) }
        var longest = 0..<0
        var start = 0
        while start < 8 {
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            // The first of the longest runs of two or more.
            if end - start > max(1, longest.count) { longest = start..<end }
            start = max(end, start + 1)
        }
        func hex(_ part: ArraySlice<Int>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if longest.isEmpty { return hex(groups[...]) }
        return "\(hex(groups[..<longest.lowerBound]))::\(hex(groups[longest.upperBound...]))"
    }

    /// Host and port as `__address__`, brackets where they are needed.
    static func address(_ host: String, _ port: Int) -> String {
        host.utf8.contains(0x3A) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
