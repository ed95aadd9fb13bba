import MetricModel

/// The buckets of one classic histogram, gathered to become a native one of custom buckets
/// (prometheus/util/convertnhcb: the same rules).
struct ClassicHistogram {
    private var bounds: [Double] = []
    private var counts: [Double] = []
    private var count: Double?
    private var sum = 0.0
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
        var slot = bounds.count
        while slot > 0, bounds[slot - 1] >= bound { slot -= 1 }
        if slot < bounds.count, bounds[slot] == bound { return }
        if slot > 0, count < counts[slot - 1] || slot < bounds.count && count > counts[slot] {
            return fail("its counts do not ascend at the bound \(bound)")
        }
        if slot == 0, slot < bounds.count, count > counts[slot] {
            return fail("its counts do not ascend at the bound \(bound)")
        }
        guard bounds.count < NativeHistogram.maxBuckets else { return fail("it has too many buckets") }
        bounds.insert(bound, at: slot)
        counts.insert(count, at: slot)
    }

    /// The native histogram; nil when the parts contradict each other, as `fault` then tells.
    mutating func converted(hint: NativeHistogram.ResetHint = .unknown) -> NativeHistogram? {
        guard fault == nil else { return nil }
        guard let total = count ?? counts.last else {
            fail("it has neither count nor buckets")
            return nil
        }
        if bounds.last != .infinity {
            bounds.append(.infinity)
            counts.append(total)
        }
        guard counts.last == total else {
            fail("its count is \(total), and its last bucket's \(counts.last ?? 0)")
            return nil
        }
        let custom = Array(bounds.dropLast())
        let span = NativeHistogram.BucketSpan(offset: 0, length: UInt32(counts.count))
        let integers = counts.map { Int64(exactly: $0) }
        var histogram = NativeHistogram(
            schema: NativeHistogram.customBucketsSchema, sum: sum, resetHint: hint, positiveSpans: [span],
            counts: .float(
                count: total, zeroCount: 0,
                positiveCounts: zip(counts, [0] + counts).map { $0 - $1 }, negativeCounts: []),
            customValues: custom)
        if let count = UInt64(exactly: total), integers.allSatisfy({ $0 != nil }) {
            let cumulative = integers.compactMap { $0 }
            let own = zip(cumulative, [0] + cumulative).map { $0 - $1 }
            histogram.counts = .integer(
                count: count, zeroCount: 0, positiveDeltas: zip(own, [0] + own).map { $0 - $1 },
                negativeDeltas: [])
        }
        let result = histogram.compacted()
        if let wrong = result.fault {
            fail(wrong)
            return nil
        }
        return result
    }

    private mutating func fail(_ reason: String) {
        if fault == nil { fault = reason }
    }
}
