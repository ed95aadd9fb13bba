import MetricModel
import TestSupport
import Testing

@testable import Scrape

@Suite struct ScrapeFleetTests {
    private static func targets(_ count: Int, job: String) -> [ScrapeTarget] {
        (0..<count).map {
            let instance = "\(job).\($0)"
            return ScrapeTarget(
                url: "http://\(instance):9100/metrics", labels: LabelSet([Label("instance", instance)]))
        }
    }

    @Test func targetsCountUntilTheirJobEndsOrIsGone() {
        let fleet = ScrapeFleet()
        let parts = PoolParts(fleet: fleet)
        parts.pool.sync(Self.targets(5, job: "a"))
        do {
            let others = PoolParts(fleet: fleet)
            others.pool.sync(Self.targets(700, job: "b"))
            #expect(fleet.targetCount == 705)
            others.pool.sync(Self.targets(70, job: "b"))
            #expect(fleet.targetCount == 75)
        }
        #expect(fleet.targetCount == 5)
        parts.pool.end()
        #expect(fleet.targetCount == 0)
        parts.pool.sync(Self.targets(5, job: "a"))
        #expect(fleet.targetCount == 0)
    }

    @Test(arguments: [(0, 1_000), (600, 500), (2_000, 250)] as [(Int, Int64)])
    func theTargetsOfAllJobsDecideHowManyShareAPhase(others: Int, stepMs: Int64) async {
        let fleet = ScrapeFleet()
        let more = PoolParts(fleet: fleet)
        more.pool.sync(Self.targets(others, job: "b"))
        let parts = PoolParts(fleet: fleet)
        let targets = Self.targets(30, job: "a")
        for target in targets { parts.http.answer(target.url, "a 1\n") }
        let startMs = parts.clock.wallMs
        parts.pool.sync(targets)
        await parts.running {
            await parts.advance { parts.appender.frames.count == targets.count }
        }
        // Targets whose phase had begun at the start were scraped at once, before the next phase began.
        let nextPhaseMs = (startMs / stepMs + 1) * stepMs
        let times = parts.appender.frames.map(\.timestampMs).filter { $0 >= nextPhaseMs }
        #expect(times.count > targets.count / 2)
        #expect(times.allSatisfy { $0 % stepMs == 0 })
        #expect(!times.allSatisfy { $0 % (2 * stepMs) == 0 })
    }
}
