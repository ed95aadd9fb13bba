import MetricModel

/// Which samples of a scrape are kept, where lines repeat a series or carry timestamps (prometheus/scrape,
/// append): a sample not after its series' last one, nor within a window before it, is out of order, one too
/// far ahead is out of bounds, a repeated line without a timestamp is a duplicate. One too far behind is too
/// old: Prometheus refuses what lies before its own oldest data. All are counted and left out; the scrape
/// succeeds.
struct TimestampRules {
    /// How far ahead of the scrape a timestamp may lie (prometheus/scrape, maxAheadTime).
    static let maxAheadMs: Int64 = 10 * 60 * 1_000

    /// How far behind the scrape a timestamp may lie. AMP refuses samples of more than an hour ago, and a
    /// receiver may refuse the whole request for one.
    static let maxBehindMs: Int64 = 60 * 60 * 1_000

    /// Ordinals without a sample in the frame, ascending.
    private(set) var absent: [UInt32] = []
    /// Timestamps of samples that are kept, ascending by series.
    private(set) var kept: [Frame.ExplicitTimestamp] = []
    /// `absent` and the series of `kept`, ascending.
    private(set) var silent: [UInt32] = []
    private(set) var lastSampleMs: [Int64] = []
    private(set) var leftOut = LeftOutSamples()

    /// Takes the lines at `ordinals`, ascending, out of the scrape as well.
    mutating func leaveOut(_ ordinals: [UInt32]) {
        guard !ordinals.isEmpty else { return }
        if silent.isEmpty, lastSampleMs.isEmpty {
            absent = ordinals
            silent = ordinals
            return
        }
        let out = Set(ordinals)
        kept.removeAll { out.contains($0.series) }
        absent = Set(absent).union(out).sorted()
        silent = Set(silent).union(out).sorted()
        if !lastSampleMs.isEmpty {
            for ordinal in ordinals { lastSampleMs[Int(ordinal)] = Int64.min }
        }
    }

    /// Makes staleness pass over the lines at `ordinals`, ascending, which end with this scrape.
    mutating func keepSilent(_ ordinals: [UInt32]) {
        guard !ordinals.isEmpty else { return }
        silent = silent.isEmpty ? ordinals : Set(silent).union(ordinals).sorted()
    }

    /// For a scrape without timestamps, now and before.
    init(duplicates: [LayoutComparison.Duplicate]) {
        absent = duplicates.map(\.series)
        silent = absent
        for duplicate in duplicates { leftOut.add(.duplicate, duplicate.series) }
    }

    /// Why a sample of this timestamp is left out whatever its series has; nil when it is not.
    static func fault(_ timestampMs: Int64, scrapedAtMs: Int64) -> LeftOutSamples.Reason? {
        if timestampMs > scrapedAtMs &+ maxAheadMs { return .outOfBounds }
        return timestampMs < scrapedAtMs &- maxBehindMs ? .tooOld : nil
    }

    /// `before` is the timestamp of each line's series' last sample, `Int64.min` for none. `tracksStaleness`
    /// makes series with timestamps await markers like any other. Within `windowMs` before it a sample may be
    /// older than its series' last one, as in Prometheus' agent; the last one itself is never taken again.
    init(
        duplicates: [LayoutComparison.Duplicate], timestamps: [Frame.ExplicitTimestamp], before: [Int64],
        scrapedAtMs: Int64, tracksStaleness: Bool = false, windowMs: Int64 = 0
    ) {
        func isTooLate(_ timestampMs: Int64, _ lastMs: Int64) -> Bool {
            guard timestampMs <= lastMs else { return false }
            let (earliestMs, overflows) = lastMs.subtractingReportingOverflow(windowMs)
            return timestampMs == lastMs || !overflows && timestampMs <= earliestMs
        }
        lastSampleMs = before
        var nextDuplicate = 0
        var nextTimestamp = 0
        var hasFuture = false
        for index in before.indices {
            let ordinal = UInt32(index)
            // The report's series stand after the lines and are the agent's own: nothing goes before them.
            var first: Int?
            var repeatsReport = false
            if nextDuplicate < duplicates.count, duplicates[nextDuplicate].series == ordinal {
                first = Int(duplicates[nextDuplicate].first)
                nextDuplicate += 1
                if first ?? 0 >= before.count {
                    first = nil
                    repeatsReport = true
                }
            }
            let isRepeated = first != nil || repeatsReport
            let place = first ?? index
            guard nextTimestamp < timestamps.count, timestamps[nextTimestamp].series == ordinal else {
                if isRepeated {
                    leaveOut(ordinal, .duplicate)
                } else if lastSampleMs[index] >= scrapedAtMs {
                    if isTooLate(scrapedAtMs, lastSampleMs[index]) { leaveOut(ordinal, .outOfOrder) }
                    hasFuture = true
                } else {
                    lastSampleMs[index] = scrapedAtMs
                }
                continue
            }
            let timestamp = timestamps[nextTimestamp]
            nextTimestamp += 1
            if repeatsReport {
                leaveOut(ordinal, .duplicate)
            } else if let fault = Self.fault(timestamp.timestampMs, scrapedAtMs: scrapedAtMs) {
                leaveOut(ordinal, fault)
            } else if isTooLate(timestamp.timestampMs, lastSampleMs[place]) {
                leaveOut(ordinal, .outOfOrder)
            } else {
                lastSampleMs[place] = max(lastSampleMs[place], timestamp.timestampMs)
                kept.append(timestamp)
                if !tracksStaleness { silent.append(ordinal) }
            }
            // A line that stands for the same series further on must see this sample.
            lastSampleMs[index] = lastSampleMs[place]
        }
        // Without timestamps now, the past matters only while it lies ahead.
        if timestamps.isEmpty, !hasFuture { lastSampleMs = [] }
    }

    private mutating func leaveOut(_ ordinal: UInt32, _ reason: LeftOutSamples.Reason) {
        leftOut.add(reason, ordinal)
        absent.append(ordinal)
        silent.append(ordinal)
    }
}
