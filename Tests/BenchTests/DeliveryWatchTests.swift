import StandIns
import Testing

@testable import narthex_bench

struct DeliveryWatchTests {
    private func page(_ exporter: Int, _ endMs: Int64, _ samples: Int = 10) -> ServedPage {
        ServedPage(exporter: exporter, startMs: endMs - 20, endMs: endMs, samples: samples)
    }

    private func arrived(_ exporter: Int, _ timestampMs: Int64, _ samples: Int = 10) -> ArrivedScrape {
        ArrivedScrape(instance: "e\(exporter)", timestampMs: timestampMs, samples: samples)
    }

    private func until(_ cutoffMs: Int64) -> DeliveryCheck.Ends { DeliveryCheck.Ends(cutoffMs: cutoffMs) }

    private var watch: DeliveryWatch { DeliveryWatch(intervalMs: 1_000) { "e\($0)" } }

    @Test func itIsBehindUntilEverySampleHasCome() {
        var watch = watch
        func isBehind(_ cutoffMs: Int64) -> Bool { watch.isBehind(until(cutoffMs)) }
        #expect(!isBehind(9_000))
        watch.note([page(0, 1_000), page(1, 1_500)])
        #expect(isBehind(9_000))
        watch.note(ArrivalChanges(next: 3, scrapes: [arrived(0, 1_000), arrived(1, 1_500, 9)]))
        #expect(watch.arrivalCursor == 3)
        #expect(isBehind(9_000))
        // The last sample comes: the scrape is told again, with all of it.
        watch.note(ArrivalChanges(next: 4, scrapes: [arrived(1, 1_500)]))
        #expect(!isBehind(9_000))
        #expect(watch.check(until(9_000)).exposed == 20)
    }

    /// The report of a scrape may come before its samples or behind them. What the agent says to have kept is
    /// waited for.
    @Test func itIsNotBehindForWhatTheAgentHasLeftOut() {
        var watch = watch
        func isBehind() -> Bool { watch.isBehind(until(9_000)) }
        let report = ArrivedScrape.Counted(scraped: 10, kept: 7)
        func come(_ timestampMs: Int64, _ samples: Int, _ counted: ArrivedScrape.Counted?) {
            let scrape = ArrivedScrape(
                instance: "e0", timestampMs: timestampMs, samples: samples, counted: counted)
            watch.note(ArrivalChanges(next: watch.arrivalCursor + 1, scrapes: [scrape]))
        }
        watch.note([page(0, 1_000)])
        come(1_000, 0, report)
        #expect(isBehind())
        come(1_000, 6, report)
        #expect(isBehind())
        come(1_000, 7, report)
        #expect(!isBehind())

        watch.note([page(0, 2_000)])
        come(2_000, 7, nil)
        #expect(isBehind())
        come(2_000, 7, report)
        #expect(!isBehind())
        #expect(watch.check(until(9_000)).leftOut == 6)
    }

    /// A page that went out a moment ago does not count yet, and is not forgotten.
    @Test func theCutoffMoves() {
        var watch = watch
        func isBehind(_ cutoffMs: Int64) -> Bool { watch.isBehind(until(cutoffMs)) }
        watch.note([page(0, 1_000), page(0, 2_000)])
        watch.note(ArrivalChanges(next: 1, scrapes: [arrived(0, 1_000)]))
        #expect(!isBehind(1_500))
        #expect(isBehind(2_500))
        watch.note(ArrivalChanges(next: 2, scrapes: [arrived(0, 2_000)]))
        #expect(!isBehind(2_500))
        watch.note([page(0, 3_000)])
        #expect(isBehind(3_500))
    }

    /// The quick question and the whole comparison are of one mind, whatever comes in which order.
    @Test(arguments: 0..<20)
    func itSaysWhatTheWholeComparisonSays(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        var watch = watch
        var late: [ArrivedScrape] = []
        for second in 1...40 {
            let pages = (0..<5).map { page($0, Int64(second) * 1_000 + Int64(random(300))) }
            watch.note(pages)
            late += pages.map { arrived($0.exporter, $0.startMs) }
            let come = late.filter { _ in random(3) > 0 }
            late.removeAll { come.contains($0) }
            watch.note(ArrivalChanges(next: UInt64(second), scrapes: come))
            let ends = until(Int64(second - random(2)) * 1_000)
            let isBehind = watch.isBehind(ends)
            #expect(isBehind == (watch.check(ends).missing > 0), "second \(second)")
        }
    }
}
