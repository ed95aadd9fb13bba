/// A sample that is a whole histogram: buckets of exponential or custom bounds in one series
/// (prometheus.io/docs/specs/native_histograms).
public struct NativeHistogram: Sendable, Equatable {
    /// A run of neighbouring buckets.
    public struct BucketSpan: Sendable, Equatable {
        /// The gap to the span before it; for the first span the index of its first bucket.
        public var offset: Int32
        public var length: UInt32

        public init(offset: Int32, length: UInt32) {
            self.offset = offset
            self.length = length
        }
    }

    /// What is known of a counter reset before this sample; `gauge` for a histogram that may go down.
    public enum ResetHint: UInt8, Sendable {
        case unknown = 0
        case yes, no, gauge
    }

    /// The populations. Of integers the buckets hold differences: the first its count, every other its
    /// count less that of the bucket before it, over the spans of its side. Of floats they hold counts.
    public enum Counts: Sendable, Equatable {
        case integer(count: UInt64, zeroCount: UInt64, positiveDeltas: [Int64], negativeDeltas: [Int64])
        case float(count: Double, zeroCount: Double, positiveCounts: [Double], negativeCounts: [Double])
    }

    /// Growth from bucket to bucket is 2^(2^-schema).
    public static let exponentialSchemas: ClosedRange<Int32> = -4...8
    /// The bounds stand in `customValues`.
    public static let customBucketsSchema: Int32 = -53
    /// Buckets of one histogram at most, both sides together; a bound against bodies and files made to
    /// exhaust memory. A request that any receiver takes holds fewer.
    public static let maxBuckets = 65_536

    public var schema: Int32
    /// Half the width of the zero bucket.
    public var zeroThreshold: Double
    public var sum: Double
    public var resetHint: ResetHint
    public var positiveSpans: [BucketSpan]
    public var negativeSpans: [BucketSpan]
    public var counts: Counts
    /// Upper bounds of custom buckets, ascending, +Inf left out; empty otherwise.
    public var customValues: [Double]

    public init(
        schema: Int32, zeroThreshold: Double = 0, sum: Double, resetHint: ResetHint = .unknown,
        positiveSpans: [BucketSpan] = [], negativeSpans: [BucketSpan] = [], counts: Counts,
        customValues: [Double] = []
    ) {
        self.schema = schema
        self.zeroThreshold = zeroThreshold
        self.sum = sum
        self.resetHint = resetHint
        self.positiveSpans = positiveSpans
        self.negativeSpans = negativeSpans
        self.counts = counts
        self.customValues = customValues
    }

    public var hasCustomBuckets: Bool { schema == Self.customBucketsSchema }

    /// Populated and empty buckets that the spans name, both sides together.
    public var bucketCount: Int {
        switch counts {
        case .integer(_, _, let positive, let negative): positive.count + negative.count
        case .float(_, _, let positive, let negative): positive.count + negative.count
        }
    }

    /// Whether each side has as many buckets as its spans say, and not too many: what readers rely on.
    public var isWellFormed: Bool {
        let sides: (positive: Int, negative: Int) =
            switch counts {
            case .integer(_, _, let positive, let negative): (positive.count, negative.count)
            case .float(_, _, let positive, let negative): (positive.count, negative.count)
            }
        return Self.bucketCount(positiveSpans) == sides.positive
            && Self.bucketCount(negativeSpans) == sides.negative
            && sides.positive + sides.negative <= Self.maxBuckets && customValues.count <= Self.maxBuckets
    }

    /// Buckets that spans name; nil when they are too many.
    public static func bucketCount(_ spans: [BucketSpan]) -> Int? {
        var total = 0
        for span in spans {
            total += Int(span.length)
            guard total <= maxBuckets else { return nil }
        }
        return spans.count <= maxBuckets ? total : nil
    }

    /// Floating-point numbers are compared by their bits, as NaN and -0 ask for.
    public static func == (left: NativeHistogram, right: NativeHistogram) -> Bool {
        left.schema == right.schema && left.resetHint == right.resetHint
            && left.zeroThreshold.bitPattern == right.zeroThreshold.bitPattern
            && left.sum.bitPattern == right.sum.bitPattern && left.positiveSpans == right.positiveSpans
            && left.negativeSpans == right.negativeSpans && sameBits(left.customValues, right.customValues)
            && sameCounts(left.counts, right.counts)
    }

    private static func sameCounts(_ left: Counts, _ right: Counts) -> Bool {
        guard
            case .float(let leftCount, let leftZero, let leftPositive, let leftNegative) = left,
            case .float(let rightCount, let rightZero, let rightPositive, let rightNegative) = right
        else { return left == right }
        return sameBits([leftCount, leftZero], [rightCount, rightZero])
            && sameBits(leftPositive, rightPositive) && sameBits(leftNegative, rightNegative)
    }

    private static func sameBits(_ left: [Double], _ right: [Double]) -> Bool {
        left.elementsEqual(right) { $0.bitPattern == $1.bitPattern }
    }
}
