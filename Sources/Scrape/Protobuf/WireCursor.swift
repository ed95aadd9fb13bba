/// A place in a protobuf message and the message's end (protobuf.dev/programming-guides/encoding). Reads
/// nothing outside; bytes are of any origin.
struct WireCursor {
    /// A field's number and how its value is written.
    struct Field {
        let number: Int
        let type: WireType
    }

    enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
        case fixed32 = 5
    }

    private(set) var position: Int
    let end: Int

    /// `range` lies in the body.
    init(_ body: RawSpan, _ range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= body.byteCount, "the message is in the body")
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position >= end }

    /// The next field; nil at the message's end.
    @inline(__always)
    mutating func next(_ body: RawSpan) throws(ScrapeError) -> Field? {
        guard position < end else { return nil }
        let start = position
        let tag = try varint(body)
        guard let type = WireType(rawValue: tag & 7), tag >> 3 > 0, tag >> 3 <= 0x1FFF_FFFF else {
            throw Self.malformed("a field has an impossible tag", start)
        }
        return Field(number: Int(tag >> 3), type: type)
    }

    @inline(__always)
    mutating func varint(_ body: RawSpan) throws(ScrapeError) -> UInt64 {
        if position < end {
            let byte = body.uncheckedByte(position)
            if byte < 0x80 {
                position &+= 1
                return UInt64(byte)
            }
        }
        return try longVarint(body)
    }

    @inline(never)
    private mutating func longVarint(_ body: RawSpan) throws(ScrapeError) -> UInt64 {
        let start = position
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = body.uncheckedByte(position)
            position &+= 1
            // Bits beyond the 64th go by, as in Go.
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        throw Self.malformed("a number ends early or has more than ten bytes", start)
    }

    @inline(__always)
    mutating func fixed64(_ body: RawSpan) throws(ScrapeError) -> UInt64 {
        guard end &- position >= 8 else { throw Self.malformed("a number ends early", position) }
        defer { position &+= 8 }
        return body.uncheckedWord64(position)
    }

    /// The range of a length-delimited value.
    @inline(__always)
    mutating func bytes(_ body: RawSpan) throws(ScrapeError) -> Range<Int> {
        let start = position
        let length = try varint(body)
        guard length <= UInt64(end &- position) else {
            throw Self.malformed("a field of \(length) bytes ends early", start)
        }
        let first = position
        position = first &+ Int(length)
        return first..<position
    }

    /// Passes over a value.
    mutating func skip(_ type: WireType, _ body: RawSpan) throws(ScrapeError) {
        switch type {
        case .varint: _ = try varint(body)
        case .fixed64: _ = try fixed64(body)
        case .bytes: _ = try bytes(body)
        case .fixed32:
            guard end - position >= 4 else { throw Self.malformed("a number ends early", position) }
            position += 4
        }
    }

    // MARK: values of a type; another way to write it is an error, as in Go

    @inline(__always)
    mutating func message(_ field: Field, _ body: RawSpan) throws(ScrapeError) -> Range<Int> {
        guard field.type == .bytes else { throw mistyped(field) }
        return try bytes(body)
    }

    @inline(__always)
    mutating func double(_ field: Field, _ body: RawSpan) throws(ScrapeError) -> Double {
        guard field.type == .fixed64 else { throw mistyped(field) }
        return Double(bitPattern: try fixed64(body))
    }

    @inline(__always)
    mutating func integer(_ field: Field, _ body: RawSpan) throws(ScrapeError) -> UInt64 {
        guard field.type == .varint else { throw mistyped(field) }
        return try varint(body)
    }

    func mistyped(_ field: Field) -> ScrapeError {
        Self.malformed("field \(field.number) is written in a way that is not its own", position)
    }

    static func malformed(_ what: String, _ offset: Int) -> ScrapeError {
        ScrapeError(.exposition, "protobuf: byte \(offset): \(what)", offset: offset)
    }

    static func zigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}
