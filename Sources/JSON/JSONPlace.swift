/// A place in a text, as editors count: both from 1, columns in characters of Unicode.
public struct JSONPlace: Sendable, Equatable, CustomStringConvertible {
    public let line: Int
    public let column: Int

    init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// Where the byte at `offset` stands; the end of the text for an offset past it.
    public init(offset: Int, in bytes: [UInt8]) {
        let before = bytes.prefix(max(0, offset))
        line = 1 + before.count { $0 == 0x0A }
        let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        // A byte that continues a character is no column of its own.
        column = 1 + before[start...].count { $0 & 0xC0 != 0x80 }
    }

    public var description: String { "\(line):\(column)" }
}
