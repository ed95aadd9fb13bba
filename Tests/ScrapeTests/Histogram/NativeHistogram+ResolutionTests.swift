import MetricModel
import Testing

@testable import Scrape

@Suite struct NativeHistogramResolutionTests {
    private func integer(
        schema: Int32 = 3, _ spans: [(Int32, UInt32)], _ deltas: [Int64], count: UInt64, sum: Double = 1,
        zero: UInt64 = 0
    ) -> NativeHistogram {
        NativeHistogram(
            schema: schema, sum: sum,
            positiveSpans: spans.map { .init(offset: $0.0, length: $0.1) },
            counts: .integer(count: count, zeroCount: zero, positiveDeltas: deltas, negativeDeltas: []))
    }

    /// Bounds of schema s are 2^(i / 2^s): bucket i holds what is above bound i - 1 and up to bound i.
    @Test func bucketsMergeAtTheirUpperBounds() {
        // Indices 1 and 2 become 1; 3 and 4 become 2; 0 and -1 become 0.
        let fine = integer([(-1, 6)], [1, 1, 1, 1, 1, 1], count: 21)
        #expect(fine.reduced(to: 2) == integer(schema: 2, [(0, 3)], [3, 4, 4], count: 21))
        #expect(fine.reduced(to: 1) == integer(schema: 1, [(0, 2)], [3, 15], count: 21))
        let apart = integer([(-100, 1), (200, 1)], [5, -1], count: 9)
        #expect(apart.reduced(to: 2) == integer(schema: 2, [(-50, 1), (100, 1)], [5, -1], count: 9))
    }

    /// Observations keep their place: each bucket's bound lies in the coarser bucket that took it.
    @Test func anyHistogramKeepsItsObservations() {
        var generator = SeededGenerator(seed: printedSeed("anyHistogramKeepsItsObservations"))
        for _ in 0..<300 {
            var counts: [Int: Int64] = [:]
            for _ in 0..<(1 + generator.next() % 30) {
                counts[Int(generator.next() % 200) - 100, default: 0] += 1 + Int64(generator.next() % 9)
            }
            var spans: [(Int32, UInt32)] = []
            var deltas: [Int64] = []
            var last: Int?
            var before: Int64 = 0
            for index in counts.keys.sorted() {
                if let last, index == last + 1 {
                    spans[spans.count - 1].1 += 1
                } else {
                    spans.append((Int32(last.map { index - $0 - 1 } ?? index), 1))
                }
                last = index
                deltas.append((counts[index] ?? 0) - before)
                before = counts[index] ?? 0
            }
            let total = counts.values.reduce(0, +)
            let fine = integer(spans, deltas, count: UInt64(total))
            #expect(fine.fault == nil)
            #expect(fine.compacted() == fine)
            let coarse = fine.reduced(to: 0)
            #expect(coarse.fault == nil)
            var wanted: [Int: Int64] = [:]
            for (index, count) in counts {
                // Of eight neighbours the last has the coarse bucket's bound.
                let place = Int((Double(index) / 8).rounded(.up))
                wanted[place, default: 0] += count
            }
            #expect(buckets(coarse) == wanted)
            #expect(buckets(fine.limited(maxSchema: 0, bucketLimit: 0) ?? fine) == wanted)
        }
    }

    private func buckets(_ histogram: NativeHistogram) -> [Int: Int64] {
        guard case .integer(_, _, let deltas, _) = histogram.counts else { return [:] }
        var result: [Int: Int64] = [:]
        var index = 0
        var next = 0
        var count: Int64 = 0
        for span in histogram.positiveSpans {
            index += Int(span.offset)
            for _ in 0..<span.length {
                count += deltas[next]
                result[index] = count
                next += 1
                index += 1
            }
        }
        return result
    }

    @Test func emptyBucketsGo() {
        let padded = integer([(0, 4), (0, 1), (2, 0), (1, 2)], [0, 2, -2, 0, 3, 0, -3], count: 8)
        #expect(padded.compacted() == integer([(1, 1), (2, 1), (3, 1)], [2, 1, 0], count: 8))
        let nothing = integer([(0, 0)], [], count: 0)
        #expect(nothing.compacted() == integer([], [], count: 0))
        // What overlaps itself stays as it is, to be refused.
        let overlapping = integer([(0, 2), (-1, 1)], [1, 0, 0], count: 3)
        #expect(overlapping.compacted() == overlapping)
        #expect(overlapping.fault != nil)
    }

