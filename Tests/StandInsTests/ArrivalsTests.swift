import Testing

@testable import StandIns

struct ArrivalsTests {
    @Test func everySampleCountsOnce() {
        var arrivals = Arrivals()
        let instance = arrivals.instance("a")
        let other = arrivals.instance("b")
        #expect(arrivals.instance("a") == instance)
        let series = (0..<200).map { _ in arrivals.addSeries(to: instance) }
        let single = arrivals.addSeries(to: other)
        for one in series {
            #expect(!arrivals.has(instance, one, 10))
            arrivals.note(instance, one, 10)
            #expect(arrivals.has(instance, one, 10))
        }
        arrivals.note(instance, series[7], 20)
        arrivals.note(other, single, 5)
        #expect(!arrivals.has(instance, series[8], 20))
        #expect(!arrivals.has(other, single, 20))
        #expect(
            arrivals.scrapes == [
                ArrivedScrape(instance: "a", timestampMs: 10, samples: 200),
                ArrivedScrape(instance: "a", timestampMs: 20, samples: 1),
                ArrivedScrape(instance: "b", timestampMs: 5, samples: 1),
            ])
    }

    /// Series that come while a scrape is entered need more bits than it had.
    @Test func aScrapeGrowsWithItsTarget() {
        var arrivals = Arrivals()
        let instance = arrivals.instance("a")
        for number in 0..<1_000 {
            let series = arrivals.addSeries(to: instance)
            arrivals.note(instance, series, 1)
            if number % 3 == 0 { arrivals.note(instance, series, 2) }
        }
        #expect(arrivals.scrapes.map(\.samples) == [1_000, 334])
        #expect(arrivals.has(instance, 999, 1) && arrivals.has(instance, 999, 2))
        #expect(!arrivals.has(instance, 998, 2))
    }

    @Test func olderScrapesAreFoundAgain() {
        var arrivals = Arrivals()
        let instance = arrivals.instance("a")
        let series = arrivals.addSeries(to: instance)
        for timestampMs in [5, 9, 7, 1] as [Int64] { arrivals.note(instance, series, timestampMs) }
        #expect(([1, 5, 7, 9] as [Int64]).allSatisfy { arrivals.has(instance, series, $0) })
        #expect(arrivals.scrapes.map(\.timestampMs) == [1, 5, 7, 9])
    }

    /// A caller that asks every second hears of each scrape again and again while it grows, and then no more.
    @Test func changesAreThoseSinceTheLastQuestion() {
        var arrivals = Arrivals()
        let instance = arrivals.instance("a")
        let series = (0..<2).map { _ in arrivals.addSeries(to: instance) }
        func scrape(_ timestampMs: Int64, _ samples: Int, isDown: Bool = false) -> ArrivedScrape {
            ArrivedScrape(instance: "a", timestampMs: timestampMs, samples: samples, isDown: isDown)
        }
        arrivals.note(instance, series[0], 10)
        arrivals.note(instance, series[0], 20)
        func changes(since cursor: UInt64) -> ArrivalChanges { arrivals.changes(since: cursor) }
        let first = changes(since: 0)
        #expect(first.scrapes == [scrape(10, 1), scrape(20, 1)])
        #expect(changes(since: first.next).scrapes.isEmpty)

        arrivals.note(instance, series[1], 10)
        arrivals.noteDown(instance, 30)
        let second = changes(since: first.next)
        #expect(second.scrapes == [scrape(10, 2), scrape(30, 0, isDown: true)])
        #expect(changes(since: second.next).scrapes.isEmpty)
        // Another caller, which has not heard of anything since the first question, loses nothing.
        #expect(changes(since: first.next).scrapes == second.scrapes)
        #expect(changes(since: 0).scrapes == arrivals.scrapes)
    }

    /// What an agent has counted of a scrape is told with it. It is not a scrape by itself, unless the agent
    /// has kept less than the page had.
    @Test func whatAnAgentHasCountedIsToldWithItsScrape() {
        var arrivals = Arrivals()
        let instance = arrivals.instance("a")
        func scrape(_ timestampMs: Int64, _ samples: Int, _ counted: (Int, Int)? = nil) -> ArrivedScrape {
            ArrivedScrape(
                instance: "a", timestampMs: timestampMs, samples: samples,
                counted: counted.map { ArrivedScrape.Counted(scraped: $0.0, kept: $0.1) })
        }
        arrivals.noteScraped(instance, 10, samples: 5)
        arrivals.noteKept(instance, 10, samples: 5)
        arrivals.noteScraped(instance, 20, samples: 5)
        arrivals.noteScraped(instance, 30, samples: 5)
        arrivals.noteKept(instance, 30, samples: 0)
        let first = arrivals.changes(since: 0)
        #expect(first.scrapes == [scrape(30, 0, (5, 0))])

        let series = arrivals.addSeries(to: instance)
        arrivals.note(instance, series, 10)
        arrivals.note(instance, series, 20)
        let second = arrivals.changes(since: first.next)
        #expect(second.scrapes == [scrape(10, 1, (5, 5)), scrape(20, 1)])

        // The agent's word comes behind the samples, and does not change any more.
        arrivals.noteKept(instance, 20, samples: 4)
        let third = arrivals.changes(since: second.next)
        #expect(third.scrapes == [scrape(20, 1, (5, 4))])
        arrivals.noteKept(instance, 20, samples: 0)
        arrivals.noteScraped(instance, 20, samples: 9)
        let fourth = arrivals.changes(since: third.next)
        #expect(fourth.scrapes.isEmpty)
        #expect(arrivals.scrapes == [scrape(10, 1, (5, 5)), scrape(20, 1, (5, 4)), scrape(30, 0, (5, 0))])
    }

    @Test func changesReadBack() {
        let changes = ArrivalChanges(
            next: 7, scrapes: [ArrivedScrape(instance: "a b", timestampMs: 5, samples: 3)])
        #expect(ArrivalChanges(text: changes.text) == changes)
        #expect(ArrivalChanges(text: "7\n") == ArrivalChanges(next: 7, scrapes: []))
        for text in ["", "7", "x\n", "-1\n", "7\n1 2 up\n"] { #expect(ArrivalChanges(text: text) == nil) }
    }

    @Test func bothTextsReadBack() {
        let scrapes = [
            ArrivedScrape(instance: "a b", timestampMs: -1, samples: 3),
            ArrivedScrape(instance: "", timestampMs: 7, samples: 0, isDown: true),
            ArrivedScrape(
                instance: "c", timestampMs: 8, samples: 3,
                counted: ArrivedScrape.Counted(scraped: 4_294_967_295, kept: 0)),
        ]
        #expect(ArrivedScrape.all(in: ArrivedScrape.text(scrapes)) == scrapes)
        #expect(ArrivedScrape.all(in: "1 2 up\n") == nil)
        #expect(ArrivedScrape.all(in: "1 2 3 a\n") == nil)
        for counted in ["", "5", "5/", "/5", "5/4/3", "-1/0", "5/4294967296", "--"] {
            #expect(ArrivedScrape.all(in: "1 2 up \(counted) a\n") == nil, "\(counted)")
        }
        let pages = [ServedPage(exporter: 3, startMs: 1, endMs: 2, samples: 4)]
        #expect(ServedPage.all(in: ServedPage.text(pages)) == pages)
        #expect(ServedPage.all(in: "1 2 x 4\n") == nil)
    }
}

