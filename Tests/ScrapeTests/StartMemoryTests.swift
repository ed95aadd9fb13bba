import Testing

@testable import Scrape

@Suite struct StartMemoryTests {
    @Test func seriesThatLeftAreKnownUntilTheyReturn() {
        var memory = StartMemory()
        #expect(memory.last(of: 1) == Int64.min)
        memory.left(1, lastMs: 5)
        #expect(memory.last(of: 1) == 5 && memory.last(of: 2) == Int64.min)
        memory.returned(1)
        #expect(memory.count == 0)
    }

    @Test func tooManyAreForgottenWithoutTellingThemAnew() {
        var memory = StartMemory(floorMs: 3)
        for hash in 0..<UInt64(StartMemory.spare + 10) { memory.left(hash, lastMs: Int64(hash)) }
        memory.bound(seriesCount: 10)
        #expect(memory.count == StartMemory.spare + 10 && memory.floorMs == 3)
        memory.bound(seriesCount: 9)
        #expect(memory.count == 0)
        #expect(memory.last(of: 0) == Int64(StartMemory.spare + 9))
    }
}
