internal import MetricModel

#if canImport(Glibc)
import Glibc
#endif

/// Where a request is written, as pointers, for the length of one loop over a chunk: the loop keeps them in
/// registers.
@unsafe struct RequestCursor {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private let limitBytes: Int
    private(set) var byteCount: Int
    /// Bytes that the length of the series before took.
    private var lengthBytes = 1

    init(_ scratch: RequestScratch, limitBytes: Int) {
        unsafe base = scratch.raw
        unsafe capacity = scratch.capacity
        unsafe byteCount = scratch.written
        unsafe self.limitBytes = limitBytes
    }

    /// Writes the chunk's `series`, their values from `values[first]` on; returns how many it wrote before
    /// the limit.
    @inline(never)
    mutating func putRun(
        _ labels: LabelPointers, _ series: Range<Int>, _ values: Span<Double>, at first: Int,
        _ field: TimestampField, _ scratch: RequestScratch
    ) -> Int {
        // A copy on the stack, so that the loop keeps it in registers.
        var cursor = unsafe self
        var written = 0
        var shape = unsafe labels.shape(ofSeries: series.lowerBound)
        precondition(first >= 0 && series.count <= values.count - first, "a value for each series")
        for index in series {
            // Safety: in bounds by the precondition.
            let bits = unsafe values[unchecked: first &+ written].bitPattern
            guard unsafe cursor.put(labels, shape, bits, field, scratch) else { break }
            written &+= 1
            // After the last series of the chunk this reads a place behind the numbers, where the code has
            // room. The shape that it gives is not used.
            shape.start = shape.end
            unsafe shape.end = labels.start(ofSeries: index &+ 2)
        }
        unsafe self = cursor
        return written
    }

    /// Writes one series with one sample; false when it would pass the byte limit, and nothing has changed
    /// then.
    ///
    /// The labels are written behind a gap for their length, guessed to take as many bytes as the series
    /// before.
    @inline(__always)
    mutating func put(
        _ labels: LabelPointers, _ shape: LabelPointers.Shape, _ valueBits: UInt64,
        _ field: TimestampField, _ scratch: RequestScratch
    ) -> Bool {
        let most = unsafe byteCount &+ labels.mostBytes(shape) &+ RequestScratch.slack
        if unsafe most > capacity {
            unsafe (base, capacity) = Self.grown(scratch, to: most, written: byteCount)
        }
        // Safety: all that is written, the slack that the wide stores touch included, is below `most`, so
        // within the capacity; copying from inside the chunk and the target is what `LabelPointers`
        // promises.
        let start = unsafe base + byteCount
        let content = unsafe start + 1 + lengthBytes
        var out = unsafe labels.copy(shape, to: content)
        let valueLength = valueBits == 0 ? 0 : 9
        let sampleLength = valueLength + field.length
        unsafe out.storeBytes(
            of: UInt16(truncatingIfNeeded: 0x12 | sampleLength << 8).littleEndian, as: UInt16.self)
        unsafe out += 2
        // Written in any case and written over when it is left out: no branch on the value.
        unsafe out.storeBytes(of: 0x09, as: UInt8.self)
        unsafe (out + 1).storeBytes(of: valueBits.littleEndian, as: UInt64.self)
        unsafe out += valueLength
        unsafe out.storeBytes(of: field.bytes, as: SIMD16<UInt8>.self)
        let length = unsafe out - content + field.length
        let needed = length < 128 ? 1 : ProtobufWire.varintLength(length)
        let end = unsafe byteCount &+ 1 &+ needed &+ length
        if unsafe end > limitBytes, unsafe byteCount > 0 { return false }
        if unsafe needed != lengthBytes {
            unsafe memmove(start + 1 + needed, content, length)
            unsafe lengthBytes = needed
        }
        if needed == 1 {
            unsafe start.storeBytes(
                of: UInt16(truncatingIfNeeded: 0x0A | length << 8).littleEndian, as: UInt16.self)
        } else if needed == 2 {
            unsafe start.storeBytes(
                of: UInt16(truncatingIfNeeded: 0x800A | length << 8).littleEndian, as: UInt16.self)
            unsafe (start + 2).storeBytes(of: UInt8(truncatingIfNeeded: length >> 7), as: UInt8.self)
        } else {
            unsafe start.storeBytes(of: 0x0A, as: UInt8.self)
            var rest = length
            for index in 1...needed {
                let more: UInt8 = index < needed ? 0x80 : 0
                unsafe (start + index).storeBytes(
                    of: UInt8(truncatingIfNeeded: rest & 0x7F) | more, as: UInt8.self)
                rest >>= 7
            }
        }
        unsafe byteCount = end
        return true
    }

    /// Writes one series with finished fields behind its labels; false when it would pass the byte limit,
    /// and nothing has changed then.
    mutating func put(
        _ labels: LabelPointers, _ shape: LabelPointers.Shape, fields: [UInt8],
        _ scratch: RequestScratch
    ) -> Bool {
        let most =
            unsafe byteCount + labels.mostBytes(shape) + fields.count
            + RequestScratch.slack
        if unsafe most > capacity {
            unsafe (base, capacity) = Self.grown(scratch, to: most, written: byteCount)
        }
        // Safety: as in the function above; the fields are copied to room that `most` counts.
        let start = unsafe base + byteCount
        // Tag and length take at most eleven bytes; what is behind them is moved once the length is known.
        let content = unsafe start + 11
        let out = unsafe labels.copy(shape, to: content)
        unsafe fields.withUnsafeBytes { bytes in
            if let address = bytes.baseAddress {
                unsafe out.copyMemory(from: address, byteCount: bytes.count)
            }
        }
        let length = unsafe out - content + fields.count
        let needed = ProtobufWire.varintLength(length)
        let end = unsafe byteCount + 1 + needed + length
        if unsafe end > limitBytes, unsafe byteCount > 0 { return false }
        unsafe memmove(start + 1 + needed, content, length)
        unsafe start.storeBytes(of: 0x0A, as: UInt8.self)
        var rest = length
        for index in 1...needed {
            let more: UInt8 = index < needed ? 0x80 : 0
            unsafe (start + index).storeBytes(
                of: UInt8(truncatingIfNeeded: rest & 0x7F) | more, as: UInt8.self)
            rest >>= 7
        }
        unsafe byteCount = end
        return true
    }

    /// Lets the scratch grow, and returns where it then is. Not inlined, so that loops do not read the
    /// scratch's properties where it does not grow.
    // Safety: what was read of the scratch before is not used any more.
    @inline(never)
    private static func grown(
        _ scratch: RequestScratch, to byteCount: Int, written: Int
    ) -> (UnsafeMutableRawPointer, Int) {
        scratch.grow(to: byteCount, written: written)
        return unsafe (scratch.raw, scratch.capacity)
    }
}
