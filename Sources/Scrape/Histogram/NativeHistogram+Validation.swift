import MetricModel

extension NativeHistogram {
    /// Why no receiver would take the histogram; nil when nothing is wrong (prometheus/model/histogram,
    /// Validate: the same checks).
    var fault: String? {
        guard isWellFormed else {
            return "its spans tell of \(Self.bucketCount(positiveSpans) ?? -1) positive and "
                + "\(Self.bucketCount(negativeSpans) ?? -1) negative buckets, which is not what it has"
                + " (or more than \(Self.maxBuckets))"
        }
        if hasCustomBuckets {
            if let fault = customBoundsFault { return fault }
        } else {
            guard Self.exponentialSchemas.contains(schema) else {
                return "schema \(schema) is none of -4 to 8 and -53"
            }
            if !customValues.isEmpty { return "it has custom bounds, and schema \(schema)" }
            for spans in [positiveSpans, negativeSpans]
            where spans.dropFirst().contains(where: { $0.offset < 0 }) {
                return "a span has a negative offset"
            }
        }
        return switch counts {
        case .integer(let count, let zeroCount, let positive, let negative):
            integerFault(count, zeroCount, positive, negative)
        case .float(let count, let zeroCount, let positive, let negative):
            floatFault(count, zeroCount, positive, negative)
        }
    }

    private var customBoundsFault: String? {
        if zeroThreshold != 0 { return "it has custom buckets and a zero bucket" }
        if !negativeSpans.isEmpty { return "it has custom buckets and negative ones" }
        switch counts {
        case .integer(_, let zero, _, _) where zero != 0: return "it has custom buckets and a zero bucket"
        case .float(_, let zero, _, _) where zero != 0: return "it has custom buckets and a zero bucket"
        default: break
        }
        var last = -Double.infinity
        for bound in customValues {
            // The least float is no bound: -Inf itself fails as well, and NaN is greater than nothing.
            guard bound > last, bound < .infinity else {
                return "its custom bounds are not finite and ascending"
            }
            last = bound
        }
        var buckets = 0
        for span in positiveSpans {
            guard span.offset >= 0 else { return "a span has a negative offset" }
            buckets += Int(span.offset) + Int(span.length)
        }
        return buckets <= customValues.count + 1 ? nil : "it has more buckets than custom bounds"
    }

    private func integerFault(
        _ count: UInt64, _ zeroCount: UInt64, _ positive: [Int64], _ negative: [Int64]
    ) -> String? {
        var total = zeroCount
        for deltas in [negative, positive] {
            var bucket: Int64 = 0
            for delta in deltas {
                let (sum, overflow) = bucket.addingReportingOverflow(delta)
                guard !overflow, sum >= 0 else { return "a bucket has fewer than no observations" }
                bucket = sum
                let (all, carry) = total.addingReportingOverflow(UInt64(sum))
                guard !carry else { return "its buckets have more observations than fit 64 bits" }
                total = all
            }
        }
        // Observations of NaN are counted and stand in no bucket.
        if sum.isNaN {
            return total <= count
                ? nil : "its buckets have \(total) observations, and all of it only \(count)"
        }
        return total == count ? nil : "its buckets have \(total) observations, and all of it \(count)"
    }

    private func floatFault(
        _ count: Double, _ zeroCount: Double, _ positive: [Double], _ negative: [Double]
    ) -> String? {
        for bucket in positive + negative + [zeroCount, count] where bucket < 0 {
            return "a bucket, or all of it, has fewer than no observations"
        }
        return nil
    }
}