    @Test func limitsReduceThenFail() {
        let eight = integer(schema: 8, [(1, 8)], [1, 0, 0, 0, 0, 0, 0, 0], count: 8)
        #expect(eight.limited(maxSchema: 8, bucketLimit: 8) == eight)
        #expect(eight.limited(maxSchema: 8, bucketLimit: 4)?.schema == 7)
        #expect(eight.limited(maxSchema: 8, bucketLimit: 1)?.schema == 5)
        #expect(eight.limited(maxSchema: 4, bucketLimit: 8)?.schema == 4)
        let far = integer(schema: -4, [(0, 1), (10, 1)], [1, 0], count: 2)
        #expect(far.limited(maxSchema: 8, bucketLimit: 1) == nil)
        var custom = integer(schema: -53, [(0, 2)], [1, 0], count: 2)
        custom.customValues = [1]
        #expect(custom.limited(maxSchema: -4, bucketLimit: 2) == custom)
        #expect(custom.limited(maxSchema: 8, bucketLimit: 1) == nil)
        // Finer than any receiver takes, but known: brought to the finest that they take.
        #expect(
            integer(schema: 9, [(1, 2)], [1, 0], count: 2).limited(maxSchema: 8, bucketLimit: 0)?.schema == 8)
    }

    @Test func countsThatWrapAreFaults() {
        let huge = integer(schema: 8, [(1, 2)], [.max, 0], count: UInt64(Int64.max) * 2)
        #expect(huge.fault == nil)
        #expect(huge.reduced(to: 7).fault != nil)
    }

    @Test func faultsAreThoseOfPrometheus() {
        #expect(integer([(0, 2)], [1, 0], count: 2).fault == nil)
        #expect(integer([(0, 2)], [1, 0], count: 3).fault != nil)
        #expect(integer([(0, 2)], [1, 0], count: 3, sum: .nan).fault == nil)
        #expect(integer([(0, 2)], [1, 0], count: 1, sum: .nan).fault != nil)
        #expect(integer([(0, 2)], [1, -2], count: 0).fault != nil)
        #expect(integer([(0, 1)], [1, 0], count: 2).fault != nil)
        #expect(integer(schema: 9, [], [], count: 0).fault != nil)
        #expect(integer(schema: -5, [], [], count: 0).fault != nil)
        #expect(integer([], [], count: 4, zero: 4).fault == nil)
        var custom = integer(schema: -53, [(0, 3)], [1, 0, 0], count: 3)
        custom.customValues = [1, 2]
        #expect(custom.fault == nil)
        for bounds in [[1], [2, 1], [1, 1], [1, .infinity], [.nan, 1], [-.infinity, 1]] as [[Double]] {
            custom.customValues = bounds
            #expect(custom.fault != nil, "\(bounds)")
        }
        let float = NativeHistogram(
            schema: 0, sum: 1, positiveSpans: [.init(offset: 0, length: 1)],
            counts: .float(count: 1, zeroCount: 0, positiveCounts: [-1], negativeCounts: []))
        #expect(float.fault != nil)
    }

    /// A histogram that has more buckets than its spans name cannot become coarser, and must not keep a
    /// worker for ever.
    @Test(.timeLimit(.minutes(1))) func aLimitEndsOnWhatIsNotWellFormed() {
        let more = integer(schema: 3, [(0, 1)], [1, 0, 0], count: 3)
        #expect(more.limited(maxSchema: 8, bucketLimit: 2)?.fault != nil)
        #expect(more.limited(maxSchema: 0, bucketLimit: 2)?.fault != nil)
        #expect(more.limited(maxSchema: 0, bucketLimit: 0)?.fault != nil)
    }

    @Test(
        arguments: [
            (0, 8), (1, 8), (1.00271, 8), (1.003, 7), (1.1, 2), (1.5, 0), (2, 0), (2.1, -1), (65_536, -4),
            (1e9, -4),
        ] as [(Double, Int32)])
    func theFactorChoosesTheSchema(factor: Double, schema: Int32) {
        #expect(HistogramOptions.maxSchema(minBucketFactor: factor) == schema)
    }
}
