/// What the exporters of a fleet expose: a function of configuration, exporter and scrape. Whoever has the
/// same configuration has the same pages, in another process too.
public struct FleetContents: Sendable {
    let shape: ExporterShape
    private let configuration: FleetConfiguration
    private let shuffling: Int

    public init(_ configuration: FleetConfiguration) {
        precondition(configuration.exporters > 0 && configuration.seriesEach >= 0, "a fleet has exporters")
        self.configuration = configuration
        shape = ShapeBuilder.shape(
            count: configuration.seriesEach, movingShare: configuration.movingShare,
            seed: configuration.seed, churn: configuration.churn)
        let shuffles = configuration.churn?.kind == .shuffle
        shuffling = shuffles ? configuration.churn?.part(of: configuration.exporters) ?? 0 : 0
    }

    /// The body of the page that an exporter gives at its scrape number `scrape`, counted from 0, before
    /// compression.
    public func page(exporter: Int, scrape: UInt64, format: FleetFormat) -> [UInt8] {
        shape.body(id(exporter: exporter, scrape: scrape, format: format))
    }

    /// Series on that page.
    public func seriesCount(exporter: Int, scrape: UInt64) -> Int { shape.seriesCount(scrape: scrape) }

    func id(exporter: Int, scrape: UInt64, format: FleetFormat) -> PageID {
        let sets = configuration.numberSets
        return PageID(
            exporter: exporter, numbers: sets > 0 ? exporter % sets : exporter, scrape: scrape,
            format: format, isDistinct: configuration.isDistinct, isShuffled: exporter < shuffling)
    }
}
