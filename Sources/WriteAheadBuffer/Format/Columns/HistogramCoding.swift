internal import MetricModel

/// Native histograms as frames hold them: bytes of docs/buffer-format.md, "Frame". The sum is not among them:
/// it stands in the column.
enum HistogramCoding {
    private static let isFloat: UInt8 = 1
    private static let hintShift: UInt8 = 1
    private static let hasZero: UInt8 = 8
    private static let hasNegative: UInt8 = 16
    private static let hasCustomValues: UInt8 = 32
    /// Everything but the counts is as the base has it, and the counts are differences to the base's.
    private static let hasBaseShape: UInt8 = 64

    // MARK: writing

    /// `base` is the series' histogram in the target's frame before, where there is one of the same layout.
    static func put(_ histogram: NativeHistogram, base: NativeHistogram?, into buffer: inout RecordBuffer) {
        if let base, base.hasShape(of: histogram) {
            buffer.putByte(hasBaseShape)
            putCounts(histogram.counts, base: base.counts, withZero: histogram.hasZeroBucket, &buffer)
            return
        }
        var head = histogram.resetHint.rawValue << hintShift
        if case .float = histogram.counts { head |= isFloat }
        if histogram.hasZeroBucket { head |= hasZero }
        if !histogram.negativeSpans.isEmpty { head |= hasNegative }
        if !histogram.customValues.isEmpty { head |= hasCustomValues }
        buffer.putByte(head)
        buffer.putSigned(Int64(histogram.schema))
        if head & hasZero != 0 { buffer.putFixed64(histogram.zeroThreshold.bitPattern) }
        putSpans(histogram.positiveSpans, &buffer)
        if head & hasNegative != 0 { putSpans(histogram.negativeSpans, &buffer) }
        if head & hasCustomValues != 0 {
            buffer.putVarint(UInt64(histogram.customValues.count))
            for bound in histogram.customValues { buffer.putFixed64(bound.bitPattern) }
        }
        putCounts(histogram.counts, base: nil, withZero: histogram.hasZeroBucket, &buffer)
    }

    private static func putSpans(_ spans: [NativeHistogram.BucketSpan], _ buffer: inout RecordBuffer) {
        buffer.putVarint(UInt64(spans.count))
        for span in spans {
            buffer.putSigned(Int64(span.offset))
            buffer.putVarint(UInt64(span.length))
        }
    }

    private static func putCounts(
        _ counts: NativeHistogram.Counts, base: NativeHistogram.Counts?, withZero: Bool,
        _ buffer: inout RecordBuffer
    ) {
        switch counts {
        case .integer(let count, let zeroCount, let positive, let negative):
            var before = (count: UInt64(0), zero: UInt64(0), positive: [Int64](), negative: [Int64]())
            if case .integer(let count, let zero, let positive, let negative)? = base {
                before = (count, zero, positive, negative)
            }
            // Modulo 2^64: what is added again when it is read.
            buffer.putSigned(Int64(bitPattern: count &- before.count))
            if withZero { buffer.putSigned(Int64(bitPattern: zeroCount &- before.zero)) }
            for (index, delta) in positive.enumerated() {
                buffer.putSigned(delta &- (before.positive.isEmpty ? 0 : before.positive[index]))
            }
            for (index, delta) in negative.enumerated() {
                buffer.putSigned(delta &- (before.negative.isEmpty ? 0 : before.negative[index]))
            }
        case .float(let count, let zeroCount, let positive, let negative):
            var before = (count: 0.0, zero: 0.0, positive: [Double](), negative: [Double]())
            if case .float(let count, let zero, let positive, let negative)? = base {
                before = (count, zero, positive, negative)
            }
            buffer.putFloat(count, base: before.count)
            if withZero { buffer.putFloat(zeroCount, base: before.zero) }
            for (index, bucket) in positive.enumerated() {
                buffer.putFloat(bucket, base: before.positive.isEmpty ? 0 : before.positive[index])
            }
            for (index, bucket) in negative.enumerated() {
                buffer.putFloat(bucket, base: before.negative.isEmpty ? 0 : before.negative[index])
            }
        }
    }

    // MARK: reading

