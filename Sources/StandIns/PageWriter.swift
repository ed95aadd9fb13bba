#if canImport(Glibc)
import Glibc
#endif

/// Writes a page into memory of a size that was computed beforehand. Exceeding it is a mistake of ours and
/// ends the process.
@safe struct PageWriter: ~Copyable {
    /// The digits of 0 to 99.
    private static let twoDigits: [UInt8] = (0..<100).flatMap { (number: UInt8) -> [UInt8] in
        [48 + number / 10, 48 + number % 10]
    }
    /// UInt64.max has 20 digits.
    static let mostDigits = 20

    private let start: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0

    private init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
        unsafe self.start = start
        self.capacity = capacity
    }

    /// What `fill` writes: at most `roomBytes`.
    static func page(roomBytes: Int, _ fill: (inout PageWriter) -> Void) -> [UInt8] {
        guard roomBytes > 0 else { return [] }
        // Safety: the buffer has `roomBytes` bytes and outlives the writer, which checks each write against
        // them, and says how many it has initialised.
        return unsafe Array(unsafeUninitializedCapacity: roomBytes) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            var writer = unsafe PageWriter(start, capacity: roomBytes)
            fill(&writer)
            count = writer.count
        }
    }

    mutating func append(_ byte: UInt8) {
        precondition(count < capacity, "the room of a page is computed before")
        // Safety: in bounds, as was checked.
        unsafe start[count] = byte
        count += 1
    }

    mutating func append(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= capacity - count, "the room of a page is computed before")
        // Safety: in bounds, as was checked; the writer's memory is nobody else's.
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let from = bytes.baseAddress else { return }
            unsafe memcpy(start + count, from, bytes.count)
        }
        count += bytes.count
    }

    mutating func append(decimal value: UInt64) {
        // Two digits at a time, from the back.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = Self.mostDigits
        var rest = value
        let table = Self.twoDigits.span
        while rest >= 100 {
            let (above, pair) = rest.quotientAndRemainder(dividingBy: 100)
            first -= 2
            digits[first] = table[Int(pair) * 2]
            digits[first + 1] = table[Int(pair) * 2 + 1]
            rest = above
        }
        if rest >= 10 {
            first -= 2
            digits[first] = table[Int(rest) * 2]
            digits[first + 1] = table[Int(rest) * 2 + 1]
        } else {
            first -= 1
            digits[first] = 48 + UInt8(rest)
        }
        append(digits.span.extracting(first...))
    }

    /// `value` in thousandths or hundredths: `divisor` is 1,000 or 100, and as many decimals are written.
    mutating func append(fixed value: UInt64, divisor: UInt64) {
        append(decimal: value / divisor)
        append(UInt8(ascii: "."))
        var rest = value % divisor
        if divisor == 1_000 {
            append(48 + UInt8(rest / 100))
            rest %= 100
        }
        append(48 + UInt8(rest / 10))
        append(48 + UInt8(rest % 10))
    }

    /// A varint of protobuf.
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// A double of protobuf, without its tag.
    mutating func append(double value: Double) {
        precondition(capacity - count >= 8, "the room of a page is computed before")
        // Safety: in bounds, as was checked; no alignment is asked for.
        unsafe UnsafeMutableRawPointer(start + count).storeBytes(
            of: value.bitPattern.littleEndian, as: UInt64.self)
        count += 8
    }

    /// What `content` writes, behind its length as a varint.
    mutating func appendDelimited(_ content: (inout PageWriter) -> Void) {
        let lengthAt = count
        append(0)
        content(&self)
        let length = count - lengthAt - 1
        var extra = 0
        while length >> (7 * (extra + 1)) > 0 { extra += 1 }
        if extra > 0 {
            precondition(extra <= capacity - count, "the room of a page is computed before")
            // Safety: the content is moved within what is in bounds, as was checked.
            unsafe memmove(start + lengthAt + 1 + extra, start + lengthAt + 1, length)
        }
        count = lengthAt
        append(varint: UInt64(length))
        count = lengthAt + 1 + extra + length
    }
}
