import MetricModel

/// Which series of a target that is gone another target has given a sample of since. Such a series gets no
/// stale marker: the marker would come after the sample and end what goes on (in Prometheus it is out of
/// order and left out).
struct SeriesGoingOn {
    /// Ordinals of lines in the gone target's layout, ascending.
    private(set) var series: [UInt32] = []
    private(set) var includesReport = false

    /// None.
    init() {}

    /// `state` and `engine` are the gone target's. `others` may have its labels, or other ones: then they may
    /// still share series that lack labels of their target.
    init(_ state: ScrapeState, _ engine: ScrapeEngine, others: [(engine: ScrapeEngine, state: ScrapeState)]) {
        let equal = others.filter { $0.engine.target.labels == engine.target.labels }
        includesReport = equal.contains { $0.state.lastTimestampMs > state.lastTimestampMs }
        guard state.isLive else { return }
        // What ended in between counts, too: its marker has been written.
        let later = others.filter { $0.state.lastSeriesMs > state.lastSeriesMs }
        guard !later.isEmpty else { return }
        let table = engine.seriesTable(of: state.chunks)
        var found: Set<UInt32> = []
        for other in later {
            let isEqual = other.engine.target.labels == engine.target.labels
            // A series that had left before still has its place in the chunk.
            let holes = Set(other.state.holes)
            var start: UInt32 = 0
            for chunk in other.state.chunks {
                defer { start += UInt32(chunk.seriesCount) }
                guard isEqual || !chunk.exclusions.isEmpty else { continue }
                let hashes = other.engine.seriesHashes(of: chunk)
                let candidates =
                    isEqual ? Array(0..<UInt32(chunk.seriesCount)) : chunk.exclusions.map(\.series)
                for series in candidates where !holes.contains(start + series) {
                    if let ordinal = table.number(of: hashes[Int(series)]) { found.insert(ordinal) }
                }
            }
        }
        series = found.sorted()
    }
}
