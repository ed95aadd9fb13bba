import MetricModel

@testable import WriteAheadBuffer

/// Columns of values with what may follow them.
enum ColumnCheck {
    /// How the values are cut in chunks, what they are differences from, and where the rest begins.
    private struct Shape {
        var starts: [UInt32] = [0]
        var base: [Double] = []
        var bases = BaseMap.none
        var rest: [UInt8] = []

        /// Two bytes: so many series in each of two chunks, up to 63; whether there is a base, and whether
        /// its chunks stand the other way round. Then the base.
        init?(_ bytes: [UInt8]) {
            guard bytes.count > 2 else { return nil }
            let counts = [Int(bytes[0] & 63), Int(bytes[1] & 63)]
            for count in counts { starts.append(starts[starts.count - 1] + UInt32(count)) }
            var rest = bytes.dropFirst(2)
            if bytes[0] & 64 != 0 {
                for _ in 0..<counts[0] + counts[1] { base.append(Self.value(&rest)) }
                // A chunk of the base may be shorter than the one that refers to it; then the other serves.
                bases =
                    bytes[1] & 64 == 0
                    ? .same : .moved([counts[0] <= counts[1] ? counts[0] : 0, bytes[1] & 128 == 0 ? 0 : -1])
            }
            self.rest = Array(rest)
        }

        /// The next eight bytes as a value; where there are fewer, small numbers.
        static func value(_ rest: inout ArraySlice<UInt8>) -> Double {
            let bytes = rest.prefix(8)
            rest = rest.dropFirst(8)
            guard bytes.count == 8 else { return Double(bytes.count) }
            return Double(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    /// A column of any origin: what can be read can be written and read again.
    static func read(_ bytes: [UInt8]) {
        guard let shape = Shape(bytes) else { return }
        let column = shape.rest
        var offset = 0
        guard
            let values = ColumnCodec.decode(
                column.span, &offset, starts: shape.starts, base: shape.base, bases: shape.bases)
        else { return }
        precondition(offset <= column.count, "a column lies in its record")
        check(values, shape)
        sides(column, offset, values)
    }

    /// Any values: what is written can be read.
    static func write(_ bytes: [UInt8]) {
        guard let shape = Shape(bytes) else { return }
        var rest = shape.rest[...]
        let count = Int(shape.starts[shape.starts.count - 1])
        check((0..<count).map { _ in Shape.value(&rest) }, shape)
    }

    private static func check(_ values: [Double], _ shape: Shape) {
        // No writer encodes a frame without a value.
        guard !values.isEmpty else { return }
        var buffer = RecordBuffer()
        ColumnCodec.encode(
            values, starts: shape.starts, base: shape.base, bases: shape.bases, into: &buffer)
        let written = buffer.bytes
        var offset = 0
        let again = ColumnCodec.decode(
            written.span, &offset, starts: shape.starts, base: shape.base, bases: shape.bases)
        precondition(offset == written.count, "a column ends where it was ended")
        precondition(
            again?.map(\.bitPattern) == values.map(\.bitPattern), "a column that is written can be read")
    }

    private static func sides(_ bytes: [UInt8], _ start: Int, _ values: [Double]) {
        var offset = start
        let timestampMs: Int64 = 1_700_000_000_000
        guard
            let read = FrameSides(bytes.span, &offset, base: nil, timestampMs: timestampMs, values: values)
        else { return }
        precondition(offset <= bytes.count, "the sides lie in their record")
        guard read.histograms.allSatisfy(\.histogram.isWellFormed) else { return }
        var buffer = RecordBuffer()
        read.put(base: nil, timestampMs: timestampMs, into: &buffer)
        let written = buffer.bytes
        var end = 0
        guard
            let again = FrameSides(written.span, &end, base: nil, timestampMs: timestampMs, values: values),
            end == written.count
        else { preconditionFailure("sides that are written again can be read") }
        precondition(
            again.histograms == read.histograms && again.starts == read.starts
                && again.exemplars == read.exemplars, "sides that are written again are the same")
        // As the base of the next frame's, too.
        var next = RecordBuffer()
        read.put(base: read, timestampMs: timestampMs, into: &next)
        var nextEnd = 0
        let follower = FrameSides(
            next.bytes.span, &nextEnd, base: read, timestampMs: timestampMs, values: values)
        precondition(
            follower?.histograms == read.histograms && follower?.starts == read.starts,
            "sides that are written against themselves are the same")
    }
}
