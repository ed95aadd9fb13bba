/// JSON writes characters beyond the first 65,536 as two escapes; YAML has one escape of eight digits for
/// them.
enum JSONEscapes {
    static func joiningSurrogates(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while let backslash = bytes[index...].firstIndex(of: 0x5C) {
            result += bytes[index..<backslash]
            if let high = escape(bytes, backslash), (0xD800..<0xDC00).contains(high),
                let low = escape(bytes, backslash + 6), (0xDC00..<0xE000).contains(low)
            {
                let scalar = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
                let digits = String(scalar, radix: 16)
                result += "\\U\(String(repeating: "0", count: 8 - digits.count))\(digits)".utf8
                index = backslash + 12
            } else {
                // Whatever is escaped here is not the beginning of the next escape.
                let end = min(backslash + 2, bytes.count)
                result += bytes[backslash..<end]
                index = end
            }
        }
        return result + bytes[index...]
    }

    /// The value of `\u` and four hexadecimal digits at `index`.
    private static func escape(_ bytes: [UInt8], _ index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == 0x5C, bytes[index + 1] == 0x75 else { return nil }
        return UInt32(String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }
}
