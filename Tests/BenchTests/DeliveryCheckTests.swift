import StandIns
import Testing

@testable import narthex_bench

struct DeliveryCheckTests {
    private func page(_ startMs: Int64, _ samples: Int = 10, exporter: Int = 0) -> ServedPage {
        ServedPage(exporter: exporter, startMs: startMs, endMs: startMs + 20, samples: samples)
    }

    private func scrape(_ timestampMs: Int64, _ samples: Int = 10, instance: String = "e0") -> ArrivedScrape {
        ArrivedScrape(instance: instance, timestampMs: timestampMs, samples: samples)
    }

    /// A scrape of which the agent says that it has scraped so many samples and kept so many of them.
    private func scrape(
        _ timestampMs: Int64, _ samples: Int, scraped: Int, kept: Int, isDown: Bool = false
    ) -> ArrivedScrape {
        ArrivedScrape(
            instance: "e0", timestampMs: timestampMs, samples: samples, isDown: isDown,
            counted: ArrivedScrape.Counted(scraped: scraped, kept: kept))
    }

    private func check(
        _ pages: [ServedPage], _ arrivals: [ArrivedScrape], cutoffMs: Int64 = 1_000_000,
        undecidedMs: [ClosedRange<Int64>] = []
    ) -> DeliveryCheck {
        DeliveryCheck(
            pages: pages, arrivals: arrivals, intervalMs: 1_000,
            ends: DeliveryCheck.Ends(undecidedMs: undecidedMs, cutoffMs: cutoffMs)
        ) { "e\($0)" }
    }

    private func counts(_ check: DeliveryCheck) -> [Int] {
        [check.exposed, check.missing, check.undecided, check.surplus]
    }

    @Test func whatHasComeIsNotMissing() {
        let check = check([page(1_000), page(2_000)], [scrape(1_000), scrape(2_000)])
        #expect(counts(check) == [20, 0, 0, 0])
    }

    /// The moment at which a scrape was due, was begun, or ended; each agent has its own.
    @Test(arguments: [-480, -100, 0, 15, 20, 400, 1_700] as [Int64])
    func anAgentTakesItsOwnTimestamp(offsetMs: Int64) {
        let pages = (1...20).map { page($0 * 1_000) }
        let check = check(pages, (1...20).map { scrape($0 * 1_000 + offsetMs) })
        #expect(counts(check) == [200, 0, 0, 0])
    }

    @Test func theFirstPagesOfWhichSomethingIsMissingAreNamed() {
        let check = check((1...20).map { page($0 * 1_000) }, [scrape(1_000), scrape(2_000, 4)])
        #expect(check.examples.map(\.arrived) == [4, 0, 0, 0, 0])
        #expect(check.examples.first?.page == page(2_000))
        #expect(check.examples.first?.instance == "e0")
    }

    @Test func aScrapeThatNeverCameIsMissing() {
        let check = check([page(1_000), page(2_000), page(3_000)], [scrape(1_000), scrape(3_000)])
        #expect(counts(check) == [30, 10, 0, 0])
    }

    @Test func seriesThatNeverCameAreMissing() {
        #expect(counts(check([page(1_000)], [scrape(1_000, 7)])) == [10, 3, 0, 0])
    }

    @Test func anExporterOfWhichNothingCameIsMissing() {
        let check = check([page(1_000), page(1_000, 4, exporter: 1)], [scrape(1_000)])
        #expect(counts(check) == [14, 4, 0, 0])
    }

    @Test func moreThanWasShownIsSurplusAndHidesNothing() {
        let pages = [page(1_000), page(2_000)]
        let check = check(pages, [scrape(1_000, 15), scrape(8_000), scrape(6_000, 3, instance: "other")])
        #expect(counts(check) == [20, 10, 0, 18])
    }

    /// After a restart an agent scrapes soon again: the new scrape must not stand in for the lost one.
    @Test func aScrapeSoonAfterARestartDoesNotHideTheOneBeforeIt() {
        let pages = [page(1_000), page(2_000), page(2_300)]
        let lost = check(pages, [scrape(1_000), scrape(2_300)], undecidedMs: [1_900...2_200])
        #expect(counts(lost) == [20, 0, 10, 0])
        let later = check(pages, [scrape(1_000), scrape(2_300)], undecidedMs: [100...200])
        #expect(counts(later) == [30, 10, 0, 0])
        #expect(counts(check(pages, [scrape(1_000), scrape(2_000), scrape(2_300)])) == [30, 0, 0, 0])
    }

    @Test func whatWasInHandAtTheKillAndCameCounts() {
        let check = check(
            [page(1_000), page(2_000)], [scrape(1_000), scrape(2_000)], undecidedMs: [1_900...2_100])
        #expect(counts(check) == [20, 0, 0, 0])
    }

    @Test func whatWasServedTooLateDoesNotCount() {
        let check = check(
            [page(1_000), page(2_000)], [scrape(1_000), scrape(2_000), scrape(3_000)], cutoffMs: 1_500)
        #expect(counts(check) == [10, 0, 0, 0])
    }

