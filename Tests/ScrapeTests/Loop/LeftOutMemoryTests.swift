import Testing

@testable import Scrape

struct LeftOutMemoryTests {
    @Test func theFirstOfAReasonThatIsNewIsShown() {
        var sample = LeftOutSamples()
        sample.add(.outOfOrder, 4)
        sample.add(.tooOld, 7)
        var memory = LeftOutMemory()
        #expect(memory.shown(of: LeftOutSamples(), nowNs: 1) == nil)
        var known = LeftOutSamples()
        known.add(.outOfOrder, 4)
        #expect(memory.shown(of: known, nowNs: 1) == 4)
        #expect(memory.shown(of: known, nowNs: 2) == nil)
        #expect(memory.shown(of: sample, nowNs: 3) == 7)
        #expect(memory.shown(of: sample, nowNs: 4) == nil)
        // An hour after the first.
        #expect(memory.shown(of: sample, nowNs: 3_600_000_000_003) == 4)
        #expect(memory.shown(of: sample, nowNs: 3_600_000_000_004) == nil)
    }

    /// Faults of which some come and go are not said each time they come.
    @Test func whatComesAndGoesIsSaidOnceAnHour() {
        var memory = LeftOutMemory()
        var told = 0
        for scrape in 0..<480 {
            var sample = LeftOutSamples()
            if scrape % 2 == 0 { sample.add(.duplicate, 0) }
            if memory.shown(of: sample, nowNs: UInt64(scrape) * 15_000_000_000) != nil { told += 1 }
        }
        #expect(told == 2)
    }
}
