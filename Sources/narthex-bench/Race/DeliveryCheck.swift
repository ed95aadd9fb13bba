import StandIns

/// What exporters have shown, compared with what the receiver has.
///
/// An agent gives each scrape a timestamp of its own: the moment at which the scrape was due, was begun or
/// ended. So the pages that one exporter has served whole and the timestamps that the receiver has of it are
/// laid side by side, both in order, such that as many as possible find a partner and the distances are least
/// in sum. Partners are at most an interval apart, or five seconds where that is more: a busy machine may let
/// that long pass between the timestamp and the request.
struct DeliveryCheck: Equatable {
    /// Samples of pages that count.
    var exposed = 0
    /// Those of them that the receiver does not have, and of which the agent has not said so.
    var missing = 0
    /// Those of them that the receiver does not have and the agent has counted among what it scraped and not
    /// among what it kept: it says itself, in the scrape that lacks them, that it has left them out.
    var leftOut = 0
    /// Samples that the receiver does not have, of pages that went out just before the agent was killed or
    /// the exporter was taken off its list: the kernel had them, and nobody can tell whether the agent did.
    var undecided = 0
    /// Samples of pages that the kernel had and whose scrapes the agent calls failed (`up` is 0): it had
    /// given them up, for their time was over.
    var givenUp = 0
    /// Samples that the receiver has and no page showed.
    var surplus = 0
    /// The first few pages of which something is missing, for whoever wants to look at an agent's log.
    var examples: [Example] = []

    struct Example: Equatable {
        let instance: String
        let page: ServedPage
        let arrived: Int
        let leftOut: Int
    }

    private static let mostExamples = 5
    private static let leastToleranceMs: Int64 = 5_000

    /// When the agent was ended, by the wall clock.
    struct Ends {
        /// A page is not counted when it went out in one of these spans of milliseconds.
        var undecidedMs: [ClosedRange<Int64>] = []
        /// Pages that went out later do not count, nor do samples with a later timestamp.
        var cutoffMs: Int64
        /// Targets that the agent no longer has.
        var removal: Removal?

        func isUndecided(_ page: ServedPage) -> Bool {
            undecidedMs.contains { $0.contains(page.endMs) } || removal.map { $0.covers(page) } ?? false
        }
    }

    /// Exporters that were taken off the agent's list: those with this number and higher ones. What they gave
    /// later, or just before, may be thrown away.
    struct Removal {
        let firstExporter: Int
        let fromMs: Int64

        func covers(_ page: ServedPage) -> Bool {
            page.exporter >= firstExporter && page.endMs >= fromMs
        }
    }

    /// `instance` is the label of an exporter.
    init(
        pages: [ServedPage], arrivals: [ArrivedScrape], intervalMs: Int64, ends: Ends,
        instance: (Int) -> String
    ) {
        let arrived = Dictionary(grouping: arrivals, by: \.instance).mapValues {
            $0.sorted { $0.timestampMs < $1.timestampMs }
        }
        var seen: Set<String> = []
        for (exporter, served) in Dictionary(grouping: pages, by: \.exporter) {
            let name = instance(exporter)
            seen.insert(name)
            match(
                served.sorted { $0.endMs < $1.endMs }, arrived[name] ?? [],
                Spans(intervalMs: intervalMs), ends, name)
        }
        for (name, scrapes) in arrived where !seen.contains(name) {
            surplus += scrapes.reduce(0) { $0 + $1.samples }
        }
    }

    private mutating func match(
        _ pages: [ServedPage], _ scrapes: [ArrivedScrape], _ spans: Spans, _ ends: Ends,
        _ name: String
    ) {
        var taken: Set<Int> = []
        for (page, scrape) in zip(pages, Self.partners(pages, scrapes, spans, cutoffMs: ends.cutoffMs)) {
            if let scrape { taken.insert(scrape) }
            book(page, scrape.map { scrapes[$0] }, ends, name)
        }
        for (index, scrape) in scrapes.enumerated() where !taken.contains(index) {
            if scrape.timestampMs <= ends.cutoffMs { surplus += scrape.samples }
        }
    }

    /// More than all distances of a run in sum, so that partners are found first and near ones second.
    private static let aloneCost: Int64 = 1 << 40