    /// The kernel had the page, and the agent no longer waited for it.
    @Test func aScrapeThatTheAgentCallsFailedIsGivenUp() {
        let down = ArrivedScrape(instance: "e0", timestampMs: 2_000, samples: 0, isDown: true)
        let check = check([page(1_000), page(2_000)], [scrape(1_000), down])
        #expect(counts(check) == [10, 0, 0, 0])
        #expect(check.givenUp == 10)
        #expect(check.examples.isEmpty)
    }

    /// A scrape whose request never got as far as the exporter has no page, and takes none from another. The
    /// newest page is still on its way.
    @Test func aFailedScrapeWithoutAPageTakesNone() {
        let down = ArrivedScrape(instance: "e0", timestampMs: 2_000, samples: 0, isDown: true)
        let pages = [page(1_000)] + (3...20).map { page($0 * 1_000) }
        let arrivals = [scrape(1_000), down] + (3...19).map { scrape($0 * 1_000) }
        let check = check(pages, arrivals, cutoffMs: 19_500)
        #expect(counts(check) == [180, 0, 0, 0])
        #expect(check.givenUp == 0)
    }

    /// What an agent calls failed does not excuse what it lost later.
    @Test func aLossSomeTimeAfterAFailedScrapeIsALoss() {
        let down = ArrivedScrape(instance: "e0", timestampMs: 2_000, samples: 0, isDown: true)
        let check = check([page(1_000), page(4_000), page(5_000)], [scrape(1_000), down, scrape(5_000)])
        #expect(counts(check) == [30, 10, 0, 0])
    }

    /// A page of ten samples of which so many arrived, and what becomes of the others.
    struct Report: Sendable {
        let arrived: Int
        let scraped: Int
        let kept: Int
        let leftOut: Int
        let missing: Int
    }

    @Test(arguments: [
        Report(arrived: 7, scraped: 10, kept: 7, leftOut: 3, missing: 0),
        Report(arrived: 0, scraped: 10, kept: 0, leftOut: 10, missing: 0),
        Report(arrived: 10, scraped: 10, kept: 10, leftOut: 0, missing: 0),
        // It kept seven, and lost two of them.
        Report(arrived: 5, scraped: 10, kept: 7, leftOut: 3, missing: 2),
        // It says that it has left out more than is not there.
        Report(arrived: 9, scraped: 10, kept: 7, leftOut: 1, missing: 0),
        Report(arrived: 10, scraped: 10, kept: 0, leftOut: 0, missing: 0),
        // It says that it has kept all.
        Report(arrived: 7, scraped: 10, kept: 10, leftOut: 0, missing: 3),
        Report(arrived: 7, scraped: 7, kept: 10, leftOut: 0, missing: 3),
        // It has read a part of the page.
        Report(arrived: 6, scraped: 8, kept: 6, leftOut: 2, missing: 2),
        Report(arrived: 0, scraped: 0, kept: 0, leftOut: 0, missing: 10),
        // It says that the page had more than it had. What it has kept is missing all the same.
        Report(arrived: 5, scraped: 20, kept: 10, leftOut: 0, missing: 5),
        Report(arrived: 5, scraped: 4_000_000_000, kept: 8, leftOut: 2, missing: 3),
    ])
    func whatTheAgentCountsAsLeftOutIsNotMissing(report: Report) {
        let arrived = scrape(1_000, report.arrived, scraped: report.scraped, kept: report.kept)
        let check = check([page(1_000)], [arrived])
        #expect(counts(check) == [10, report.missing, 0, 0])
        #expect(check.leftOut == report.leftOut)
        #expect(check.examples.map(\.leftOut) == (report.missing > 0 ? [report.leftOut] : []))
    }

    /// What an agent has left out of one scrape does not excuse what it lost of others: here of the second
    /// and the fourth, which never came, and of the fifth, of which it says nothing.
    @Test func aReportSpeaksOfItsOwnScrapeAlone() {
        let arrivals = [
            scrape(1_000, 7, scraped: 10, kept: 7), scrape(3_000, 0, scraped: 10, kept: 0), scrape(5_000, 8),
            scrape(6_000, 10, scraped: 10, kept: 10),
        ]
        let check = check((1...6).map { page($0 * 1_000) }, arrivals)
        #expect(counts(check) == [60, 22, 0, 0])
        #expect(check.leftOut == 13)
        #expect(check.examples.map(\.page.startMs) == [2_000, 4_000, 5_000])
    }

    @Test func whatWasInHandAtTheKillIsUndecidedWithoutWhatWasLeftOut() {
        let check = check(
            [page(1_000)], [scrape(1_000, 5, scraped: 10, kept: 7)], undecidedMs: [900...1_100])
        #expect(counts(check) == [8, 0, 2, 0])
        #expect(check.leftOut == 3)
    }

    @Test func aScrapeThatTheAgentCallsFailedIsGivenUpWhateverItCounts() {
        let check = check([page(1_000)], [scrape(1_000, 0, scraped: 10, kept: 0, isDown: true)])
        #expect(counts(check) == [0, 0, 0, 0])
        #expect(check.givenUp == 10)
        #expect(check.leftOut == 0)
    }

    @Test func nothingIsNothing() { #expect(counts(check([], [])) == [0, 0, 0, 0]) }
}
