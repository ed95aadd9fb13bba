/// How the series of an exporter come and go from scrape to scrape.
public struct FleetChurn: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        /// `share` of the lines have a label `churn` with the scrape's number: they are new at each scrape.
        /// These are the same places of the page each time, spread evenly over counters and gauges. The lines
        /// of a histogram are new together, and only where the share is too large for the others.
        case lines
        /// `share` of the lines are new and stand in front of the page. As many leave behind them: each such
        /// line is there for `FleetChurn.frontScrapes` scrapes, or fewer if the page has not so many lines.
        case front
        /// `share` of the histograms have one bucket more at each scrape, up to
        /// `FleetChurn.mostBuckets` more, then none again. They are not all at the same point.
        case buckets
        /// `share` of the exporters, those with the lowest numbers, have families and the lines within them
        /// in another order at each scrape. OpenMetrics and protobuf prescribe the order within a histogram,
        /// which is kept there.
        case shuffle
    }

    /// Scrapes for which a line of `front` is exposed.
    public static let frontScrapes = 4
    /// Buckets that a histogram has grown by before it starts anew.
    public static let mostBuckets = 12

    public var kind: Kind
    /// From 0 to 1.
    public var share: Double

    public init(_ kind: Kind, share: Double) {
        self.kind = kind
        self.share = share
    }

    /// `share` of `count`, rounded.
    func part(of count: Int) -> Int { Int((share * Double(count)).rounded()) }

    /// Whether number `index` of `count` is among `chosen` that are spread evenly.
    static func isChosen(_ index: Int, of count: Int, _ chosen: Int) -> Bool {
        (index + 1) * chosen / count > index * chosen / count
    }
}
