import Testing

@testable import Scrape

@Suite struct ScrapeScheduleTests {
    @Test func theFirstTickIsTheNextOfThePhase() {
        var random = SeededGenerator(seed: printedSeed("theFirstTickIsTheNextOfThePhase"))
        for _ in 0..<1_000 {
            let wallMs = Int64.random(in: -100_000...2_000_000_000_000, using: &random)
            let schedule = ScrapeSchedule(
                intervalMs: 15_000, targetHash: random.next(), seed: random.next(), wallMs: wallMs)
            #expect(schedule.plannedMs > wallMs && schedule.plannedMs <= wallMs + 15_000)
            #expect(((schedule.plannedMs - schedule.phaseMs) % 15_000) == 0)
        }
    }

    @Test func anAgentThatStartsTakesThePhaseThatHasBegun() {
        var random = SeededGenerator(seed: printedSeed("anAgentThatStartsTakesThePhaseThatHasBegun"))
        var atOnce = 0
        for _ in 0..<1_000 {
            let wallMs = Int64.random(in: -100_000...2_000_000_000_000, using: &random)
            let (hash, seed) = (random.next(), random.next())
            var starting = ScrapeSchedule(
                intervalMs: 4_000, targetHash: hash, seed: seed, wallMs: wallMs, takesCurrentPhase: true)
            let later = ScrapeSchedule(intervalMs: 4_000, targetHash: hash, seed: seed, wallMs: wallMs)
            #expect(!starting.hasMissed(wallMs: wallMs) && starting.hasMissed(wallMs: wallMs + 4_000))
            if starting.plannedMs == later.plannedMs { continue }
            atOnce += 1
            #expect(starting.plannedMs == later.plannedMs - 4_000 && wallMs - starting.plannedMs < 100)
            #expect(starting.waitMs(wallMs: wallMs) == 0)
            starting.advance(wallMs: wallMs + 30)
            #expect(starting.plannedMs == later.plannedMs, "the second scrape is at the phase's tick")
        }
        // One in forty has the current phase.
        #expect(atOnce > 5 && atOnce < 60)
    }

    @Test func aRestartKeepsThePhaseAndAnotherSeedMovesIt() {
        let first = ScrapeSchedule(intervalMs: 15_000, targetHash: 77_777, seed: 5, wallMs: 1_000_000)
        let restarted = ScrapeSchedule(intervalMs: 15_000, targetHash: 77_777, seed: 5, wallMs: 9_123_456)
        let replica = ScrapeSchedule(intervalMs: 15_000, targetHash: 77_777, seed: 9_000, wallMs: 1_000_000)
        #expect(first.phaseMs == restarted.phaseMs)
        #expect(first.phaseMs != replica.phaseMs)
    }

    @Test func targetsAreSpreadOverTheInterval() {
        var buckets = Array(repeating: 0, count: 10)
        for index in 0..<1_000 {
            let hash = ScrapeSchedule.hash(
                targetID: UInt64(index), url: "http://10.0.0.\(index):9100/metrics")
            let schedule = ScrapeSchedule(intervalMs: 10_000, targetHash: hash, seed: 1, wallMs: 0)
            buckets[Int(schedule.phaseMs / 1_000)] += 1
        }
        #expect(buckets.allSatisfy { $0 > 50 && $0 < 150 })
    }

    @Test(arguments: [(10_000, 250), (15_000, 250), (60_000, 250), (1_000, 25), (100, 2), (20, 1), (1, 1)])
    func phasesAreSharedByAFewTargets(intervalMs: Int64, stepMs: Int64) {
        var phases: Set<Int64> = []
        for hash in 0..<UInt64(20_000) {
            let schedule = ScrapeSchedule(
                intervalMs: intervalMs, targetHash: hash &* 0x9E37_79B9_7F4A_7C15, seed: 0, wallMs: 0)
            #expect(schedule.phaseMs % stepMs == 0 && schedule.phaseMs < intervalMs)
            phases.insert(schedule.phaseMs)
        }
        // All of them are in use.
        let count = (intervalMs + stepMs - 1) / stepMs
        #expect(Int64(phases.count) > count * 3 / 4 && Int64(phases.count) <= count)
    }

