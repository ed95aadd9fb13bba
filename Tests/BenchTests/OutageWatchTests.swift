import Testing

@testable import narthex_bench

struct OutageWatchTests {
    private func watch(_ looks: [(Double, Int)]) -> OutageWatch {
        var watch = OutageWatch()
        for (share, bytes) in looks { watch.note(share: share, residentBytes: bytes) }
        return watch
    }

    @Test func memoryThatStaysHasNoDrift() {
        // What is before a tenth of the outage is not compared.
        let watch = watch([(0.01, 900), (0.1, 100), (0.2, 100), (0.5, 100), (0.95, 100), (1, 100)])
        #expect(watch.driftPercent == 0)
        #expect(watch.mostBytes(0, 1) == 900)
    }

    @Test func memoryThatGrowsOrShrinksIsSeen() {
        #expect(watch([(0.15, 100), (0.5, 103), (0.95, 106)]).driftPercent.map { $0.rounded() } == 6)
        #expect(watch([(0.15, 106), (0.5, 103), (0.95, 100)]).driftPercent.map { $0.rounded() } == 6)
        // The mean of each part counts.
        #expect(watch([(0.1, 90), (0.2, 110), (0.5, 100), (0.9, 80), (1, 120)]).driftPercent == 0)
    }

    @Test func anOutageWithTooFewLooksHasNoDrift() {
        #expect(watch([]).driftPercent == nil)
        #expect(watch([(0.15, 100), (0.95, 100)]).driftPercent == nil)
    }

    @Test func theDiskTakesFramesAndStatements() {
        let formula = DiskFormula(targets: 40, series: 600, different: 4_800, statementBytes: 25)
        #expect(formula.segmentBytes == 25 * 4_800 + 4 * 24_000)
        #expect(formula.bytes(samples: 1_000, sampleBytes: 1.5, segments: 0) == 1_500)
        #expect(formula.bytes(samples: 0, sampleBytes: 1.5, segments: 2) == 2 * formula.segmentBytes)
    }
}
