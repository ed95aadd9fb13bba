import MetricModel

/// A Histogram of a protobuf body while it is read; kept from one to the next for its room.
struct HistogramMessage {
    struct Bucket {
        var bound = 0.0
        /// Cumulative.
        var count = 0.0
        // The range of its exemplar; 24 bytes for a bucket are much beside the two that it may be in a body.
        private var exemplarStart: UInt32 = 0
        private var exemplarEnd = UInt32.max

        /// Nil without one. Offsets into a body fit 32 bits.
        var exemplar: Range<Int>? {
            get { exemplarEnd == .max ? nil : Int(exemplarStart)..<Int(exemplarEnd) }
            set {
                exemplarStart = UInt32(newValue?.lowerBound ?? 0)
                exemplarEnd = newValue.map { UInt32($0.upperBound) } ?? .max
            }
        }
    }

    /// Bytes that the buckets take.
    var heldBytes: Int { MemoryLayout<Bucket>.stride * buckets.count }

    /// Classic buckets of one histogram at most: a bound on the room that a hostile message can ask for.
    static let maxClassicBuckets = 1 << 20
    /// After so many of them it is asked whether the page may take more memory.
    private static let checkedBuckets = 16_384

    private(set) var buckets: [Bucket] = []
    private(set) var sum = 0.0
    private(set) var startMs: Int64?
    private(set) var exemplars: [Range<Int>] = []
    private var sampleCount: UInt64 = 0
    private var sampleCountFloat = 0.0
    private var range = 0..<0

    init() {}

    /// Of the classic histogram: the float where it says something, as in Prometheus.
    var count: Double { sampleCountFloat != 0 ? sampleCountFloat : Double(sampleCount) }

