import Testing

@testable import RemoteWrite

@Suite struct ShardDemandTests {
    private let second: UInt64 = 1_000_000_000

    /// A demand that has seen one interval: `rate` samples a second came, and each request of 2,000 took
    /// `ms`; so many of them as `shards` could send.
    private func demand(rate: UInt64, ms: UInt64, shards: UInt64, backlog: UInt64 = 0) -> Double {
        var demand = ShardDemand(initially: 1)
        #expect(demand.look(taken: 0, backlog: 0, 0) == 1)
        let requests = min(shards * 10_000 / ms, rate * 10 / 2_000)
        for _ in 0..<requests { demand.finished(samples: 2_000, busyNs: ms * 1_000_000) }
        return demand.look(taken: rate * 10, backlog: backlog, 10 * second)
    }

    @Test func itIsTheRequestsThatMustFlyForTheRate() {
        // 50 requests a second of 200 ms each.
        #expect(abs(demand(rate: 100_000, ms: 200, shards: 50) - 10) < 0.001)
        #expect(abs(demand(rate: 1_000, ms: 200, shards: 50) - 0.1) < 0.001)
    }

    @Test func itRisesAboveWhatMayFlyWhereThatIsTooSlow() {
        #expect(demand(rate: 100_000, ms: 200, shards: 2) > 9)
        // A twentieth of the backlog is to be sent each second, too.
        #expect(abs(demand(rate: 100_000, ms: 200, shards: 2, backlog: 2_000_000) - 20) < 0.001)
    }

    @Test func itStaysWhileNobodyAnswersAndIsTakenAnewEveryTenSeconds() {
        var demand = ShardDemand(initially: 3)
        #expect(demand.look(taken: 0, backlog: 0, 5) == 3)
        #expect(demand.look(taken: 1_000_000, backlog: 1_000_000, 20 * second) == 3)
        demand.finished(samples: 1_000, busyNs: second)
        #expect(demand.look(taken: 1_000_000, backlog: 0, 25 * second) == 3)
        #expect(demand.look(taken: 1_000_000, backlog: 0, 31 * second) != 3)
        // A clock that a test or a machine sets back asks for nothing.
        #expect(demand.look(taken: 0, backlog: 0, 0).isFinite)
    }

    @Test func whatWasBeforeIsForgotten() {
        var demand = ShardDemand(initially: 1)
        _ = demand.look(taken: 0, backlog: 0, 0)
        var nowNs: UInt64 = 0
        var taken: UInt64 = 0
        func pass(rate: UInt64, ms: UInt64) -> Double {
            nowNs += 10 * second
            taken += rate * 10
            for _ in 0..<rate * 10 / 2_000 { demand.finished(samples: 2_000, busyNs: ms * 1_000_000) }
            return demand.look(taken: taken, backlog: 0, nowNs)
        }
        for _ in 0..<30 { _ = pass(rate: 100_000, ms: 1_000) }
        var last = 0.0
        for _ in 0..<60 { last = pass(rate: 10_000, ms: 10) }
        #expect(last < 0.1)
        // One look after an hour counts as many intervals.
        nowNs += 3_590 * second
        #expect(pass(rate: 0, ms: 1) < 0.001)
    }
}