struct SampleLedgerArrivalsTests {
    private static let stale = Double(bitPattern: 0x7FF0_0000_0000_0002)

    private func request(_ name: String, _ samples: [(Int64, Double)]) throws -> DecodedRequest {
        try WriteRequestDecoder.decode(
            plain: WireRequest.message([
                WireRequest(labels: [("__name__", name), ("instance", "i"), ("job", "a")], samples: samples)
            ]))
    }

    /// After a crash an agent sends again what was not answered: all of it is known, and none is out of
    /// order.
    @Test func samplesSentAgainAreDuplicatesHoweverOldTheyAre() throws {
        var ledger = SampleLedger(
            outOfOrderWindowMs: 0, maxSampleAgeMs: nil, keepsHistory: false, keepsArrivals: true)
        let batch = try request("m", [(1, 1), (2, 2), (3, 3)])
        #expect(ledger.take(batch, nowMs: 5) == nil)
        #expect(ledger.take(batch, nowMs: 5) == nil)
        #expect(ledger.counts.duplicates == 3)
        #expect(ledger.counts.outOfOrder == 0)
        #expect(ledger.arrivals?.scrapes.map(\.samples) == [1, 1, 1])
    }

    @Test func whatWasRefusedHasNotArrived() throws {
        var ledger = SampleLedger(
            outOfOrderWindowMs: 0, maxSampleAgeMs: nil, keepsHistory: false, keepsArrivals: true)
        _ = ledger.take(try request("m", [(5, 1)]), nowMs: 5)
        #expect(ledger.take(try request("m", [(4, 1)]), nowMs: 5) != nil)
        #expect(ledger.arrivals?.scrapes.map(\.timestampMs) == [5])
    }

