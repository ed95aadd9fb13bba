import MetricModel

/// Samples of 0 at the time at which a series began to count, where its target tells when: what
/// `created-timestamp-zero-ingestion` is in Prometheus (tsdb/agent, bestEffortAppendSTZeroSample).
extension ScrapeEngine {
    /// The frame of such samples, which goes before `frame`, the scrape's own; nil for none. A start counts
    /// when it lies behind the series' last sample and before the present one; any other is passed over.
    func zeros(
        before frame: Frame, _ reader: ReadBody, _ state: ScrapeState, _ next: inout ScrapeState,
        isUnchanged: Bool
    ) -> Frame? {
        guard addsStartSamples else { return nil }
        if !isUnchanged { remember(reader, state, &next) }
        let found = isUnchanged ? known(reader, state, frame) : new(reader, state, &next, frame)
        return found.isEmpty ? nil : zeros(found, of: frame)
    }

    /// Among series that the scrape before had, too.
    private func known(
        _ reader: ReadBody, _ state: ScrapeState, _ frame: Frame
    ) -> [Frame.StartTimestamp] {
        let last = state.lastSampleMs
        let found =
            last.isEmpty
            ? reader.startTimestamps.filter { $0.timestampMs > state.lastTimestampMs }
            : reader.startTimestamps.filter { $0.timestampMs > last[Int($0.series)] }
        return found.isEmpty ? [] : sampled(found, in: frame)
    }

    /// Among series of which some may be new.
    private func new(
        _ reader: ReadBody, _ state: ScrapeState, _ next: inout ScrapeState, _ frame: Frame
    ) -> [Frame.StartTimestamp] {
        guard !reader.startTimestamps.isEmpty else { return [] }
        let before =
            state.chunks.isEmpty ? [] : carried(history(state), from: state.chunks, to: reader.chunks)
        let repeated = Set(next.duplicates.map(\.series))
        var walk = ChunkHashes(reader.chunks)
        let found = reader.startTimestamps.filter { start in
            guard !repeated.contains(start.series) else { return false }
            var lastMs = before.isEmpty ? Int64.min : before[Int(start.series)]
            if lastMs == Int64.min {
                let hash = walk.hash(of: start.series, seriesHashes)
                lastMs = next.starts.last(of: hash)
                next.starts.returned(hash)
            }
            return start.timestampMs > lastMs
        }
        return found.isEmpty ? [] : sampled(found, in: frame)
    }

    /// Notes the last samples of series that have left.
    private func remember(_ reader: ReadBody, _ state: ScrapeState, _ next: inout ScrapeState) {
        guard !state.startTimestamps.isEmpty else { return }
        let now = seriesTable(of: reader.chunks)
        let last = state.lastSampleMs
        var walk = ChunkHashes(state.chunks)
        for start in state.startTimestamps {
            let hash = walk.hash(of: start.series, seriesHashes)
            if now.number(of: hash) == nil {
                next.starts.left(
                    hash, lastMs: last.isEmpty ? state.lastTimestampMs : last[Int(start.series)])
            }
        }
        next.starts.bound(seriesCount: next.seriesCount)
    }

    /// Those whose series has a sample in the frame that is after its start.
    private func sampled(_ starts: [Frame.StartTimestamp], in frame: Frame) -> [Frame.StartTimestamp] {
        var nextAbsent = 0
        var nextExplicit = 0
        return starts.filter { start in
            while nextAbsent < frame.absent.count, frame.absent[nextAbsent] < start.series { nextAbsent += 1 }
            if nextAbsent < frame.absent.count, frame.absent[nextAbsent] == start.series { return false }
            let explicit = frame.explicitTimestamps
            while nextExplicit < explicit.count, explicit[nextExplicit].series < start.series {
                nextExplicit += 1
            }
            let isTimed = nextExplicit < explicit.count && explicit[nextExplicit].series == start.series
            let sampleMs = isTimed ? explicit[nextExplicit].timestampMs : frame.timestampMs
            return start.timestampMs < sampleMs && !StaleMarker.isStale(frame.values[Int(start.series)])
        }
    }

    /// The layout and all values are those of the scrape: so the buffer writes next to nothing for both
    /// frames together.
    private func zeros(_ starts: [Frame.StartTimestamp], of frame: Frame) -> Frame {
        var values = frame.values
        var absent: [UInt32] = []
        absent.reserveCapacity(values.count - starts.count)
        var histograms: [Frame.Histogram] = []
        var nextStart = 0
        var nextHistogram = 0
        for series in 0..<UInt32(values.count) {
            guard nextStart < starts.count, starts[nextStart].series == series else {
                absent.append(series)
                continue
            }
            nextStart += 1
            values[Int(series)] = 0
            while nextHistogram < frame.histograms.count, frame.histograms[nextHistogram].series < series {
                nextHistogram += 1
            }
            if nextHistogram < frame.histograms.count, frame.histograms[nextHistogram].series == series {
                histograms.append(
                    Frame.Histogram(series: series, histogram: frame.histograms[nextHistogram].histogram.zero)
                )
            }
        }
        return Frame(
            target: frame.target, layout: frame.layout, timestampMs: frame.timestampMs, values: values,
            explicitTimestamps: starts.map { .init(series: $0.series, timestampMs: $0.timestampMs) },
            absent: absent, histograms: histograms)
    }
}

/// Hashes of the series at ascending ordinals: a chunk's are made when one of its series is asked for.
private struct ChunkHashes {
    private let chunks: [TemplateChunk]
    private var index = 0
    private var start = 0
    private var hashes: [UInt64]?

    init(_ chunks: [TemplateChunk]) { self.chunks = chunks }

    mutating func hash(of series: UInt32, _ make: (TemplateChunk) -> [UInt64]) -> UInt64 {
        while Int(series) >= start + chunks[index].seriesCount {
            start += chunks[index].seriesCount
            index += 1
            hashes = nil
        }
        let found = hashes ?? make(chunks[index])
        hashes = found
        return found[Int(series) - start]
    }
}

extension NativeHistogram {
    /// The same histogram, empty, as it is where counting begins.
    fileprivate var zero: NativeHistogram {
        let counts: Counts =
            switch self.counts {
            case .integer: .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: [])
            case .float: .float(count: 0, zeroCount: 0, positiveCounts: [], negativeCounts: [])
            }
        return NativeHistogram(
            schema: schema, zeroThreshold: zeroThreshold, sum: 0, resetHint: .yes, counts: counts,
            customValues: customValues)
    }
}
