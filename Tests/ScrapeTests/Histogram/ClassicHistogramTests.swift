import MetricModel
import Testing

@testable import Scrape

@Suite struct ClassicHistogramTests {
    private func converted(
        _ buckets: [(Double, Double)], count: Double?, sum: Double = 1
    ) -> NativeHistogram? {
        var classic = ClassicHistogram()
        for (bound, cumulative) in buckets { classic.add(bound: bound, count: cumulative) }
        if let count { classic.set(count: count) }
        classic.set(sum: sum)
        return classic.converted()
    }

    @Test func bucketsBecomeCustomOnes() {
        let wanted = NativeHistogram(
            schema: -53, sum: 1, positiveSpans: [.init(offset: 0, length: 3)],
            counts: .integer(count: 5, zeroCount: 0, positiveDeltas: [2, -2, 3], negativeDeltas: []),
            customValues: [1, 2])
        #expect(converted([(1, 2), (2, 2), (.infinity, 5)], count: 5) == wanted)
        // In any order, without the last bucket, without the count.
        #expect(converted([(2, 2), (1, 2)], count: 5) == wanted)
        #expect(converted([(.infinity, 5), (2, 2), (1, 2), (1, 99)], count: nil) == wanted)
    }

    /// Two empty buckets stay in between, three do not, and none at either end.
    @Test(
        arguments: [
            ([0, 0, 3, 3, 3, 5], [(2, 4)], [3, -3, 0, 2]), ([1, 1, 1, 1, 4, 4], [(0, 1), (3, 1)], [1, 2]),
            ([0, 0, 0, 0, 0, 0], [], []),
        ] as [([Double], [(Int32, UInt32)], [Int64])])
    func emptyBucketsAreLeftOut(counts: [Double], spans: [(Int32, UInt32)], deltas: [Int64]) {
        let histogram = converted(zip([1, 2, 3, 4, 5, .infinity], counts).map { ($0, $1) }, count: nil)
        #expect(histogram?.positiveSpans == spans.map { .init(offset: $0.0, length: $0.1) })
        #expect(
            histogram?.counts
                == .integer(
                    count: UInt64(counts[5]), zeroCount: 0, positiveDeltas: deltas, negativeDeltas: []))
    }

    /// Thousands of buckets in the wrong order take no time to speak of.
    @Test func descendingBoundsAreSorted() {
        let count = 60_000
        let histogram = converted((0..<count).reversed().map { (Double($0), Double($0)) }, count: nil)
        #expect(histogram?.customValues == (0..<count).map(Double.init))
        #expect(histogram?.bucketCount == count - 1)
    }

    @Test func fractionsMakeFloats() {
        #expect(
            converted([(1, 0.5)], count: 2)
                == NativeHistogram(
                    schema: -53, sum: 1, positiveSpans: [.init(offset: 0, length: 2)],
                    counts: .float(count: 2, zeroCount: 0, positiveCounts: [0.5, 1.5], negativeCounts: []),
                    customValues: [1]))
    }

    @Test func withoutBucketsTheCountIsTheOnlyOne() {
        #expect(
            converted([], count: 3)
                == NativeHistogram(
                    schema: -53, sum: 1, positiveSpans: [.init(offset: 0, length: 1)],
                    counts: .integer(count: 3, zeroCount: 0, positiveDeltas: [3], negativeDeltas: [])))
    }

    @Test func contradictionsAreRefused() {
        #expect(converted([], count: nil) == nil)
        #expect(converted([(1, 3), (2, 2)], count: 3) == nil)
        #expect(converted([(2, 2), (1, 3)], count: 3) == nil)
        #expect(converted([(.infinity, 4)], count: 5) == nil)
        #expect(converted([(1, -1)], count: 5) == nil)
        #expect(converted([(1, 1)], count: -5) == nil)
        #expect(converted([(.nan, 1)], count: 5) == nil)
        #expect(converted([(1, .nan)], count: .nan) == nil)
    }
}