    /// Reads a histogram and moves `offset` behind it; nil when the bytes are none.
    static func histogram(
        _ bytes: Span<UInt8>, _ offset: inout Int, sum: Double, base: NativeHistogram?
    ) -> NativeHistogram? {
        guard let head = Wire.byte(bytes, &offset) else { return nil }
        if head == hasBaseShape {
            guard var histogram = base,
                let counts = counts(
                    bytes, &offset, like: histogram.counts, isDifference: true,
                    withZero: histogram.hasZeroBucket)
            else { return nil }
            histogram.sum = sum
            histogram.counts = counts
            return histogram
        }
        guard head < hasBaseShape, let hint = NativeHistogram.ResetHint(rawValue: head >> hintShift & 3),
            let schema = Wire.signed(bytes, &offset).flatMap({ Int32(exactly: $0) })
        else { return nil }
        var threshold: UInt64 = 0
        if head & hasZero != 0 {
            guard let bits = Wire.fixed64(bytes, &offset) else { return nil }
            threshold = bits
        }
        guard let positive = spans(bytes, &offset),
            let negative = head & hasNegative != 0 ? spans(bytes, &offset) : [],
            let positiveCount = NativeHistogram.bucketCount(positive),
            let negativeCount = NativeHistogram.bucketCount(negative)
        else { return nil }
        var custom: [Double] = []
        if head & hasCustomValues != 0 {
            guard let count = Wire.count(bytes, &offset, itemBytes: 8) else { return nil }
            custom.reserveCapacity(count)
            for _ in 0..<count {
                guard let bits = Wire.fixed64(bytes, &offset) else { return nil }
                custom.append(Double(bitPattern: bits))
            }
        }
        // Each bucket takes a byte at least, so damaged spans allocate no more than the bytes there are.
        guard positiveCount + negativeCount <= bytes.count - offset else { return nil }
        let shape: NativeHistogram.Counts =
            head & isFloat != 0
            ? .float(
                count: 0, zeroCount: 0, positiveCounts: Array(repeating: 0, count: positiveCount),
                negativeCounts: Array(repeating: 0, count: negativeCount))
            : .integer(
                count: 0, zeroCount: 0, positiveDeltas: Array(repeating: 0, count: positiveCount),
                negativeDeltas: Array(repeating: 0, count: negativeCount))
        guard
            let counts = counts(
                bytes, &offset, like: shape, isDifference: false, withZero: head & hasZero != 0)
        else { return nil }
        return NativeHistogram(
            schema: schema, zeroThreshold: Double(bitPattern: threshold), sum: sum, resetHint: hint,
            positiveSpans: positive, negativeSpans: negative, counts: counts, customValues: custom)
    }

    private static func spans(
        _ bytes: Span<UInt8>, _ offset: inout Int
    ) -> [NativeHistogram.BucketSpan]? {
        guard let count = Wire.count(bytes, &offset, itemBytes: 2) else { return nil }
        var spans: [NativeHistogram.BucketSpan] = []
        spans.reserveCapacity(count)
        for _ in 0..<count {
            guard let gap = Wire.signed(bytes, &offset).flatMap({ Int32(exactly: $0) }),
                let length = Wire.varint32(bytes, &offset)
            else { return nil }
            spans.append(.init(offset: gap, length: length))
        }
        return spans
    }

    /// Counts of as many buckets as `like` has, added to `like` where they are differences.
    private static func counts(
        _ bytes: Span<UInt8>, _ offset: inout Int, like: NativeHistogram.Counts, isDifference: Bool,
        withZero: Bool
    ) -> NativeHistogram.Counts? {
        switch like {
        case .integer(let count, let zeroCount, var positive, var negative):
            guard positive.count + negative.count <= bytes.count - offset,
                let total = Wire.signed(bytes, &offset),
                let zero = withZero ? Wire.signed(bytes, &offset) : 0,
                add(bytes, &offset, to: &positive), add(bytes, &offset, to: &negative)
            else { return nil }
            return .integer(
                count: count &+ UInt64(bitPattern: total), zeroCount: zeroCount &+ UInt64(bitPattern: zero),
                positiveDeltas: positive, negativeDeltas: negative)
        case .float(let count, let zeroCount, var positive, var negative):
            guard positive.count + negative.count <= bytes.count - offset,
                let total = Wire.float(bytes, &offset, base: count),
                let zero = withZero ? Wire.float(bytes, &offset, base: zeroCount) : 0,
                combine(bytes, &offset, with: &positive), combine(bytes, &offset, with: &negative)
            else { return nil }
            return .float(count: total, zeroCount: zero, positiveCounts: positive, negativeCounts: negative)
        }
    }

    private static func add(_ bytes: Span<UInt8>, _ offset: inout Int, to deltas: inout [Int64]) -> Bool {
        for index in deltas.indices {
            guard let difference = Wire.signed(bytes, &offset) else { return false }
            deltas[index] &+= difference
        }
        return true
    }

    private static func combine(
        _ bytes: Span<UInt8>, _ offset: inout Int, with counts: inout [Double]
    ) -> Bool {
        for index in counts.indices {
            guard let count = Wire.float(bytes, &offset, base: counts[index]) else { return false }
            counts[index] = count
        }
        return true
    }
}

extension NativeHistogram {
    /// Whether a zero bucket is said to be there at all.
    var hasZeroBucket: Bool {
        if zeroThreshold.bitPattern != 0 { return true }
        return switch counts {
        case .integer(_, let zero, _, _): zero != 0
        case .float(_, let zero, _, _): zero.bitPattern != 0
        }
    }

    /// Whether both differ in their counts and sums at most.
    fileprivate func hasShape(of other: NativeHistogram) -> Bool {
        switch (counts, other.counts) {
        case (.integer, .integer), (.float, .float): break
        default: return false
        }
        return schema == other.schema && resetHint == other.resetHint
            && zeroThreshold.bitPattern == other.zeroThreshold.bitPattern
            && hasZeroBucket == other.hasZeroBucket && positiveSpans == other.positiveSpans
            && negativeSpans == other.negativeSpans
            && customValues.elementsEqual(other.customValues) { $0.bitPattern == $1.bitPattern }
    }
}

extension RecordBuffer {
    /// The bits XOR-ed with the base's, lowest byte last, so that round numbers are short.
    mutating func putFloat(_ value: Double, base: Double) {
        putVarint((value.bitPattern ^ base.bitPattern).byteSwapped)
    }
}

extension Wire {
    static func float(_ bytes: Span<UInt8>, _ offset: inout Int, base: Double) -> Double? {
        varint(bytes, &offset).map { Double(bitPattern: $0.byteSwapped ^ base.bitPattern) }
    }
}
