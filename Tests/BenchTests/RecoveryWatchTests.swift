import StandIns
import Testing

@testable import narthex_bench

struct RecoveryWatchTests {
    private func page(_ exporter: Int, _ startMs: Int64) -> ServedPage {
        ServedPage(exporter: exporter, startMs: startMs, endMs: startMs + 5, samples: 1)
    }

    private func ages(_ counts: [(bucket: Int, samples: Int)]) throws -> SampleAges {
        try #require(SampleAges(text: counts.map { "\($0.bucket) \($0.samples)\n" }.joined()))
    }

    @Test func scrapesAreLateHalfAnIntervalAfterTheyWereDue() {
        var watch = RecoveryWatch(exporters: 2, intervalMs: 1_000, ages: SampleAges())
        #expect(!watch.isPunctual(nowMs: 0))
        watch.note([page(0, 1_000), page(1, 1_400), page(0, 2_500), page(1, 2_400), page(7, 1)])
        #expect(watch.lateScrapeMs == 0)
        #expect(watch.isPunctual(nowMs: 3_900))
        #expect(!watch.isPunctual(nowMs: 3_901))
        watch.note([page(1, 3_901)])
        #expect(watch.lateScrapeMs == 3_901)
        #expect(watch.isPunctual(nowMs: 4_000))
        #expect(!watch.hasRecovered(nowMs: 4_000))
        watch.note([page(0, 3_500), page(0, 4_500), page(0, 5_500), page(1, 4_901), page(1, 5_901)])
        #expect(!watch.hasRecovered(nowMs: 5_900))
        #expect(watch.hasRecovered(nowMs: 5_901))
    }

    /// What lag an agent has is its own: late is what comes a second later than before.
    @Test func lagIsBackWhenSamplesComeAsSoonAsBefore() throws {
        let start = try ages([(100, 5)])
        var watch = RecoveryWatch(exporters: 0, intervalMs: 1_000, ages: start)
        // Two seconds old at most.
        watch.note(try ages([(39, 1_000), (100, 5)]), nowMs: 1_000)
        watch.setBounds()
        watch.note(try ages([(39, 1_000), (59, 100), (100, 5)]), nowMs: 2_000)
        #expect(watch.lateSamplesMs == 0)
        watch.note(try ages([(39, 1_000), (59, 100), (60, 100), (100, 5)]), nowMs: 3_000)
        #expect(watch.lateSamplesMs == 3_000)
        #expect(!watch.isLagBack(nowMs: 3_999))
        // A second without samples proves nothing, and none of them is late.
        watch.note(watch.ages, nowMs: 4_000)
        #expect(watch.isLagBack(nowMs: 4_000))
    }
}

struct RemovalTests {
    /// What a target gave while the agent lost it may be thrown away; what the others gave may not.
    @Test func pagesOfRemovedTargetsAreUndecided() {
        var ends = DeliveryCheck.Ends(cutoffMs: 9_000)
        ends.removal = DeliveryCheck.Removal(firstExporter: 1, fromMs: 2_000)
        let pages = [(0, 2_500), (1, 1_990), (1, 2_500)].map { exporter, endMs in
            ServedPage(exporter: exporter, startMs: endMs - 5, endMs: endMs, samples: 10)
        }
        let check = DeliveryCheck(pages: pages, arrivals: [], intervalMs: 1_000, ends: ends) { "e\($0)" }
        #expect([check.exposed, check.missing, check.undecided] == [20, 20, 10])
    }
}
