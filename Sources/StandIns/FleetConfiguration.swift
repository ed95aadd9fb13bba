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
    /// Different sets of numbers, 0 for one set each. Exporters with the same remainder of their number have
    /// the same numbers at the same scrape. Unless they are distinct in names, such exporters share pages,
    /// which are then made and compressed once for all of them.
    ///
    /// This does not flatter the agent: the numbers do not repeat over time, and neighbours do not have the
    /// same ones. With 16 sets for 100 exporters of 2,000 series Narthex wrote 0.67 bytes a sample to its
    /// buffer and sent 18.5, as it did with 100 sets. A checker of values computes pages (`FleetContents`)
    /// and so has the right ones in both cases.
    public var numberSets: Int
    /// Which series are new from scrape to scrape; nil for none.
    public var churn: FleetChurn?
    /// The format for requests whose Accept header takes it; others get text.
    public var format: FleetFormat
    /// Answers gzip where Accept-Encoding takes it.
    public var isCompressed: Bool
    /// Share of the exporters, those with the lowest numbers, that answer `slowMs` milliseconds late.
    public var slowShare: Double
    public var slowMs: Int64
    /// Share of the exporters, those with the highest numbers, that answer 500.
    public var failingShare: Double

    public init(
        exporters: Int = 3, seriesEach: Int = 100, addressing: FleetAddressing = .paths, port: Int = 0,
        movingShare: Double = 0.15, seed: UInt64 = 1, isDistinct: Bool = false, numberSets: Int = 0,
        churn: FleetChurn? = nil, format: FleetFormat = .text, isCompressed: Bool = false,
        slowShare: Double = 0, slowMs: Int64 = 1_000, failingShare: Double = 0
    ) {
        self.exporters = exporters
        self.seriesEach = seriesEach
        self.addressing = addressing
        self.port = port
        self.movingShare = movingShare
        self.seed = seed
        self.isDistinct = isDistinct
        self.numberSets = numberSets
        self.churn = churn
        self.format = format
        self.isCompressed = isCompressed
        self.slowShare = slowShare
        self.slowMs = slowMs
        self.failingShare = failingShare
    }

    /// What an exporter always does wrong; faults on cue take its place.
    func standingFault(of exporter: Int) -> ExporterFault? {
        if exporter < Int((slowShare * Double(exporters)).rounded()) { return .delay(ms: slowMs) }
        let failing = Int((failingShare * Double(exporters)).rounded())
        return exporter >= exporters - failing ? .status(500) : nil
    }
}
