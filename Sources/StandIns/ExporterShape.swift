/// What every exporter of a fleet exposes: the text around the numbers, made once, and how each number moves.
/// Numbers are a function of seed, exporter, series and scrape, so nothing is kept per series. `ShapeBuilder`
/// makes it.
struct ExporterShape: Sendable {
    enum Kind: Sendable {
        /// Whole numbers that only grow.
        case counter
        /// Hundredths, up and down.
        case gauge
        /// A share of a histogram's count in thousandths; 1,000 is `+Inf` and `_count`.
        case bucket(permille: UInt64, bound: Double)
        /// A histogram's count of observations.
        case count
        /// A histogram's sum, in thousandths.
        case sum
    }

    /// A label that gets a new value at each scrape.
    enum MovingLabel: Sendable {
        case none
        /// `churn`, with the scrape's number.
        case churn
        /// `session`, with a number of the sliding window in front of the page. `place` counts from the
        /// front, where the newest are.
        case session(place: Int)
    }

    struct Series: Sendable {
        /// In `text`: name and opening brace.
        let head: Range<Int>
        /// In `text`: labels, closing brace and space.
        let labels: Range<Int>
        /// The same as OpenMetrics writes them.
        let openLabels: Range<Int>
        /// In `messages`: the labels as fields of a Metric.
        let pairs: Range<Int>
        let kind: Kind
        let base: UInt64
        /// What one scrape adds; 0 for a number that stands still.
        let step: UInt64
        var movingLabel = MovingLabel.none
        /// 0, or for a bucket that comes and goes: by how many buckets the histogram has grown when this one
        /// is exposed.
        let growth: Int
    }

    enum FamilyType: UInt64, Sendable {
        // As in `io.prometheus.client.MetricType`.
        case counter = 0
        case gauge = 1
        case histogram = 4
    }

    struct Family: Sendable {
        let type: FamilyType
        /// In `text`: HELP and TYPE.
        let comments: Range<Int>
        /// The same as OpenMetrics writes them.
        let openComments: Range<Int>
        /// In `messages`: name, help and type as fields of a MetricFamily.
        let fields: Range<Int>
        /// In `series`.
        let lines: Range<Int>
        /// Lines that are exposed only while the family has grown.
        let extraLines: Int
        /// For a histogram that grows: by how many buckets it has grown at scrape 0.
        var startGrowth: Int?
    }

    let text: [UInt8]
    let messages: [UInt8]
    let series: [Series]
    let families: [Family]
    /// New lines of each scrape in front of the page; 0 unless they come there.
    let newInFront: Int
    let seed: UInt64
    /// Series of a page on which no family has grown.
    private let steadyCount: Int
    private let growing: [Family]

    init(
        text: [UInt8], messages: [UInt8], series: [Series], families: [Family], newInFront: Int, seed: UInt64
    ) {
        self.text = text
        self.messages = messages
        self.series = series
        self.families = families
        self.newInFront = newInFront
        self.seed = seed
        steadyCount = families.reduce(0) { $0 + $1.lines.count - $1.extraLines }
        growing = families.filter { $0.startGrowth != nil }
    }

    /// By how many buckets a family has grown at a scrape.
    func growth(of family: Family, scrape: UInt64) -> Int {
        guard let start = family.startGrowth else { return 0 }
        return Int((UInt64(start) &+ scrape) % UInt64(FleetChurn.mostBuckets + 1))
    }

    /// Series of the page of a scrape.
    func seriesCount(scrape: UInt64) -> Int {
        growing.reduce(steadyCount) { $0 + growth(of: $1, scrape: scrape) }
    }

    /// The count from which a series' number follows. `numbers` is the exporter's set of numbers.
    func count(of one: Series, numbers: Int, scrape: UInt64) -> UInt64 {
        if case .session(let place) = one.movingLabel {
            // What a session has counted when it appears follows from its number and the seed.
            let first = (session(at: place, scrape: scrape) &+ seed) &* 7_919 % 1_000_000
            return first &+ UInt64(numbers) &+ UInt64(place / max(1, newInFront)) * 100
        }
        return one.base &+ UInt64(numbers) &+ scrape &* one.step
    }

    /// The number of the session that stands at this place.
    func session(at place: Int, scrape: UInt64) -> UInt64 {
        // The window's last place has the lowest number, and its first place is behind those of `scrape` + 1.
        (scrape &+ UInt64(FleetChurn.frontScrapes)) &* UInt64(newInFront) &- UInt64(place)
    }

    /// Up from 15 to 35.48 and down again, in hundredths.
    static func gauge(_ count: UInt64) -> UInt64 {
        let period: UInt64 = 4_096
        let phase = count % period
        return 1_500 + min(phase, period - phase)
    }
}
