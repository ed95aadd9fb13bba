/// Finds the places of many offsets in one walk through the text, for a reader of nodes in their order.
public struct JSONPlaceCursor {
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1
    private var column = 1

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// As `JSONPlace(offset:in:)`. A place before the last one asked for costs a walk from the beginning.
    public mutating func place(_ wanted: Int) -> JSONPlace {
        if wanted < offset { self = JSONPlaceCursor(bytes) }
        let end = min(wanted, bytes.count)
        while offset < end {
            if bytes[offset] == 0x0A {
                line += 1
                column = 1
            } else if bytes[offset] & 0xC0 != 0x80 {
                column += 1
            }
            offset += 1
        }
        return JSONPlace(line: line, column: column)
    }
}
