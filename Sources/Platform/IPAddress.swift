/// An IPv4 or IPv6 address as its bytes.
public struct IPAddress: Sendable, Equatable {
    /// 4 or 16; an IPv6 address that maps an IPv4 one is that one.
    public let bytes: [UInt8]

    /// Nil when `text` is neither. No brackets, no zone.
    public init?(_ text: String) {
        guard text.utf8.count <= 45 else { return nil }
        if let four = Self.four(text) {
            bytes = four
        } else if let sixteen = Self.sixteen(text) {
            let isMapped = sixteen[..<10].allSatisfy { $0 == 0 } && sixteen[10] == 0xFF && sixteen[11] == 0xFF
            bytes = isMapped ? Array(sixteen[12...]) : sixteen
        } else {
            return nil
        }
    }

    /// 32 or 128.
    public var bitCount: Int { bytes.count * 8 }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// True when the first `bits` are the network's.
    public func isWithin(_ network: IPAddress, bits: Int) -> Bool {
        guard bytes.count == network.bytes.count else { return false }
        return (0..<bits).allSatisfy { bit in
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            return bytes[bit / 8] & mask == network.bytes[bit / 8] & mask
        }
    }

    private static func four(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var result: [UInt8] = []
        for part in parts {
            let isPlain = part.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isPlain, part.utf8.count == 1 || part.first != "0", let value = UInt8(part) else {
                return nil
            }
            result.append(value)
        }
        return result
    }

    private static func sixteen(_ text: String) -> [UInt8]? {
        let halves = halves(text)
        guard halves.count <= 2, let head = groups(halves[0], mayEndInFour: halves.count == 1) else {
            return nil
        }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        guard let tail = groups(halves[1], mayEndInFour: true), head.count + tail.count <= 14 else {
            return nil
        }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// What stands before and after each `::`.
    private static func halves(_ text: String) -> [Substring] {
        var result: [Substring] = []
        var rest = Substring(text)
        while let colon = rest.indices.first(where: { rest[$0...].hasPrefix("::") }) {
            result.append(rest[..<colon])
            rest = rest[colon...].dropFirst(2)
        }
        return result + [rest]
    }

    private static func groups(_ text: Substring, mayEndInFour: Bool) -> [UInt8]? {
        if text.isEmpty { return [] }
        var result: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInFour, index == parts.count - 1, part.contains(".") {
                guard let four = four(String(part)) else { return nil }
                result += four
            } else {
                guard (1...4).contains(part.utf8.count), !part.hasPrefix("+"), !part.hasPrefix("-"),
                    let value = UInt16(part, radix: 16)
                else { return nil }
                result += [UInt8(value >> 8), UInt8(value & 0xFF)]
            }
        }
        return result.count <= 16 ? result : nil
    }
}
