import MetricModel

/// Classic histograms whose parts contradict each other: there is no native one then, and the scrape goes on
/// (prometheus/model/textparse, NHCBParser).
extension ScrapeEngine {
    /// Takes the series of such histograms out of the scrape: one that had a sample in the scrape before ends
    /// with a stale marker, as any series does that is not exposed.
    func endUnconverted(
        _ reader: ReadBody, _ state: ScrapeState, _ timestampMs: Int64, isUnchanged: Bool,
        _ rules: inout TimestampRules, _ values: inout [Double]
    ) {
        guard !reader.unconverted.isEmpty else { return }
        let absent = Set(rules.absent)
        let timed = Set(rules.kept.map(\.series))
        let live = liveSeries(reader, state, timestampMs, isUnchanged: isUnchanged)
        var without: [UInt32] = []
        var ended: [UInt32] = []
        for ordinal in reader.unconverted where !absent.contains(ordinal) {
            if live.contains(ordinal), !timed.contains(ordinal) {
                values[Int(ordinal)] = StaleMarker.value
                ended.append(ordinal)
            } else {
                without.append(ordinal)
            }
        }
        rules.leaveOut(without)
        rules.keepSilent(ended)
    }

    /// Which of the series that could not be converted await a marker.
    private func liveSeries(
        _ reader: ReadBody, _ state: ScrapeState, _ timestampMs: Int64, isUnchanged: Bool
    ) -> Set<UInt32> {
        guard state.isLive else { return [] }
        let silent = Set(withoutMarker(state, timestampMs))
        if isUnchanged { return Set(reader.unconverted).subtracting(silent) }
        let before = liveTable(state, silent)
        var result: Set<UInt32> = []
        var start: UInt32 = 0
        var wanted = reader.unconverted[...]
        for chunk in reader.chunks {
            let end = start + UInt32(chunk.seriesCount)
            if let first = wanted.first, first < end {
                let hashes = seriesHashes(of: chunk)
                while let ordinal = wanted.first, ordinal < end {
                    if before.contains(hashes[Int(ordinal - start)]) { result.insert(ordinal) }
                    wanted.removeFirst()
                }
            }
            start = end
        }
        return result
    }

    private func liveTable(_ state: ScrapeState, _ silent: Set<UInt32>) -> Set<UInt64> {
        var result: Set<UInt64> = []
        var ordinal: UInt32 = 0
        for chunk in state.chunks {
            for hash in seriesHashes(of: chunk) {
                if !silent.contains(ordinal) { result.insert(hash) }
                ordinal += 1
            }
        }
        return result
    }
}
