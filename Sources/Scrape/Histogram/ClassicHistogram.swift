import MetricModel

/// The buckets of one classic histogram, gathered in any order to become a native one of custom buckets
/// (prometheus/util/convertnhcb: the same rules).
struct ClassicHistogram {
    private struct Bucket {
        let bound: Double
        let count: Double
        /// The first of equal bounds counts.
        let place: Int
    }

    private var buckets: [Bucket] = []
    private var count: Double?
    private var sum = 0.0
    private var isAscending = true
    private(set) var fault: String?

    init() {}

    mutating func set(sum: Double) { self.sum = sum }

    mutating func set(count: Double) {
        if count < 0 { fail("its count is negative") }
        self.count = count
    }

    /// Adds the cumulative count of the bucket up to `bound`; a bound met before is passed over.
    mutating func add(bound: Double, count: Double) {
        guard fault == nil else { return }
        guard !bound.isNaN else { return fail("a bound is NaN") }
        guard !(count < 0) else { return fail("the bucket up to \(bound) has a negative count") }
        guard buckets.count < NativeHistogram.maxBuckets else { return fail("it has too many buckets") }
        if let last = buckets.last, last.bound >= bound { isAscending = false }
        buckets.append(Bucket(bound: bound, count: count, place: buckets.count))
    }

    /// The native histogram; nil when the parts contradict each other, as `fault` then tells.
    mutating func converted(hint: NativeHistogram.ResetHint = .unknown) -> NativeHistogram? {
        guard fault == nil else { return nil }
        if !isAscending { buckets.sort { ($0.bound, $0.place) < ($1.bound, $1.place) } }
        var bounds: [Double] = []
        var counts: [Double] = []
        for bucket in buckets where bucket.bound != bounds.last {
            bounds.append(bucket.bound)
            counts.append(bucket.count)
        }
        if bounds.last == .infinity { bounds.removeLast() }
        do throws(Contradiction) {
            return try Self.converted(bounds: bounds, counts: counts, count: count, sum: sum, hint: hint)
        } catch {
            fail(error.reason)
            return nil
        }
    }

    private mutating func fail(_ reason: String) {
        if fault == nil { fault = reason }
    }

    // MARK: in order

    /// Why parts make no histogram.
    struct Contradiction: Error {
        let reason: String
    }

    /// The histogram of cumulative `counts`, none of them negative, for the ascending `bounds`; the bucket up
    /// to +Inf, which is not among the bounds, may be there or not. Without a `count` it is the last
    /// bucket's.
    static func converted(
        bounds: [Double], counts: [Double], count: Double?, sum: Double, hint: NativeHistogram.ResetHint
    ) throws(Contradiction) -> NativeHistogram {
        guard let total = count ?? counts.last else {
            throw Contradiction(reason: "it has neither count nor buckets")
        }
        var counts = counts
        if counts.count == bounds.count { counts.append(total) }
        guard let last = counts.last, last == total else {
            throw Contradiction(
                reason: "its count is \(total), and its last bucket's \(counts.last ?? 0)")
        }
        for index in counts.indices.dropFirst() where counts[index] < counts[index - 1] {
            throw Contradiction(
                reason: "its counts do not ascend at the bound "
                    + "\(index < bounds.count ? bounds[index] : .infinity)")
        }
        if let histogram = integer(bounds: bounds, counts: counts, sum: sum, hint: hint) {
            return try checked(histogram)
        }
        return try checked(
            NativeHistogram(
                schema: NativeHistogram.customBucketsSchema, sum: sum, resetHint: hint,
                positiveSpans: [.init(offset: 0, length: UInt32(counts.count))],
                counts: .float(
                    count: total, zeroCount: 0,
                    positiveCounts: zip(counts, [0] + counts).map { $0 - $1 }, negativeCounts: []),
                customValues: bounds
            ).compacted())
    }

    private static func checked(_ histogram: NativeHistogram) throws(Contradiction) -> NativeHistogram {
        if let reason = histogram.fault { throw Contradiction(reason: reason) }
        return histogram
    }

    /// Empty buckets between populated ones that are kept rather than begin another span (convertnhcb,
    /// `Compact(2)`).
    private static let maxEmptyBuckets = 2

    /// With integers; nil when a count is none. The counts ascend and are not negative.
    private static func integer(
        bounds: [Double], counts: [Double], sum: Double, hint: NativeHistogram.ResetHint
    ) -> NativeHistogram? {
        var spans: [NativeHistogram.BucketSpan] = []
        var deltas: [Int64] = []
        deltas.reserveCapacity(counts.count)
        var before: Int64 = 0
        var lastOwn: Int64 = 0
        var empty = 0
        for count in counts {
            guard let cumulative = Int64(exactly: count) else { return nil }
            // Neither overflows: both are between 0 and the greatest integer.
            let own = cumulative - before
            before = cumulative
            guard own != 0 else {
                empty += 1
                continue
            }
            if spans.isEmpty || empty > maxEmptyBuckets {
                spans.append(.init(offset: Int32(empty), length: 1))
            } else {
                for _ in 0..<empty {
                    deltas.append(-lastOwn)
                    lastOwn = 0
                }
                spans[spans.count - 1].length += UInt32(empty) + 1
            }
            deltas.append(own - lastOwn)
            lastOwn = own
            empty = 0
        }
        return NativeHistogram(
            schema: NativeHistogram.customBucketsSchema, sum: sum, resetHint: hint, positiveSpans: spans,
            counts: .integer(
                count: UInt64(before), zeroCount: 0, positiveDeltas: deltas, negativeDeltas: []),
            customValues: bounds)
    }
}
