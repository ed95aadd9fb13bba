import MetricModel
import Synchronization

/// Of the labels in a sample of a job's series the one that has most values: what most often makes a job
/// grow. It is not the name, which cannot be dropped, where another label has more than one value.
public struct WidestLabel: Sendable, Equatable {
    public let name: String
    /// Values that it has in the sample.
    public let values: Int
    /// Series of the sample.
    public let series: Int

    public init(name: String, values: Int, series: Int) {
        self.name = name
        self.values = values
        self.series = series
    }

    /// Of a whole sample.
    static let mostSeries = 1_024
    /// Targets that it is taken from.
    static let mostTargets = 64
    static let mostNameBytes = 200
    /// Metric names are taken for the widest label only where there are so many of them to each value of any
    /// other label: nobody can drop the name of a metric, as one drops a label.
    static let namesToOneValue = 10
    /// What is looked at of a series that has more labels, and names that are counted. A hostile target may
    /// have a million of them, and this is asked when memory is short.
    static let mostLabels = 256
    /// A longer series is not looked at.
    static let mostSeriesBytes = 64 << 10

    /// Of a sample of these targets' series, evenly from each; nil without series.
    /// `whenCounted` is told for how many names values were counted.
    init?(
        _ targets: [(scrape: ScrapeState, target: Target)], whenCounted: (_ names: Int) -> Void = { _ in }
    ) {
        // Hashes of values: what they take must be little where memory is short.
        var values: [String: Set<Int>] = [:]
        var count = 0
        let most = Self.mostSeries / max(1, targets.count)
        for (scrape, target) in targets {
            let step = max(1, (scrape.seriesCount + most - 1) / max(1, most))
            // The next series of the sample, counted from the chunk's first.
            var next = 0
            for chunk in scrape.chunks {
                while next < chunk.seriesCount {
                    for label in Self.labels(of: next, chunk.layout, target)
                    where values.count < Self.mostLabels || values[label.name] != nil {
                        values[label.name, default: []].insert(label.value.hashValue)
                    }
                    count += 1
                    next += step
                }
                next -= chunk.seriesCount
            }
        }
        whenCounted(values.count)
        let names = values["__name__"]?.count ?? 0
        if values.contains(where: {
            $0.key != "__name__" && $0.value.count > max(1, names / Self.namesToOneValue)
        }) {
            values["__name__"] = nil
        }
        // Of labels that are equal in this the first by name, so that the answer stays the same.
        guard let widest = values.max(by: { ($0.value.count, $1.key) < ($1.value.count, $0.key) }) else {
            return nil
        }
        self.init(
            name: String(decoding: widest.key.utf8.prefix(Self.mostNameBytes), as: UTF8.self),
            values: widest.value.count, series: count)
    }

    /// The first labels of a series; none of one that is so long that writing it out would take much memory.
    private static func labels(
        of series: Int, _ chunk: LayoutChunk, _ target: Target
    ) -> ArraySlice<Label> {
        guard chunk.labelBytes(ofSeries: series) <= mostSeriesBytes else { return [] }
        return chunk.labels(ofSeries: series, target: target)?.labels.prefix(mostLabels) ?? []
    }
}

extension ScrapePool {
    /// The label that has most values in a sample of the job's series; those of the largest targets. Reads a
    /// thousand series: some milliseconds. Any thread.
    public var widestLabel: WidestLabel? {
        let loops = state.withLock { $0.loops.values.filter(\.isWanted) }
        let largest = loops.map { (scrape: $0.scrape, target: $0.engine.target) }
            .filter { $0.scrape.isLive && $0.scrape.seriesCount > 0 }
            .sorted { $0.scrape.seriesCount > $1.scrape.seriesCount }
        return WidestLabel(Array(largest.prefix(WidestLabel.mostTargets)))
    }
}
