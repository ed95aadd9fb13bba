/// The header fields of a response. Kept as the bytes that came, one `name:value` a line, and searched when
/// asked: a scrape looks at one or two of them.
public struct HTTPHeaders: Sendable {
    private static let colon = UInt8(ascii: ":")
    private static let newline = UInt8(ascii: "\n")

    private var lines: [UInt8] = []
    /// Fields held.
    public private(set) var count = 0

    public init() {}

    /// Headers made by hand, as tests' servers do.
    public init(_ headers: [HTTPHeader]) {
        for header in headers {
            append(line: Array("\(header.name):\(header.value)".utf8).span)
        }
    }

    /// Bytes held, for bounds.
    var sizeBytes: Int { lines.count }

    /// The first value of this name, whatever the case, without white space around it; nil when absent.
    public subscript(name: String) -> String? {
        let wanted = Array(name.utf8)
        var start = 0
        while start < lines.count {
            let end = lines[start...].firstIndex(of: Self.newline) ?? lines.count
            if matches(wanted, at: start, end: end) {
                return String(decoding: lines[(start + wanted.count + 1)..<end], as: UTF8.self)
            }
            start = end + 1
        }
        return nil
    }

    /// Every field in the order received.
    public var all: [HTTPHeader] {
        lines.split(separator: Self.newline).map { line in
            let end = line.firstIndex(of: Self.colon) ?? line.endIndex
            return HTTPHeader(
                name: String(decoding: line[..<end], as: UTF8.self),
                value: String(decoding: line[end...].dropFirst(), as: UTF8.self))
        }
    }

    /// Adds one header line as received, its line end included or not. A line without a colon is passed over,
    /// as RFC 9112 §5 lets a user agent do.
    mutating func append(line: Span<UInt8>) {
        var end = line.count
        while end > 0, isSpace(line[end - 1]) { end -= 1 }
        var colon = 0
        while colon < end, line[colon] != Self.colon { colon += 1 }
        guard colon < end, colon > 0 else { return }
        var valueStart = colon + 1
        while valueStart < end, isSpace(line[valueStart]) { valueStart += 1 }
        lines.reserveCapacity(lines.count + end + 1)
        for index in 0...colon { lines.append(line[index]) }
        for index in valueStart..<end {
            let value = line[index]
            lines.append(value == Self.newline ? UInt8(ascii: " ") : value)
        }
        lines.append(Self.newline)
        count += 1
    }

    mutating func removeAll() {
        lines.removeAll(keepingCapacity: true)
        count = 0
    }

    private func matches(_ name: [UInt8], at start: Int, end: Int) -> Bool {
        guard start + name.count < end, lines[start + name.count] == Self.colon else { return false }
        for index in 0..<name.count where lower(lines[start + index]) != lower(name[index]) { return false }
        return true
    }

    private func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}
