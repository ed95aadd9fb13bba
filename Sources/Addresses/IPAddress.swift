#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// An IPv4 or IPv6 address, read and written by the C library (`inet_pton`, `inet_ntop`), which nothing else
/// in the agent calls. An IPv6 address that maps an IPv4 one (RFC 4291 §2.5.5.2) is that one.
///
/// Needs no memory of its own, so that the host of a URL is told from a name without an allocation.
public struct IPAddress: Sendable, Hashable {
    /// Longest text of an address, `INET6_ADDRSTRLEN` without the zero at its end.
    static let textLimitBytes = 45
    private static let mappedPrefix: UInt64 = 0xFFFF_0000_0000

    /// The 16 bytes of an IPv6 address, the first in the highest bits. An IPv4 address is the lowest 32.
    private let high: UInt64
    private let low: UInt64
    private let isFour: Bool

    /// Nil when `text` is neither an IPv4 nor an IPv6 address. Brackets and a zone are not taken.
    public init?(_ text: String) {
        let bytes = text.utf8.span
        self.init(bytes, 0..<bytes.count)
    }

    /// 4 or 16 bytes as they stand in a packet; nil for any other number.
    public init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4: self.init(ipv4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            func half(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
            self.init(high: half(bytes[..<8]), low: half(bytes[8...]))
        default: return nil
        }
    }

    /// The first octet is in the highest bits.
    public init(ipv4: UInt32) {
        high = 0
        low = UInt64(ipv4)
        isFour = true
    }

    /// The part of `bytes` at `range` as text; nil when it is no address.
    init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        guard let (high, low, isFour) = Self.read(bytes, range) else { return nil }
        if isFour {
            self.init(ipv4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(high: high, low: low)
        }
    }

    private init(high: UInt64, low: UInt64) {
        let isMapped = high == 0 && low & ~UInt64(UInt32.max) == Self.mappedPrefix
        self.high = isMapped ? 0 : high
        self.low = isMapped ? low & UInt64(UInt32.max) : low
        isFour = isMapped
    }

    /// 4 or 16.
    public var bytes: [UInt8] {
        let all = [high, low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) }
        }
        return isFour ? Array(all[12...]) : all
    }

    /// The first octet in the highest bits; nil for an IPv6 address.
    public var ipv4: UInt32? { isFour ? UInt32(truncatingIfNeeded: low) : nil }

    /// 32 or 128.
    public var bitCount: Int { isFour ? 32 : 128 }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { isFour ? low >> 24 == 127 : high == 0 && low == 1 }

    /// True when the first `bits` are the network's.
    public func isWithin(_ network: IPAddress, bits: Int) -> Bool {
        guard isFour == network.isFour, (0...bitCount).contains(bits) else { return false }
        // Shifts of 64 and more give 0 in Swift.
        if isFour { return (low ^ network.low) >> UInt64(32 - bits) == 0 }
        let differsHigh = (high ^ network.high) >> UInt64(64 - min(bits, 64))
        let differsLow = (low ^ network.low) >> UInt64(128 - max(bits, 64))
        return differsHigh == 0 && differsLow == 0
    }

    /// As Go writes it: RFC 5952.
    public var text: String {
        let first = low >> 16 & 0xFFFF
        if !isFour, high == 0, low >> 32 == 0, first != 0 {
            // The C library writes these as `::1.2.3.4` (RFC 4291 §2.5.5.1), which RFC 5952 does not ask for.
            return "::\(String(first, radix: 16)):\(String(low & 0xFFFF, radix: 16))"
        }
        return Self.write(high: high, low: low, isFour: isFour)
    }

    /// The text of an IPv6 address as `inet_ntop` writes it, mapped addresses included; nil when it is none.
    static func canonicalIPv6(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String? {
        guard let (high, low, isFour) = read(bytes, range), !isFour else { return nil }
        return write(high: high, low: low, isFour: false)
    }

    private static func read(_ bytes: Span<UInt8>, _ range: Range<Int>) -> (UInt64, UInt64, Bool)? {
        guard !range.isEmpty, range.count <= textLimitBytes else { return nil }
        // One more byte, for the zero at the end.
        var text = InlineArray<46, UInt8>(repeating: 0)
        var isFour = true
        for (offset, index) in range.enumerated() {
            let byte = bytes[index]
            if byte == 0 { return nil }
            if byte == UInt8(ascii: ":") { isFour = false }
            text[offset] = byte
        }
        let span = text.span
        if isFour {
            var address = in_addr()
            // Safety: the text ends with a zero, and the address is as large as the family says.
            let isRead = unsafe span.withUnsafeBytes { buffer in
                guard let start = buffer.baseAddress else { return false }
                return unsafe inet_pton(AF_INET, start.assumingMemoryBound(to: CChar.self), &address) == 1
            }
            return isRead ? (0, UInt64(UInt32(bigEndian: address.s_addr)), true) : nil
        }
        var halves: (UInt64, UInt64) = (0, 0)
        // Safety: as above; two halves are the 16 bytes of an IPv6 address.
        let isRead = unsafe span.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return false }
            return unsafe inet_pton(AF_INET6, start.assumingMemoryBound(to: CChar.self), &halves) == 1
        }
        return isRead ? (UInt64(bigEndian: halves.0), UInt64(bigEndian: halves.1), false) : nil
    }

    private static func write(high: UInt64, low: UInt64, isFour: Bool) -> String {
        var four = UInt32(truncatingIfNeeded: low).bigEndian
        var halves = (high.bigEndian, low.bigEndian)
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: textLimitBytes + 1) { buffer in
            let count = socklen_t(buffer.count)
            // Safety: the address is as large as the family says, and the buffer holds the longest text.
            let isWritten =
                isFour
                ? unsafe inet_ntop(AF_INET, &four, buffer.baseAddress, count) != nil
                : unsafe inet_ntop(AF_INET6, &halves, buffer.baseAddress, count) != nil
            precondition(isWritten, "the C library writes every address into a buffer of this length")
            let end = unsafe buffer.firstIndex(of: 0) ?? buffer.endIndex
            return unsafe String(decoding: buffer[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
