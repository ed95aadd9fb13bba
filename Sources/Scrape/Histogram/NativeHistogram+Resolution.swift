import MetricModel

extension NativeHistogram {
    /// Finer schemas than any receiver takes, which are brought down to the finest that they do
    /// (prometheus/model/histogram, IsExponentialSchemaReserved).
    private static let finerSchemas: ClosedRange<Int32> = 9...52

    /// The histogram within a job's limits: at most of resolution `maxSchema`, with at most `bucketLimit`
    /// buckets (0 for any number). Nil when even the coarsest resolution has more, or custom buckets are too
    /// many (prometheus/scrape, bucketLimitAppender and maxSchemaAppender). One that is not well-formed stays
    /// as it is: `fault` tells.
    func limited(maxSchema: Int32, bucketLimit: Int) -> NativeHistogram? {
        var result = self
        let known = Self.exponentialSchemas.contains(schema) || Self.finerSchemas.contains(schema)
        if known, schema > maxSchema { result = result.reduced(to: maxSchema) }
        guard bucketLimit > 0 else { return result }
        while result.bucketCount > bucketLimit {
            guard known, result.schema > Self.exponentialSchemas.lowerBound else { return nil }
            let coarser = result.reduced(to: result.schema - 1)
            // Nothing else may keep this going: buckets come from anybody.
            guard coarser.schema < result.schema else { return result }
            result = coarser
        }
        return result
    }

    /// The same observations in buckets as wide as `target`'s, a lower schema: 2^(schema - target)
    /// neighbours become one. One that is not well-formed stays as it is. Counts that wrap make a histogram
    /// with a `fault`.
    func reduced(to target: Int32) -> NativeHistogram {
        guard target < schema, isWellFormed else { return self }
        let shift = Int64(min(62, schema - target))
        var result = self
        result.schema = target
        switch counts {
        case .integer(let count, let zeroCount, let positive, let negative):
            let (positiveSpans, positiveCounts) = Self.merged(
                positiveSpans, Self.counts(of: positive), shift, &+)
            let (negativeSpans, negativeCounts) = Self.merged(
                negativeSpans, Self.counts(of: negative), shift, &+)
            result.positiveSpans = positiveSpans
            result.negativeSpans = negativeSpans
            result.counts = .integer(
                count: count, zeroCount: zeroCount, positiveDeltas: Self.deltas(of: positiveCounts),
                negativeDeltas: Self.deltas(of: negativeCounts))
        case .float(let count, let zeroCount, let positive, let negative):
            let (positiveSpans, positiveCounts) = Self.merged(positiveSpans, positive, shift, +)
            let (negativeSpans, negativeCounts) = Self.merged(negativeSpans, negative, shift, +)
            result.positiveSpans = positiveSpans
            result.negativeSpans = negativeSpans
            result.counts = .float(
                count: count, zeroCount: zeroCount, positiveCounts: positiveCounts,
                negativeCounts: negativeCounts)
        }
        return result
    }

    /// The same without empty buckets, as far as spans can say it (prometheus/model/histogram, Compact(0)).
    func compacted() -> NativeHistogram {
        var result = self
        switch counts {
        case .integer(let count, let zeroCount, let positive, let negative):
            let kept = (
                Self.compacted(positiveSpans, Self.counts(of: positive)) { $0 == 0 },
                Self.compacted(negativeSpans, Self.counts(of: negative)) { $0 == 0 }
            )
            result.positiveSpans = kept.0.0
            result.negativeSpans = kept.1.0
            result.counts = .integer(
                count: count, zeroCount: zeroCount, positiveDeltas: Self.deltas(of: kept.0.1),
                negativeDeltas: Self.deltas(of: kept.1.1))
        case .float(let count, let zeroCount, let positive, let negative):
            let kept = (
                Self.compacted(positiveSpans, positive) { $0 == 0 },
                Self.compacted(negativeSpans, negative) { $0 == 0 }
            )
            result.positiveSpans = kept.0.0
            result.negativeSpans = kept.1.0
            result.counts = .float(
                count: count, zeroCount: zeroCount, positiveCounts: kept.0.1, negativeCounts: kept.1.1)
        }
        return result
    }

    // MARK: one side

    /// Wraps where a hostile histogram's counts do; `fault` has told of it.
    private static func counts(of deltas: [Int64]) -> [Int64] {
        var bucket: Int64 = 0
        return deltas.map { delta in
            bucket &+= delta
            return bucket
        }
    }

    private static func deltas(of counts: [Int64]) -> [Int64] {
        var before: Int64 = 0
        return counts.map { count in
            defer { before = count }
            return count &- before
        }
    }

    /// Index of a bucket of `shift` schemas less: the upper bound of a bucket belongs to it.
    private static func coarser(_ index: Int64, _ shift: Int64) -> Int64 { ((index - 1) >> shift) + 1 }

    private static func merged<Count>(
        _ spans: [BucketSpan], _ counts: [Count], _ shift: Int64, _ sum: (Count, Count) -> Count
    ) -> ([BucketSpan], [Count]) {
        var buckets = Buckets<Count>()
        var index: Int64 = 0
        var next = 0
        for span in spans {
            index += Int64(span.offset)
            for _ in 0..<span.length {
                buckets.add(counts[next], at: coarser(index, shift), sum)
                next += 1
                index += 1
            }
        }
        return (buckets.spans, buckets.counts)
    }

    private static func compacted<Count>(
        _ spans: [BucketSpan], _ counts: [Count], _ isEmpty: (Count) -> Bool
    ) -> ([BucketSpan], [Count]) {
        guard bucketCount(spans) == counts.count else { return (spans, counts) }
        var buckets = Buckets<Count>()
        var index: Int64 = 0
        var next = 0
        for span in spans {
            index += Int64(span.offset)
            for _ in 0..<span.length {
                if !isEmpty(counts[next]) { buckets.add(counts[next], at: index) { _, last in last } }
                next += 1
                index += 1
            }
        }
        // Offsets below 0 between spans make no ascending indices: such a histogram stays as it is, to be
        // refused.
        return buckets.isAscending && buckets.isDistinct ? (buckets.spans, buckets.counts) : (spans, counts)
    }

    /// Ascending buckets, gathered into spans.
    private struct Buckets<Count> {
        var spans: [BucketSpan] = []
        var counts: [Count] = []
        var isAscending = true
        var isDistinct = true
        private var last: Int64?

        mutating func add(_ count: Count, at index: Int64, _ sum: (Count, Count) -> Count) {
            guard let last else {
                begin(gap: index, index)
                counts.append(count)
                return
            }
            if index == last {
                isDistinct = false
                counts[counts.count - 1] = sum(counts[counts.count - 1], count)
                return
            }
            if index < last { isAscending = false }
            if index == last + 1 {
                spans[spans.count - 1].length += 1
                self.last = index
            } else {
                begin(gap: index - last - 1, index)
            }
            counts.append(count)
        }

        private mutating func begin(gap: Int64, _ index: Int64) {
            guard let offset = Int32(exactly: gap) else {
                isAscending = false
                return
            }
            spans.append(BucketSpan(offset: offset, length: 1))
            last = index
        }
    }
}
