import Testing

@testable import Scrape

@Suite struct MemoryLogTests {
    @Test func aLineIsDueOnceAMinute() {
        let log = MemoryLog()
        #expect(log.isDue(nowNs: 5) && !log.isDue(nowNs: 5))
        #expect(!log.isDue(nowNs: 60_000_000_004))
        #expect(log.isDue(nowNs: 60_000_000_005) && !log.isDue(nowNs: 60_000_000_006))
    }
}
