import Testing

@testable import Agent

struct AfterStormTests {
    private static let second: UInt64 = 1_000_000_000
    private static let mib: UInt64 = 1 << 20

    /// The seconds at which memory is given back of an agent that uses `used` MiB and has `left` then.
    private func times(
        _ seconds: Range<UInt64>, steps: Range<UInt64> = 0..<0, used: (UInt64) -> UInt64,
        left: (UInt64) -> UInt64
    ) -> [UInt64] {
        var storm = AfterStorm()
        return seconds.filter { second in
            let (used, nowNs) = (used(second) * Self.mib, second * Self.second)
            guard storm.isDue(usedBytes: used, hasStep: steps.contains(second), nowNs: nowNs) else {
                return false
            }
            storm.done(fromBytes: used, toBytes: left(second) * Self.mib, nowNs: nowNs)
            return true
        }
    }

    @Test func whereNothingRisesNothingIsDone() {
        #expect(times(0..<10_000, used: { 40 + $0 % 4 }, left: { _ in 40 }).isEmpty)
    }

    @Test func fiveTimesOnceTheStepsHaveEnded() {
        #expect(times(0..<500, steps: 10..<60, used: { _ in 40 }, left: { _ in 40 }) == [60, 63, 66, 70, 90])
    }

    @Test func aStepThatBeginsMeanwhileEndsThat() {
        var storm = AfterStorm()
        func isDue(_ second: UInt64, _ hasStep: Bool) -> Bool {
            storm.isDue(usedBytes: 40 * Self.mib, hasStep: hasStep, nowNs: second * Self.second)
        }
        #expect(!isDue(1, true) && isDue(2, false))
        storm.done(fromBytes: 41 * Self.mib, toBytes: 40 * Self.mib, nowNs: 2 * Self.second)
        #expect(!isDue(4, false) && !isDue(5, true) && isDue(6, false))
    }

    /// A storm that no step was needed for: what it has freed is resident still.
    @Test func withoutAStepOnceTheMemoryRisesNoMore() {
        let used: (UInt64) -> UInt64 = { $0 < 100 ? 40 : $0 < 110 ? 40 + 2 * ($0 - 99) : 60 }
        #expect(times(0..<1_000, used: used, left: { _ in 60 }) == [139, 142, 145, 149, 169])
    }

    @Test func whereNothingIsWonItIsSeldom() {
        // Bodies come and go.
        let used: (UInt64) -> UInt64 = { $0 % 7 < 4 ? 40 : 60 }
        let times = times(0..<7_200, used: used, left: used)
        #expect((2...10).contains(times.count / AfterStorm.afterNs.count))
    }

    /// The seconds at which memory is given back of an agent that uses 40 MiB then, and so many ten seconds
    /// later.
    private func times(_ seconds: Range<UInt64>, work: (UInt64) -> UInt64) -> [UInt64] {
        var storm = AfterStorm()
        var downUntil = seconds.lowerBound + 10
        return seconds.filter { second in
            let (used, nowNs) = (second < downUntil ? 40 : work(second), second * Self.second)
            guard storm.isDue(usedBytes: used * Self.mib, hasStep: false, nowNs: nowNs) else { return false }
            storm.done(fromBytes: used * Self.mib, toBytes: 40 * Self.mib, nowNs: nowNs)
            downUntil = second + 10
            return true
        }
    }

    /// Each time something is won, and the next scrapes need it again.
    @Test func whatTheWorkNeedsIsGivenBackEverMoreSeldom() {
        let times = times(0..<86_400) { _ in 46 }
        let early = times.prefix { $0 < 7_200 }.count / AfterStorm.afterNs.count
        #expect((3...10).contains(early))
        #expect(times.count / AfterStorm.afterNs.count - early <= 22)
        // So it is where two levels come by turns.
        let two = self.times(0..<86_400) { $0 % 240 < 120 ? 46 : 60 }
        #expect(two.count / AfterStorm.afterNs.count <= 35)
    }

    @Test func aStormBeyondThatIsSeenToAtOnce() {
        let times = times(0..<7_200) { $0 < 5_400 ? 46 : 90 }
        let next = times.first { $0 >= 5_400 } ?? .max
        #expect(next <= 5_431)
    }

    @Test func aStormAfterALongQuietIsSeenToAtOnce() {
        // Until memory is given back it stays where a storm has left it.
        var (level, storm) = (40 as UInt64, AfterStorm())
        let storms = Set((1...20).map { $0 * 300 as UInt64 } + [20_000])
        let times = (0..<20_100 as Range<UInt64>).filter { second in
            if storms.contains(second) { level = 60 }
            let nowNs = second * Self.second
            guard storm.isDue(usedBytes: level * Self.mib, hasStep: false, nowNs: nowNs) else { return false }
            storm.done(fromBytes: level * Self.mib, toBytes: 40 * Self.mib, nowNs: nowNs)
            level = 40
            return true
        }
        #expect(times.prefix { $0 < 20_000 }.count / AfterStorm.afterNs.count < 10)
        #expect(times.first { $0 >= 20_000 } == 20_030)
    }
}
