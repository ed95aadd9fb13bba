import Testing

@testable import StandIns

struct ScrapeTimesTests {
    @Test func keepsTheGreatestGap() {
        var times = ScrapeTimes()
        for nowNs: UInt64 in [100, 110, 150, 165] { times.note(nowNs) }
        #expect(times.count == 4)
        #expect(times.firstNs == 100)
        #expect(times.lastNs == 165)
        #expect(times.greatestGapNs == 40)
    }

    @Test func readsItsOwnText() {
        var times = ScrapeTimes()
        times.note(7)
        times.note(9)
        #expect(ScrapeTimes.all(in: ScrapeTimes.text([ScrapeTimes(), times])) == [ScrapeTimes(), times])
        #expect(ScrapeTimes.all(in: "not found\n") == nil)
        #expect(ScrapeTimes.all(in: "1 2 3\n") == nil)
    }
}
