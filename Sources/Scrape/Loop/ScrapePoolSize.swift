/// How much a pool's targets have.
public struct ScrapePoolSize: Sendable, Equatable {
    /// Series of the targets' last scrapes, the report's among them.
    public var activeSeries = 0
    /// Metric families that targets describe, target by target.
    public var metadataEntries = 0
    /// Bytes of these descriptions, target by target, though equal targets share them.
    public var metadataBytes = 0

    /// Adds what a target has.
    mutating func add(_ state: ScrapeState) {
        activeSeries += state.activeSeriesCount
        for chunk in state.chunks {
            metadataEntries += chunk.familyCount
            metadataBytes += chunk.metadata.count
        }
    }
}
