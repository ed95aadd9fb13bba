import Testing

@testable import Scrape

struct LeftOutSamplesTests {
    @Test func samplesAreCountedByReason() {
        var sample = LeftOutSamples()
        #expect(sample.isEmpty && sample.first == nil)
        sample.add(.outOfOrder, 4)
        sample.add(.tooOld, 7)
        sample.add(.tooOld, 9)
        #expect(sample.total == 3 && sample[.tooOld] == 2 && sample[.duplicate] == 0)
        #expect(sample.first == 4)
    }
}
