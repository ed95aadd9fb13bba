import Configuration
import MetricModel
import Platform
import Relabel
import Telemetry
import Testing

@testable import Scrape

/// A pool that is given another plan, or ended, while it scrapes.
@Suite struct ScrapePlanTests {
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

    private static func dropping(_ name: String) throws -> RelabelRules {
        RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: name))
        ])
    }
}
