import Testing

@testable import WriteAheadBuffer

@Suite struct OutcomesTests {
    /// Whose samples they are is not known: each job has its share, and the sum is exact.
    @Test(arguments: [0, 1, 2, 5, 9, 10, 11, UInt64.max])
    func someThatWereNotDeliveredAreShared(count: UInt64) {
        let outcomes: Outcomes = [
            "a": JobOutcome(delivered: 7, dropped: ["too_old": 1]), "b": JobOutcome(delivered: 0),
            "c": JobOutcome(delivered: 3),
        ]
        let booked = outcomes.undelivered(count, "unwritten")
        #expect(booked.delivered == 10 - min(10, count))
        #expect(booked.dropped["unwritten"] ?? 0 == min(10, count))
        #expect(booked.dropped["too_old"] == 1)
        #expect(booked.entries.map(\.outcome.total) == [8, 0, 3])
        if count == 5 { #expect(booked.entries.map(\.outcome.delivered) == [4, 0, 1]) }
    }

    @Test func ofOneJobItIsExact() {
        let outcomes: Outcomes = ["a": JobOutcome(delivered: 1 << 60)]
        #expect(outcomes.undelivered((1 << 60) - 1, "unwritten").delivered == 1)
        #expect(Outcomes().undelivered(3, "unwritten").isEmpty)
    }
}
