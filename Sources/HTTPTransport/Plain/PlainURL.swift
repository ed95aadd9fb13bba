/// Where a plain request goes: an IPv4 address and a port.
struct PlainAddress: Hashable, Sendable {
    /// The first octet in the highest bits.
    let address: UInt32
    let port: UInt16
}

/// An `http` URL whose host is an IPv4 address: a request to it needs neither a name resolved nor TLS.
///
/// Strict: whatever libcurl might rewrite (another spelling of the address, a fragment, a user, bytes beyond
/// ASCII) is none, and goes to libcurl.
struct PlainURL: Equatable, Sendable {
    let address: PlainAddress
    /// Of the URL's bytes: the host, and the port unless it is 80.
    let host: Range<Int>
    /// Path and query, to the end; empty when there are none.
    let target: Range<Int>

    init?(_ url: String) {
        let bytes = url.utf8.span
        var place = 0
        for byte in "http://".utf8 {
            guard place < bytes.count, bytes[place] == byte else { return nil }
            place += 1
        }
        let start = place
        var address: UInt32 = 0
        for octet in 0..<4 {
            if octet > 0 {
                guard place < bytes.count, bytes[place] == UInt8(ascii: ".") else { return nil }
                place += 1
            }
            guard let value = Self.number(bytes, &place, digits: 3), value <= 255 else { return nil }
            address = address << 8 | value
        }
        var hostEnd = place
        var port: UInt32 = 80
        if place < bytes.count, bytes[place] == UInt8(ascii: ":") {
            place += 1
            guard let value = Self.number(bytes, &place, digits: 5), value > 0, value <= 65_535 else {
                return nil
            }
            port = value
            if port != 80 { hostEnd = place }
        }
        if place < bytes.count, bytes[place] != UInt8(ascii: "/"), bytes[place] != UInt8(ascii: "?") {
            return nil
        }
        for index in place..<bytes.count {
            guard bytes[index] > 0x20, bytes[index] < 0x7F, bytes[index] != UInt8(ascii: "#") else {
                return nil
            }
        }
        self.address = PlainAddress(address: address, port: UInt16(port))
        host = start..<hostEnd
        target = place..<bytes.count
    }

    /// A decimal number without leading zeros.
    private static func number(_ bytes: Span<UInt8>, _ place: inout Int, digits: Int) -> UInt32? {
        let start = place
        var value: UInt32 = 0
        while place < bytes.count, place - start < digits, bytes[place] >= 0x30, bytes[place] <= 0x39 {
            value = value * 10 + UInt32(bytes[place] - 0x30)
            place += 1
        }
        guard place > start, bytes[start] != 0x30 || place == start + 1 else { return nil }
        return value
    }
}