    /// For each page the scrape that belongs to it: the cheapest alignment of two sequences, where a pair
    /// costs its distance. A scrape without samples may stay alone for nothing: nothing of it is surplus, and
    /// one that failed need not have had a page. So may a page behind the cutoff, whose samples may be on
    /// their way.
    private static func partners(
        _ pages: [ServedPage], _ scrapes: [ArrivedScrape], _ spans: Spans, cutoffMs: Int64
    ) -> [Int?] {
        let width = scrapes.count + 1
        // cost[p * width + s]: of the pages from p on and the scrapes from s on.
        var cost = [Int64](repeating: 0, count: (pages.count + 1) * width)
        func pageAlone(_ p: Int, _ s: Int) -> Int64 {
            cost[(p + 1) * width + s] + (pages[p].endMs > cutoffMs ? 0 : aloneCost)
        }
        func scrapeAlone(_ p: Int, _ s: Int) -> Int64 {
            cost[p * width + s + 1] + (scrapes[s].samples == 0 ? 0 : aloneCost)
        }
        func pair(_ p: Int, _ s: Int) -> Int64 {
            guard spans.mayBelong(scrapes[s], to: pages[p]) else { return .max }
            return cost[(p + 1) * width + s + 1] + distance(scrapes[s], pages[p])
        }
        for p in (0...pages.count).reversed() {
            for s in (0...scrapes.count).reversed() where p < pages.count || s < scrapes.count {
                var best = Int64.max
                if p < pages.count { best = min(best, pageAlone(p, s)) }
                if s < scrapes.count { best = min(best, scrapeAlone(p, s)) }
                if p < pages.count, s < scrapes.count { best = min(best, pair(p, s)) }
                cost[p * width + s] = best
            }
        }
        var result: [Int?] = []
        var s = 0
        for p in pages.indices {
            while s < scrapes.count, cost[p * width + s] != pair(p, s),
                cost[p * width + s] == scrapeAlone(p, s)
            {
                s += 1
            }
            let isPair = s < scrapes.count && cost[p * width + s] == pair(p, s)
            result.append(isPair ? s : nil)
            if isPair { s += 1 }
        }
        return result
    }

    /// How far a timestamp may be from its page.
    private struct Spans {
        let toleranceMs: Int64
        let timeoutMs: Int64
        /// For an agent that is late to notice that its time is over.
        private static let slackMs: Int64 = 500

        init(intervalMs: Int64) {
            toleranceMs = max(DeliveryCheck.leastToleranceMs, intervalMs)
            timeoutMs = min(StandInFleet.longestTimeoutMs, intervalMs)
        }

        /// A page that an agent has given up went out between the beginning of the scrape and its timeout.
        func mayBelong(_ scrape: ArrivedScrape, to page: ServedPage) -> Bool {
            guard scrape.isDown, scrape.samples == 0 else {
                return DeliveryCheck.distance(scrape, page) <= toleranceMs
            }
            let afterMs = page.startMs - scrape.timestampMs
            return (-Self.slackMs...timeoutMs + Self.slackMs).contains(afterMs)
        }
    }

    private mutating func book(_ page: ServedPage, _ scrape: ArrivedScrape?, _ ends: Ends, _ name: String) {
        guard page.endMs <= ends.cutoffMs else { return }
        let got = scrape?.samples ?? 0
        let lost = max(0, page.samples - got)
        if lost > 0, scrape?.isDown == true {
            givenUp += lost
            exposed += page.samples - lost
            return
        }
        let told = min(lost, Self.leftOut(of: page, scrape))
        let untold = lost - told
        leftOut += told
        if untold > 0, ends.isUndecided(page) {
            undecided += untold
            exposed += page.samples - untold
            return
        }
        exposed += page.samples
        missing += untold
        if untold > 0, examples.count < Self.mostExamples {
            examples.append(Example(instance: name, page: page, arrived: got, leftOut: told))
        }
        surplus += max(0, got - page.samples)
    }

    /// Samples of a page that the agent says to have left out. They are at most those that the page had
    /// beyond what the agent says to have kept, so what it has kept and not delivered is missing, however
    /// many samples it says to have scraped.
    private static func leftOut(of page: ServedPage, _ scrape: ArrivedScrape?) -> Int {
        guard let counted = scrape?.counted else { return 0 }
        return max(0, min(counted.scraped, page.samples) - counted.kept)
    }

    /// Milliseconds between a timestamp and the time in which a page was served.
    private static func distance(_ scrape: ArrivedScrape, _ page: ServedPage) -> Int64 {
        if scrape.timestampMs < page.startMs { return page.startMs - scrape.timestampMs }
        return max(0, scrape.timestampMs - page.endMs)
    }
}
