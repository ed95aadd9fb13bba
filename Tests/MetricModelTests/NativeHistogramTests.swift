import MetricModel
import Testing

@Suite struct NativeHistogramTests {
    private func histogram(
        _ spans: [NativeHistogram.BucketSpan], _ deltas: [Int64], sum: Double = 1
    ) -> NativeHistogram {
        NativeHistogram(
            schema: 3, sum: sum, positiveSpans: spans,
            counts: .integer(count: 3, zeroCount: 0, positiveDeltas: deltas, negativeDeltas: []))
    }

    @Test func spansAndBucketsMustAgree() {
        #expect(histogram([.init(offset: -2, length: 1), .init(offset: 3, length: 1)], [1, 1]).isWellFormed)
        #expect(!histogram([.init(offset: 0, length: 1)], [1, 1]).isWellFormed)
        #expect(!histogram([.init(offset: 0, length: 3)], [1, 1]).isWellFormed)
        #expect(histogram([], []).isWellFormed)
    }

    @Test func spansThatNameTooManyBucketsAreRefusedWithoutOverflow() {
        let many = Array(repeating: NativeHistogram.BucketSpan(offset: 0, length: .max), count: 4)
        #expect(NativeHistogram.bucketCount(many) == nil)
        #expect(!histogram(many, []).isWellFormed)
        let most = NativeHistogram.BucketSpan(offset: 0, length: UInt32(NativeHistogram.maxBuckets))
        #expect(NativeHistogram.bucketCount([most]) == NativeHistogram.maxBuckets)
        let empty = Array(
            repeating: NativeHistogram.BucketSpan(offset: 0, length: 0), count: NativeHistogram.maxBuckets + 1
        )
        #expect(NativeHistogram.bucketCount(empty) == nil)
    }

    @Test func floatsAreComparedByTheirBits() {
        func float(_ sum: Double, _ counts: [Double]) -> NativeHistogram {
            NativeHistogram(
                schema: 0, sum: sum, positiveSpans: [.init(offset: 0, length: UInt32(counts.count))],
                counts: .float(count: 1, zeroCount: 0, positiveCounts: counts, negativeCounts: []))
        }
        #expect(float(.nan, [.nan]) == float(.nan, [.nan]))
        #expect(float(0, [1]) != float(-0.0, [1]))
        #expect(float(0, [0]) != float(0, [-0.0]))
        #expect(float(1, [1]).bucketCount == 1)
        #expect(!float(1, [1]).hasCustomBuckets)
    }
}