    @Test func aScrapeThatFailedIsKnownByUp() throws {
        var ledger = SampleLedger(
            outOfOrderWindowMs: 0, maxSampleAgeMs: nil, keepsHistory: false, keepsArrivals: true)
        _ = ledger.take(try request("up", [(1, 1), (2, 0), (3, Self.stale)]), nowMs: 5)
        #expect(
            ledger.arrivals?.scrapes == [
                ArrivedScrape(instance: "i", timestampMs: 2, samples: 0, isDown: true)
            ])
    }

    /// Nothing but whole numbers from zero on are counts.
    @Test func whatAnAgentCountsIsTakenFromItsReport() throws {
        var ledger = SampleLedger(
            outOfOrderWindowMs: 0, maxSampleAgeMs: nil, keepsHistory: false, keepsArrivals: true)
        let scraped: [(Int64, Double)] = [
            (1, 10), (2, 10), (3, .nan), (4, 10), (5, 10), (6, Self.stale), (7, 1e300), (8, 10),
        ]
        let kept: [(Int64, Double)] = [
            (1, 7), (2, 0), (3, 7), (4, -1), (5, 7.5), (6, 7), (7, 7), (8, -.infinity),
        ]
        _ = ledger.take(try request("scrape_samples_post_metric_relabeling", kept), nowMs: 5)
        _ = ledger.take(try request("scrape_samples_scraped", scraped), nowMs: 5)
        _ = ledger.take(try request("scrape_series_added", [(3, 1)]), nowMs: 5)
        _ = ledger.take(try request("m", [(1, 1), (3, 1), (8, 1)]), nowMs: 5)
        #expect(
            ledger.arrivals?.scrapes == [
                ArrivedScrape(
                    instance: "i", timestampMs: 1, samples: 1,
                    counted: ArrivedScrape.Counted(scraped: 10, kept: 7)),
                ArrivedScrape(
                    instance: "i", timestampMs: 2, samples: 0,
                    counted: ArrivedScrape.Counted(scraped: 10, kept: 0)),
                ArrivedScrape(instance: "i", timestampMs: 3, samples: 1),
                ArrivedScrape(instance: "i", timestampMs: 8, samples: 1),
            ])
    }

    @Test func seriesOfAgentsAndStaleMarkersAreNoArrivals() throws {
        var ledger = SampleLedger(
            outOfOrderWindowMs: 0, maxSampleAgeMs: nil, keepsHistory: false, keepsArrivals: true)
        _ = ledger.take(try request("up", [(1, 1)]), nowMs: 5)
        _ = ledger.take(try request("scrape_duration_seconds", [(1, 1)]), nowMs: 5)
        _ = ledger.take(try request("m", [(1, Self.stale)]), nowMs: 5)
        #expect(ledger.arrivals?.scrapes == [])
        #expect(ledger.counts.samples == 3)
    }
}
