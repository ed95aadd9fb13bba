/// How old samples were when they arrived, counted since the start: whoever wants to know about a while
/// takes the difference of two.
public struct SampleAges: Sendable, Equatable {
    /// The span of ages of one bucket.
    public static let stepMs: Int64 = 50
    /// Buckets for a quarter of an hour; the last holds whatever is older.
    static let bucketCount = 18_001

    /// By age: bucket i holds those of i steps or more and less than i + 1.
    private(set) var counts = Array(repeating: UInt64(0), count: bucketCount)

    public init() {}

    mutating func note(_ times: SampleTimes, nowMs: Int64) {
        for run in times.runs {
            // A sender may claim any moment, so the distance may not fit.
            let (ageMs, overflows) = nowMs.subtractingReportingOverflow(run.timestampMs)
            let isOld = overflows ? run.timestampMs < 0 : ageMs >= Self.stepMs * Int64(Self.bucketCount - 1)
            let bucket = isOld ? Self.bucketCount - 1 : overflows ? 0 : Int(max(0, ageMs) / Self.stepMs)
            counts[bucket] += UInt64(run.samples)
        }
    }

    public var samples: UInt64 { counts.reduce(0, +) }

    /// What came after `earlier` was asked for.
    public func since(_ earlier: SampleAges) -> SampleAges {
        var ages = SampleAges()
        for bucket in counts.indices { ages.counts[bucket] = counts[bucket] &- earlier.counts[bucket] }
        return ages
    }

    /// The age in milliseconds that this share of the samples had at most, to a step; 0 without samples.
    public func quantile(_ share: Double) -> Int64 {
        let all = samples
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() where count > 0 {
            seen += count
            if Double(seen) >= Double(all) * share { return Int64(bucket + 1) * Self.stepMs }
        }
        return 0
    }

    /// A line for each bucket that holds some: its number and how many.
    var text: String {
        counts.enumerated().filter { $0.element > 0 }.map { "\($0.offset) \($0.element)\n" }.joined()
    }

    /// What `GET /ages` on the endpoint's port answers; nil when it is something else.
    public init?(text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let bucket = Int(words[0]), counts.indices.contains(bucket),
                let count = UInt64(words[1])
            else { return nil }
            counts[bucket] = count
        }
    }
}
