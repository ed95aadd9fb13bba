import StandIns

/// What the exporters of a run have shown and what the receiver has of it, kept up with what is new.
///
/// Whether an agent is behind can be asked every second, even with millions of series: exporters whose pages
/// have all arrived are not looked at again before they have shown another page.
struct DeliveryWatch {
    let intervalMs: Int64
    /// The label `instance` of an exporter.
    let instance: (Int) -> String

    /// Every page, in the order in which they went out.
    private(set) var pages: [ServedPage] = []
    /// What the next question to the receiver names.
    private(set) var arrivalCursor: UInt64 = 0
    private var exporters: [Int: Exporter] = [:]
    /// By label `instance` and timestamp.
    private var scrapes: [String: [Int64: ArrivedScrape]] = [:]
    /// Exporters of which it is not known that all has arrived.
    private var unsettled: Set<Int> = []

    private struct Exporter {
        let instance: String
        var pages: [ServedPage] = []
    }

    init(intervalMs: Int64, instance: @escaping (Int) -> String) {
        self.intervalMs = intervalMs
        self.instance = instance
    }

    /// Takes the pages behind those that are known.
    mutating func note(_ new: [ServedPage]) {
        pages += new
        for page in new {
            exporters[page.exporter, default: Exporter(instance: instance(page.exporter))].pages.append(page)
            unsettled.insert(page.exporter)
        }
    }

    /// Takes what has come since `arrivalCursor`.
    mutating func note(_ changes: ArrivalChanges) {
        arrivalCursor = changes.next
        for scrape in changes.scrapes { scrapes[scrape.instance, default: [:]][scrape.timestampMs] = scrape }
    }

    /// Whether the receiver lacks samples of a page that counts. The cutoff of `ends` does not go back from
    /// one question to the next. Ends at the first exporter of which something is missing.
    mutating func isBehind(_ ends: DeliveryCheck.Ends) -> Bool {
        var later: Set<Int> = []
        while let number = unsettled.first {
            guard let exporter = exporters[number] else { preconditionFailure("it has shown a page") }
            let arrived = scrapes[exporter.instance].map { Array($0.values) } ?? []
            let check = DeliveryCheck(
                pages: exporter.pages, arrivals: arrived, intervalMs: intervalMs, ends: ends,
                instance: instance)
            guard check.missing == 0 else {
                unsettled.formUnion(later)
                return true
            }
            unsettled.remove(number)
            if exporter.pages.contains(where: { $0.endMs > ends.cutoffMs }) { later.insert(number) }
        }
        unsettled = later
        return false
    }

    /// The comparison of all.
    func check(_ ends: DeliveryCheck.Ends) -> DeliveryCheck {
        DeliveryCheck(
            pages: pages, arrivals: scrapes.values.flatMap(\.values), intervalMs: intervalMs, ends: ends,
            instance: instance)
    }
}
