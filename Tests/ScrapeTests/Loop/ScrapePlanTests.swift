import Configuration
import MetricModel
import Platform
import Relabel
import Telemetry
import TestSupport
import Testing

@testable import Scrape

/// A pool that is given another plan, or ended, while it scrapes.
@Suite(.timeLimit(.minutes(5))) struct ScrapePlanTests {
    private static let target = ScrapeTarget(
        url: "http://h:1/metrics", labels: LabelSet([Label("instance", "i"), Label("job", "j")]))

    @Test func anotherPlanTakesOverWithoutMarkersForWhatGoesOn() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\nb 2\n")
        parts.pool.sync([Self.target])
        try await parts.running {
            await parts.advance { parts.appender.frames.count == 2 }
            var plan = parts.plan
            plan.configuration.metricRelabelRules = try Self.dropping("b")
            parts.pool.replan(plan, renewsLoops: true)
            // Until a list comes all goes on.
            await parts.advance { parts.appender.frames.count == 3 }
            parts.pool.sync([Self.target])
            await parts.advance { parts.appender.frames.count >= 5 }
            await parts.pass(ms: 20_000)
        }
        let frames = parts.appender.frames
        let before = frames[2]
        let next = try #require(frames.first { $0.timestampMs == before.timestampMs + 10_000 })
        #expect(next.samples().contains { $0.labels["__name__"] == "a" && $0.bits == Double(1).bitPattern })
        #expect(!next.samples().contains { $0.labels["__name__"] == "b" })
        let markers = frames.flatMap { frame in
            frame.samples(report: true).filter { $0.bits == StaleMarker.bits }
                .map { ($0.labels["__name__"] ?? "", frame.timestampMs) }
        }
        #expect(markers.map(\.0) == ["b"])
        #expect(markers.allSatisfy { $0.1 < next.timestampMs })
        #expect(parts.pool.targetStates().count == 1)
        let page = parts.registry.render()
        #expect(page.contains("\nprometheus_target_scrape_pool_reloads_total 1\n"))
        #expect(page.contains("\nprometheus_target_reload_length_seconds_count{interval=\"10s\"} 1\n"))
    }

    @Test func otherExternalLabelsEndTheOldSeries() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 2 }
            var plan = parts.plan
            plan.externalLabels = LabelSet([Label("region", "s")])
            parts.pool.replan(plan, renewsLoops: true)
            parts.pool.sync([Self.target])
            await parts.pass(ms: 40_000)
        }
        let samples = parts.appender.frames.flatMap { $0.samples(report: true) }
        let ended = samples.filter { $0.bits == StaleMarker.bits }
        #expect(ended.allSatisfy { $0.labels["region"] == "r" })
        #expect(
            ended.contains { $0.labels["__name__"] == "a" }
                && ended.contains { $0.labels["__name__"] == "up" })
        #expect(samples.contains { $0.labels["__name__"] == "a" && $0.labels["region"] == "s" })
    }

    @Test func aPlanThatOnlyMakesOtherTargetsLeavesLoopsAlone() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            var plan = parts.plan
            plan.configuration.scrapeIntervalMs = 5_000
            parts.pool.replan(plan, renewsLoops: false)
            parts.pool.sync([Self.target])
            await parts.advance { parts.appender.frames.count == 3 }
        }
        let frames = parts.appender.frames
        #expect(frames[1].timestampMs - frames[0].timestampMs == 10_000)
        #expect(!frames.contains { $0.samples().contains { $0.bits == StaleMarker.bits } })
    }

    @Test func anEndedPoolWritesItsMarkersAndReturns() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        let isOver = Event()
        let run = Task {
            await parts.pool.run()
            isOver.signal()
        }
        await parts.advance { parts.appender.frames.count == 1 }
        parts.pool.end()
        parts.pool.sync([Self.target])
        await isOver.wait()
        await run.value
        let frames = parts.appender.frames
        #expect(frames.count == 2)
        #expect(
            frames.last?.samples(report: true).allSatisfy { $0.bits == StaleMarker.bits } == true)
        #expect(parts.pool.targetStates().isEmpty)
        // One that has not begun has nothing to end.
        let idle = PoolParts()
        idle.pool.sync([Self.target])
        idle.pool.end()
        await idle.pool.run()
        #expect(idle.appender.frames.isEmpty)
    }

    /// Another pool may give the same series as soon as this one has ended, so no marker may wait.
    @Test func anEndedPoolWaitsForNoTargetThatMayHaveItsSeries() async throws {
        let parts = PoolParts(honorLabels: true)
        parts.http.answer(Self.target.url, "a{job=\"pushed\",instance=\"\"} 1\n")
        parts.pool.sync([Self.target])
        let isOver = Event()
        let run = Task {
            await parts.pool.run()
            isOver.signal()
        }
        await parts.advance { parts.appender.frames.count == 1 }
        let endedMs = parts.clock.wallMs
        parts.pool.end()
        // The clock stands still: it waits for nobody.
        await isOver.wait()
        let last = try #require(parts.appender.frames.last)
        #expect(last.timestampMs <= endedMs + 1)
        #expect(last.samples().map(\.bits) == [StaleMarker.bits])
        run.cancel()
        await run.value
    }

    @Test func aPoolEndedWhileItsTargetsAreReplacedWaitsForNobody() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        let isOver = Event()
        let run = Task {
            await parts.pool.run()
            isOver.signal()
        }
        await parts.advance { parts.appender.frames.count == 1 }
        parts.pool.replan(parts.plan, renewsLoops: true)
        parts.pool.sync([Self.target])
        await parts.settle()
        let endedMs = parts.clock.wallMs
        parts.pool.end()
        // The clock stands still: it waits for nobody.
        await isOver.wait()
        let markers = parts.appender.frames.dropFirst()
        #expect(markers.count == 1 && markers.allSatisfy { $0.timestampMs <= endedMs + 1 })
        run.cancel()
        await run.value
    }

    /// The second plan comes before a target of the first was scraped, and its own are scraped later than
    /// those would have been.
    @Test func twoPlansInARowMakeNoSeriesBlink() async throws {
        let parts = PoolParts(intervalMs: 60_000)
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        try await parts.running {
            await parts.advance(upToMs: 120_000) { parts.appender.frames.count == 1 }
            parts.pool.replan(parts.plan, renewsLoops: true)
            parts.pool.sync([Self.target])
            await parts.pass(ms: 55_000)
            var plan = parts.plan
            let hash = ScrapeSchedule.hash(
                targetID: Target(job: "j", own: Self.target.labels, external: plan.externalLabels).id,
                url: Self.target.url)
            plan.offsetSeed = try #require(
                (1..<100).map { $0 * 0x01000193_01000193 }.first { seed in
                    let schedule = ScrapeSchedule(
                        intervalMs: 60_000, targetHash: hash, seed: seed, wallMs: parts.clock.wallMs)
                    return (20_000..<50_000).contains(schedule.plannedMs - parts.clock.wallMs)
                })
            parts.pool.replan(plan, renewsLoops: true)
            parts.pool.sync([Self.target])
            await parts.pass(ms: 200_000)
        }
        let frames = parts.appender.frames
        #expect(frames.count > 3)
        #expect(!frames.contains { $0.samples(report: true).contains { $0.bits == StaleMarker.bits } })
    }

    @Test func whoWaitsForTheOldLoopsHearsOfTheLast() async throws {
        let heard = Event()
        let parts = PoolParts(whenOldAreOver: { heard.signal() })
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.replan(parts.plan, renewsLoops: true)
            parts.pool.sync([Self.target])
            #expect(heard.count == 0)
            await parts.pass(ms: 20_000)
            #expect(heard.count == 1)
        }
        #expect(heard.count == 1)
    }

    private static func dropping(_ name: String) throws -> RelabelRules {
        RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: name))
        ])
    }
}