    /// Reads all but the native buckets; returns whether there are any: spans, empty ones included, or a
    /// zero bucket (prometheus/model/textparse, isNativeHistogram). `memory` is asked whether a page that
    /// takes `pageBytes` may take what the buckets do as well.
    mutating func read(
        _ body: RawSpan, _ range: Range<Int>, memory: PageMemory? = nil, pageBytes: Int = 0
    ) throws(ScrapeError) -> Bool {
        buckets.removeAll(keepingCapacity: true)
        exemplars.removeAll(keepingCapacity: true)
        sum = 0
        startMs = nil
        sampleCount = 0
        sampleCountFloat = 0
        self.range = range
        var isNative = false
        var cursor = WireCursor(body, range)
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: sampleCount = try cursor.integer(field, body)
            case 2: sum = try cursor.double(field, body)
            case 3:
                buckets.append(try Self.bucket(body, try cursor.message(field, body)))
                try Self.bound(buckets.count, cursor, limit: Self.maxClassicBuckets)
                if buckets.count % Self.checkedBuckets == 0 { try memory?.check(pageBytes + heldBytes) }
            case 4: sampleCountFloat = try cursor.double(field, body)
            case 6: if try cursor.double(field, body) > 0 { isNative = true }
            case 7: if try cursor.integer(field, body) > 0 { isNative = true }
            case 9, 12:
                _ = try cursor.message(field, body)
                isNative = true
            case 15: startMs = try ProtobufExemplar.timestampMs(body, try cursor.message(field, body))
            case 16:
                exemplars.append(try cursor.message(field, body))
                try Self.bound(exemplars.count, cursor)
            default: try cursor.skip(field.type, body)
            }
        }
        return isNative
    }

    static func bucket(_ body: RawSpan, _ range: Range<Int>) throws(ScrapeError) -> Bucket {
        var cursor = WireCursor(body, range)
        var bucket = Bucket()
        var count: UInt64 = 0
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: count = try cursor.integer(field, body)
            case 2: bucket.bound = try cursor.double(field, body)
            case 3: bucket.exemplar = try cursor.message(field, body)
            case 4: bucket.count = try cursor.double(field, body)
            default: try cursor.skip(field.type, body)
            }
        }
        if bucket.count == 0 { bucket.count = Double(count) }
        return bucket
    }

    // MARK: native buckets

    /// Buckets of one side while they are read.
    private struct Side {
        var spans: [NativeHistogram.BucketSpan] = []
        var deltas: [Int64] = []
        var counts: [Double] = []
    }

    /// The native histogram of the message read last, without empty buckets.
    func native(_ body: RawSpan, hint: NativeHistogram.ResetHint) throws(ScrapeError) -> NativeHistogram {
        var cursor = WireCursor(body, range)
        var positive = Side()
        var negative = Side()
        var schema: Int32 = 0
        var threshold = 0.0
        var zeroCount: UInt64 = 0
        var zeroCountFloat = 0.0
        while let field = try cursor.next(body) {
            switch field.number {
            case 5: schema = Int32(truncatingIfNeeded: WireCursor.zigzag(try cursor.integer(field, body)))
            case 6: threshold = try cursor.double(field, body)
            case 7: zeroCount = try cursor.integer(field, body)
            case 8: zeroCountFloat = try cursor.double(field, body)
            case 9:
                negative.spans.append(try Self.span(body, try cursor.message(field, body)))
                try Self.bound(negative.spans.count, cursor)
            case 10: try Self.deltas(field, body, &cursor, into: &negative.deltas)
            case 11: try Self.counts(field, body, &cursor, into: &negative.counts)
            case 12:
                positive.spans.append(try Self.span(body, try cursor.message(field, body)))
                try Self.bound(positive.spans.count, cursor)
            case 13: try Self.deltas(field, body, &cursor, into: &positive.deltas)
            case 14: try Self.counts(field, body, &cursor, into: &positive.counts)
            default: try cursor.skip(field.type, body)
            }
        }
        // As in Prometheus: the float counts decide when either says something.
        let isFloat = sampleCountFloat > 0 || zeroCountFloat > 0
        return NativeHistogram(
            schema: schema, zeroThreshold: threshold, sum: sum, resetHint: hint,
            positiveSpans: positive.spans, negativeSpans: negative.spans,
            counts: isFloat
                ? .float(
                    count: sampleCountFloat, zeroCount: zeroCountFloat, positiveCounts: positive.counts,
                    negativeCounts: negative.counts)
                : .integer(
                    count: sampleCount, zeroCount: zeroCount, positiveDeltas: positive.deltas,
                    negativeDeltas: negative.deltas)
        ).compacted()
    }

    private static func span(
        _ body: RawSpan, _ range: Range<Int>
    ) throws(ScrapeError) -> NativeHistogram.BucketSpan {
        var cursor = WireCursor(body, range)
        var span = NativeHistogram.BucketSpan(offset: 0, length: 0)
        while let field = try cursor.next(body) {
            switch field.number {
            case 1:
                span.offset = Int32(truncatingIfNeeded: WireCursor.zigzag(try cursor.integer(field, body)))
            case 2: span.length = UInt32(truncatingIfNeeded: try cursor.integer(field, body))
            default: try cursor.skip(field.type, body)
            }
        }
        return span
    }

    /// Packed, or one number a field.
    private static func deltas(
        _ field: WireCursor.Field, _ body: RawSpan, _ cursor: inout WireCursor, into deltas: inout [Int64]
    ) throws(ScrapeError) {
        guard field.type == .bytes else {
            deltas.append(WireCursor.zigzag(try cursor.integer(field, body)))
            return try bound(deltas.count, cursor)
        }
        var packed = WireCursor(body, try cursor.bytes(body))
        while !packed.isAtEnd {
            deltas.append(WireCursor.zigzag(try packed.varint(body)))
            try bound(deltas.count, packed)
        }
    }

    private static func counts(
        _ field: WireCursor.Field, _ body: RawSpan, _ cursor: inout WireCursor, into counts: inout [Double]
    ) throws(ScrapeError) {
        guard field.type == .bytes else {
            counts.append(try cursor.double(field, body))
            return try bound(counts.count, cursor)
        }
        var packed = WireCursor(body, try cursor.bytes(body))
        while !packed.isAtEnd {
            counts.append(Double(bitPattern: try packed.fixed64(body)))
            try bound(counts.count, packed)
        }
    }

    private static func bound(
        _ count: Int, _ cursor: WireCursor, limit: Int = NativeHistogram.maxBuckets
    ) throws(ScrapeError) {
        guard count <= limit else {
            throw WireCursor.malformed(
                "a histogram has more than \(limit) buckets or exemplars", cursor.position)
        }
    }
}