    @Test(
        arguments: [
            (10_000, 1, 1_000), (10_000, 319, 1_000), (10_000, 320, 500), (10_000, 639, 500),
            (10_000, 640, 250), (60_000, 1_919, 1_000), (60_000, 3_840, 250), (1_000, 200, 100),
            (1_000, 5_000, 25), (20, 1, 4), (1, 1, 4),
        ] as [(Int64, Int, Int64)])
    func aSmallFleetSharesPhasesSoThatSeveralAreScrapedTogether(
        intervalMs: Int64, targets: Int, stepMs: Int64
    ) {
        func phase(_ hash: UInt64, targets: Int) -> Int64 {
            ScrapeSchedule(intervalMs: intervalMs, targetHash: hash, seed: 0, targets: targets, wallMs: 0)
                .phaseMs
        }
        var shared: [Int64: Int] = [:]
        for index in 0..<UInt64(targets) {
            let hash = index &* 0x9E37_79B9_7F4A_7C15
            let phaseMs = phase(hash, targets: targets)
            shared[phaseMs, default: 0] += 1
            #expect(phaseMs % stepMs == 0 && phaseMs < intervalMs)
            // In a larger fleet it is scraped within the same multiple of the step.
            #expect(phase(hash, targets: .max) / stepMs == phaseMs / stepMs)
        }
        let most = shared.values.max() ?? 0
        #expect(stepMs * 40 <= intervalMs || most <= 2 * ScrapeSchedule.targetsPerPhase)
    }

    @Test(
        arguments: [
            (15_000, 2, true), (15_000, -2, true), (15_000, 3, false), (15_000, -3, false), (100, 1, true),
            (100, 2, false),
            (99, 0, true), (99, 1, false),
        ] as [(Int64, Int64, Bool)])
    func nearTicksAreStoredUnderTheirPlannedTime(intervalMs: Int64, lateMs: Int64, isAligned: Bool) {
        let schedule = ScrapeSchedule(
            intervalMs: intervalMs, targetHash: 3, seed: 9, wallMs: 1_700_000_000_000)
        let wallMs = schedule.plannedMs + lateMs
        #expect(schedule.timestamp(wallMs: wallMs) == (isAligned ? schedule.plannedMs : wallMs))
    }

    @Test func missedTicksAreLeftOut() {
        var schedule = ScrapeSchedule(intervalMs: 10_000, targetHash: 4_000, seed: 0, wallMs: 0)
        #expect(schedule.plannedMs == 4_000)
        schedule.advance(wallMs: 4_100)
        #expect(schedule.plannedMs == 14_000)
        schedule.advance(wallMs: 47_000)
        #expect(schedule.plannedMs == 54_000)
        // Woken early, the next tick is still the next.
        schedule.advance(wallMs: 53_999)
        #expect(schedule.plannedMs == 64_000)
    }

    @Test func aClockThatWasSetTakesTheTicksAlong() {
        var schedule = ScrapeSchedule(intervalMs: 10_000, targetHash: 4_000, seed: 0, wallMs: 1_000_000)
        schedule.advance(wallMs: 500_000)
        #expect(schedule.plannedMs == 504_000)
        #expect(schedule.waitMs(wallMs: 500_000) == 4_000)
        #expect(schedule.waitMs(wallMs: 600_000) == 0)
    }

    @Test func theHashOfATargetIsTheSameInEveryVersion() {
        // From another implementation of FNV-1a.
        #expect(ScrapeSchedule.hash(targetID: 7, url: "http://a:1/metrics") == 0x629E_6031_A830_A1D0)
    }
}
