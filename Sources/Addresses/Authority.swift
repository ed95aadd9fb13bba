/// `host:port` as it stands in a URL or by itself: where its parts are in the bytes that hold it. Reading it
/// needs no memory.
///
/// A host whose labels are all numbers is an IPv4 address in its usual form or refused. libcurl would read
/// some others as addresses (`127.1`, `0x7f.1`, `010.0.0.1`, a single number): people and libcurl do not mean
/// the same by them, and rules about addresses, such as `no_proxy`, would not see them. The rest
/// (`256.1.1.1`) it would take for names, which the URL Standard does not.
struct Authority: Equatable, Sendable {
    enum Port: Equatable, Sendable {
        case none
        /// A colon without a number, which means the scheme's own port in a URL.
        case empty
        case number(UInt16)
    }

    /// A DNS name has 253 bytes at most (RFC 1035 §2.3.4); some more, for what is no DNS name.
    static let hostLimitBytes = 255
    /// `IF_NAMESIZE` without the zero at its end; libcurl takes no more.
    static let zoneLimitBytes = 15
    /// What libcurl refuses in a host name, and what no URL has unescaped (RFC 3986 §2).
    private static let refused = CharacterTable("!\"#$%&'()*+,/:;<=>?@[\\]^`{|}")

    /// Without brackets and zone.
    let host: Range<Int>
    /// Of an IPv6 address (RFC 4007 §11), as the kernel knows it: without `%` or `%25`.
    let zone: Range<Int>?
    /// Nil when the host is a name.
    let address: IPAddress?
    let isBracketed: Bool
    let port: Port
    /// The port's digits; empty without any.
    let portDigits: Range<Int>
    let isASCII: Bool

    /// Reads the part of `bytes` at `range`, in which no user stands.
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(AddressError) {
        guard let first = range.first else { throw .noHost }
        if bytes[first] == UInt8(ascii: ":") {
            throw bytes.contains(UInt8(ascii: ":"), in: (first + 1)..<range.upperBound) ? .bareIPv6 : .noHost
        }
        let afterHost: Int
        if bytes[first] == UInt8(ascii: "[") {
            isBracketed = true
            isASCII = true
            (host, zone, afterHost) = try Self.bracketed(bytes, range)
            guard let address = IPAddress(bytes, host), bytes.contains(UInt8(ascii: ":"), in: host) else {
                throw .ipv6
            }
            self.address = address
        } else {
            isBracketed = false
            zone = nil
            (host, isASCII) = try Self.name(bytes, range)
            afterHost = host.upperBound
            guard host.count <= Self.hostLimitBytes else { throw .longHost }
            address = try Self.ipv4(bytes, host)
        }
        (port, portDigits) = try Self.port(bytes, afterHost..<range.upperBound)
    }

    /// The ranges of address and zone, and where the closing bracket ends.
    private static func bracketed(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(AddressError) -> (Range<Int>, Range<Int>?, Int) {
        let start = range.lowerBound + 1
        guard let close = bytes.firstIndex(of: UInt8(ascii: "]"), in: range) else { throw .openBracket }
        let after = close + 1
        guard after == range.upperBound || bytes[after] == UInt8(ascii: ":") else { throw .afterBracket }
        guard let percent = bytes.firstIndex(of: UInt8(ascii: "%"), in: start..<close) else {
            return (start..<close, nil, after)
        }
        var zone = percent + 1
        // RFC 6874: in a URL the percent sign is itself encoded. A zone that is only `25` is taken for one.
        if close - zone > 2, bytes[zone] == UInt8(ascii: "2"), bytes[zone + 1] == UInt8(ascii: "5") {
            zone += 2
        }
        guard (1...zoneLimitBytes).contains(close - zone) else { throw .zone }
        for index in zone..<close {
            guard bytes[index].isLetterOrDigit || [0x2D, 0x2E, 0x5F].contains(bytes[index]) else {
                throw .zone
            }
        }
        return (start..<percent, zone..<close, after)
    }

    private static func name(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(AddressError) -> (Range<Int>, isASCII: Bool) {
        var end = range.lowerBound
        var isASCII = true
        while end < range.upperBound, bytes[end] != UInt8(ascii: ":") {
            let byte = bytes[end]
            end += 1
            // Most bytes end here.
            if byte.isLetterOrDigit || byte == UInt8(ascii: ".") { continue }
            guard byte > 0x20, byte != 0x7F, !refused.contains(byte) else { throw .hostCharacter }
            if byte >= 0x80 { isASCII = false }
        }
        return (range.lowerBound..<end, isASCII)
    }

    /// Nil for a name.
    private static func ipv4(_ bytes: Span<UInt8>, _ host: Range<Int>) throws(AddressError) -> IPAddress? {
        guard let first = host.first, bytes[first].isDigit, isNumeric(bytes, host) else { return nil }
        guard let address = IPAddress(bytes, host) else { throw .ipv4 }
        return address
    }

    /// Whether every label is a number, decimal or hexadecimal; a dot may follow the last.
    private static func isNumeric(_ bytes: Span<UInt8>, _ host: Range<Int>) -> Bool {
        let end = bytes[host.upperBound - 1] == UInt8(ascii: ".") ? host.upperBound - 1 : host.upperBound
        var start = host.lowerBound
        guard start < end else { return false }
        while start <= end {
            let dot = bytes.firstIndex(of: UInt8(ascii: "."), in: start..<end) ?? end
            guard isNumber(bytes, start..<dot) else { return false }
            start = dot + 1
        }
        return true
    }

    private static func isNumber(_ bytes: Span<UInt8>, _ label: Range<Int>) -> Bool {
        guard let first = label.first, bytes[first].isDigit else { return false }
        let isHex = label.count > 1 && bytes[first] == UInt8(ascii: "0") && bytes[first + 1] | 0x20 == 0x78
        for index in (isHex ? first + 2 : first)..<label.upperBound {
            guard isHex ? bytes[index].isHexDigit : bytes[index].isDigit else { return false }
        }
        return true
    }

    private static func port(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(AddressError) -> (Port, Range<Int>) {
        if range.isEmpty { return (.none, range) }
        let digits = (range.lowerBound + 1)..<range.upperBound
        if digits.isEmpty { return (.empty, digits) }
        var value = 0
        for index in digits {
            if bytes[index] == UInt8(ascii: ":") { throw .bareIPv6 }
            guard bytes[index].isDigit else { throw .port }
            // Never more than ten times 65,536: no overflow.
            value = value * 10 + Int(bytes[index] - 0x30)
            guard value <= 65_535 else { throw .port }
        }
        guard value > 0 else { throw .port }
        return (.number(UInt16(value)), digits)
    }
}
