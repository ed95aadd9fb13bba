/// The bytes that mean something in the text format.
enum Byte {
    static let newline = UInt8(ascii: "\n")
    static let hash = UInt8(ascii: "#")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let comma = UInt8(ascii: ",")
    static let equals = UInt8(ascii: "=")
    static let colon = UInt8(ascii: ":")

    /// A space or a tab: all that separates tokens. A carriage return does not.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// A letter or an underscore. Metric names may begin with a colon too.
    @inline(__always)
    static func isNameStart(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") }

    /// What ends a value without belonging to it.
    @inline(__always)
    static func endsValue(_ byte: UInt8) -> Bool { isBlank(byte) || byte == newline || byte == openBrace }

    // MARK: eight bytes at a time

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// How many bytes, from the lowest on, are letters, digits or underscores, or colons where a metric's
    /// name is read.
    @inline(__always)
    static func nameBytes(in word: UInt64, colons: Bool) -> Int {
        // Of each byte the highest bit says whether it belongs to a name: sums of seven bits and a bound do
        // not reach the next byte.
        let low = word & ~highBits
        let lower = low | ones &* 0x20
        let letters = (lower &+ ones &* (0x80 - 0x61)) & ~(lower &+ ones &* (0x7F - 0x7A))
        let last: UInt64 = colons ? 0x3A : 0x39
        let digits = (low &+ ones &* (0x80 - 0x30)) & ~(low &+ ones &* (0x7F - last))
        let underscores = ~((low ^ ones &* 0x5F) &+ ones &* 0x7F)
        let others = ~(letters | digits | underscores) & highBits | word & highBits
        return others.trailingZeroBitCount >> 3
    }

    /// How many bytes, from the lowest on, are neither a quote nor a backslash nor, where `lines` are looked
    /// for, a newline or a NUL.
    @inline(__always)
    static func quotedBytes(in word: UInt64, lines: Bool) -> Int {
        var found = zeroBytes(word ^ ones &* 0x22) | zeroBytes(word ^ ones &* 0x5C)
        if lines { found |= zeroBytes(word ^ ones &* 0x0A) | zeroBytes(word) }
        return found.trailingZeroBitCount >> 3
    }

    /// Whether the lowest `count` bytes, eight at most, are ASCII.
    @inline(__always)
    static func isASCII(_ word: UInt64, first count: Int) -> Bool {
        // A shift by as many bits as there are gives 0.
        word & highBits & ~(UInt64.max << UInt64(8 * count)) == 0
    }

    /// The highest bit of the lowest byte that is 0. Of a higher byte it may be set as well.
    @inline(__always)
    private static func zeroBytes(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highBits }
}
