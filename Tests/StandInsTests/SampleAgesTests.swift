import Testing

@testable import StandIns

struct SampleAgesTests {
    private func times(_ samples: [(Int64, Double)]) throws -> SampleTimes {
        let message = WireRequest.message([WireRequest(labels: [("a", "b")], samples: samples)])
        let times = SampleTimes(message.span)
        return try #require(times)
    }

    @Test func tellsAgesToAStep() throws {
        var ages = SampleAges()
        #expect(ages.quantile(1) == 0)
        ages.note(try times([(10_000, 1), (9_951, 1), (9_950, 1), (8_000, 1)]), nowMs: 10_000)
        #expect(ages.samples == 4)
        #expect(ages.quantile(0.5) == 50)
        #expect(ages.quantile(0.75) == 100)
        #expect(ages.quantile(1) == 2_050)
    }

    @Test func whatIsNewerIsNewAndWhatIsOlderIsOld() throws {
        var ages = SampleAges()
        ages.note(try times([(Int64.max, 1), (20_000, 1)]), nowMs: 10_000)
        #expect(ages.quantile(1) == 50)
        ages.note(try times([(Int64.min, 1), (10_000 - 3_600_000, 1)]), nowMs: 10_000)
        #expect(ages.quantile(0.75) == 900_050)
        #expect(ages.quantile(1) == 900_050)
    }

    @Test func aDifferenceIsOfTheTimeBetween() throws {
        var ages = SampleAges()
        ages.note(try times([(0, 1)]), nowMs: 5_000)
        let before = ages
        ages.note(try times([(4_900, 1)]), nowMs: 5_000)
        #expect(ages.since(before).samples == 1)
        #expect(ages.since(before).quantile(1) == 150)
    }

    @Test func readsItsOwnText() throws {
        var ages = SampleAges()
        ages.note(try times([(0, 1), (4_000, 2)]), nowMs: 5_000)
        #expect(SampleAges(text: ages.text) == ages)
        #expect(SampleAges(text: "1 x\n") == nil)
        #expect(SampleAges(text: "99999 1\n") == nil)
    }
}
