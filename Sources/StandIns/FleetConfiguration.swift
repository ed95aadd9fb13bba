/// A fleet of exporters.
public struct FleetConfiguration: Sendable {
    public var exporters: Int
    public var seriesEach: Int
    public var addressing: FleetAddressing
    /// The listener's port, the first port, or the common port; 0 for any.
    public var port: Int
    /// Share of the series with another number at each scrape.
    public var movingShare: Double
    public var seed: UInt64
    /// A label with the exporter's number on every series, so that no two exporters expose the same names.
    public var isDistinct: Bool

    public init(
        exporters: Int = 3, seriesEach: Int = 100, addressing: FleetAddressing = .paths, port: Int = 0,
        movingShare: Double = 0.15, seed: UInt64 = 1, isDistinct: Bool = false
    ) {
        self.exporters = exporters
        self.seriesEach = seriesEach
        self.addressing = addressing
        self.port = port
        self.movingShare = movingShare
        self.seed = seed
        self.isDistinct = isDistinct
    }
}
