import Configuration
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Scrape

/// A pool while memory is short.
@Suite(.timeLimit(.minutes(5))) struct ScrapePoolMemoryTests {
    private static func target(_ number: Int, labels: String? = nil) -> ScrapeTarget {
        ScrapeTarget(
            url: "http://h:\(number)/metrics",
            labels: LabelSet([Label("instance", labels ?? "i\(number)"), Label("job", "j")]))
    }

    private static let one = target(1)
    private static let two = target(2)

    /// How often each instance was scraped.
    private func scrapes(_ parts: PoolParts) -> [String: Int] {
        parts.appender.frames.reduce(into: [:]) { $0[$1.target.labels["instance"] ?? "", default: 0] += 1 }
    }

    private func isShown(_ text: String, _ parts: PoolParts) -> Bool {
        parts.registry.render().contains("\n\(text)\n")
    }

    @Test func newSeriesAreShedCountedAndSaid() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.one.url, "a 1\n")
        parts.pool.sync([Self.one])
        #expect(isShown("narthex_memory_shed_samples_total{scrape_job=\"j\"} 0", parts))
        try await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.shedsNewSeries = true
            #expect(parts.pool.shedsNewSeries)
            parts.http.answer(Self.one.url, "a 1\nb{n=\"1\"} 1\nb{n=\"2\"} 1\n")
            await parts.advance { parts.appender.frames.count == 4 }
            var state = try #require(parts.pool.targetStates().first)
            #expect(state.health == .up && state.memoryShedSamples == 2 && state.lastError == nil)
            #expect(state.remark == "memory is short: 2 samples of series that are new are left out")
            #expect(isShown("narthex_memory_shed_samples_total{scrape_job=\"j\"} 6", parts))
            #expect(parts.pool.memoryShedSamples == 6)
            #expect(parts.log.lines.count { $0.contains("memory is short") } == 1)
            #expect(parts.pool.size.activeSeries == 1 + 5)
            parts.pool.shedsNewSeries = false
            await parts.advance { parts.appender.frames.count == 5 }
            state = try #require(parts.pool.targetStates().first)
            #expect(state.memoryShedSamples == 0 && state.remark == nil)
        }
        #expect(parts.appender.frames.map { $0.samples().count } == [1, 1, 1, 1, 3])
        #expect(isShown("narthex_memory_shed_samples_total{scrape_job=\"j\"} 6", parts))
    }

    /// A sample of the series says which label has made a job grow.
    @Test func theWidestLabelIsThatWithMostValues() async throws {
        let parts = PoolParts()
        #expect(parts.pool.widestLabel == nil)
        let few = (0..<50).map { "few{code=\"\($0 % 5)\",le=\"\($0)\"} 1\n" }.joined()
        let ids = (0..<9_000).map { "many{id=\"\($0)\",code=\"\($0 % 7)\"} 1\n" }.joined()
        parts.http.answer(Self.one.url, few + ids)
        parts.http.answer(Self.two.url, few)
        parts.pool.sync([Self.one, Self.two])
        await parts.running {
            await parts.advance { parts.appender.frames.count >= 2 }
        }
        let label = try #require(parts.pool.widestLabel)
        #expect(label.name == "id" && label.series <= WidestLabel.mostSeries && label.series > 400)
        #expect(label.values > label.series / 2 && label.values <= label.series)
    }

    /// A name cannot be dropped. It is said all the same where the series differ by nothing else.
    @Test func theNameIsTheWidestLabelOnlyWhereNoOtherHasATenthAsManyValues() async throws {
        let cases = [("1", 9, "__name__", 9), ("2", 9, "code", 2), ("2", 29, "__name__", 29)]
        for (code, count, name, values) in cases {
            let parts = PoolParts()
            let names = (0..<count - 1).map { "m\($0){code=\"1\"} 1\n" }.joined()
            parts.http.answer(Self.one.url, names + "m{code=\"\(code)\"} 1\n")
            parts.pool.sync([Self.one])
            await parts.running { await parts.advance { parts.appender.frames.count >= 1 } }
            #expect(parts.pool.widestLabel == WidestLabel(name: name, values: values, series: count))
        }
    }

    /// It is asked when memory is nearly used up, and a target may have a million labels.
    @Test func theWidestLabelTakesLittleOfHostileTargets() async throws {
        let parts = PoolParts()
        func series(_ name: String, _ labels: Int, valueBytes: Int) -> String {
            let value = String(repeating: "v", count: valueBytes)
            return "\(name){"
                + (0..<labels).map { "\(name)\($0)=\"\(value)\"" }.joined(separator: ",") + "} 1\n"
        }
        let many = (0..<10).map { series("a\($0)", 2_000, valueBytes: 1) }.joined()
        let ids = (0..<30).map { "b{id=\"\($0)\"} 1\n" }.joined()
        // Far more values, in series that are too long to be written out.
        let long = (0..<60).map {
            "c{long=\"\($0)\",text=\"\(String(repeating: "x", count: 70_000))\"} 1\n"
        }.joined()
        parts.http.answer(Self.one.url, ids + many + long)
        parts.pool.sync([Self.one])
        await parts.running { await parts.advance { parts.appender.frames.count >= 1 } }
        #expect(parts.pool.widestLabel == WidestLabel(name: "id", values: 30, series: 100))
        let loops = parts.pool.state.withLock { Array($0.loops.values) }
        var names: [Int] = []
        _ = WidestLabel(loops.map { ($0.scrape, $0.engine.target) }) { names.append($0) }
        #expect(names == [WidestLabel.mostLabels])
    }

    @Test func newSeriesTakeFromTheRoom() async throws {
        let parts = PoolParts()
        parts.room.set(leftBytes: 0)
        parts.http.answer(Self.one.url, "a 1\nb 1\n")
        parts.pool.sync([Self.one])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            #expect(parts.appender.frames[0].samples().isEmpty)
            parts.room.set(leftBytes: 1 << 20)
            await parts.advance { parts.appender.frames.count == 2 }
            #expect(parts.appender.frames[1].samples().count == 2 && parts.room.leftBytes < 1 << 20)
        }
    }

    /// A reload while memory is short: the new loop knows the series of the one that it takes over from.
    @Test func aReloadShedsNoKnownSeries() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.one.url, "a 1\nb 2\n")
        parts.pool.sync([Self.one])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.room.set(leftBytes: 0)
            parts.pool.shedsNewSeries = true
            parts.pool.holdsNewTargets = true
            parts.http.answer(Self.one.url, "new 1\na 1\nb 2\n")
            parts.pool.replan(parts.plan, renewsLoops: true)
            parts.pool.sync([Self.one])
            #expect(parts.pool.waitingTargets == 0)
            await parts.pass(ms: 30_000)
        }
        let samples = parts.appender.frames.flatMap { $0.samples(report: true) }
        #expect(!samples.contains { $0.bits == StaleMarker.bits })
        #expect(!samples.contains { $0.labels["__name__"] == "new" })
        #expect(samples.count { $0.labels["__name__"] == "a" } == parts.appender.frames.count)
        #expect(parts.appender.frames.count >= 3)
    }

    /// The loop in between was replaced before its first scrape, and has no series to hand on.
    @Test(arguments: 10..<18) func twoReloadsInARowShedNoKnownSeries(_ number: Int) async throws {
        let parts = PoolParts()
        let target = Self.target(number)
        parts.http.answer(target.url, "a 1\nb 2\n")
        parts.pool.sync([target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.room.set(leftBytes: 0)
            parts.pool.shedsNewSeries = true
            parts.pool.holdsNewTargets = true
            parts.http.answer(target.url, "new 1\na 1\nb 2\n")
            for _ in 0..<2 {
                parts.pool.replan(parts.plan, renewsLoops: true)
                parts.pool.sync([target])
            }
            #expect(parts.pool.waitingTargets == 0)
            await parts.pass(ms: 40_000)
        }
        let samples = parts.appender.frames.flatMap { $0.samples(report: true) }
        #expect(!samples.contains { $0.bits == StaleMarker.bits })
        #expect(!samples.contains { $0.labels["__name__"] == "new" })
        #expect(samples.count { $0.labels["__name__"] == "a" } == parts.appender.frames.count)
        #expect(parts.appender.frames.count >= 3)
    }

    @Test func newTargetsWaitAndStartAtTheirPhases() async throws {
        let parts = PoolParts()
        let new = (2...40).map { Self.target($0) }
        for target in new + [Self.one] { parts.http.answer(target.url, "a 1\n") }
        parts.pool.sync([Self.one])
        try await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.holdsNewTargets = true
            parts.pool.sync([Self.one] + new)
            #expect(parts.pool.waitingTargets == 39)
            // Those that wait have no loops yet.
            #expect(parts.pool.lineMemory.targets == 1)
            #expect(isShown("narthex_memory_waiting_targets{scrape_job=\"j\"} 39", parts))
            #expect(isShown("prometheus_target_scrape_pool_targets{scrape_job=\"j\"} 40", parts))
            await parts.pass(ms: 40_000)
            #expect(scrapes(parts) == ["i1": 5])
            let states = parts.pool.targetStates()
            #expect(states.count == 40)
            let state = try #require(states.first { $0.url == new[0].url })
            #expect(state.health == .unknown && state.waitsForMemory && state.lastScrapeMs == nil)
            #expect(state.remark == "waits for memory: it is scraped once there is room for its series")
            #expect(states.count { $0.remark == nil } == 1)
            parts.pool.holdsNewTargets = false
            #expect(parts.pool.waitingTargets == 0)
            #expect(isShown("narthex_memory_waiting_targets{scrape_job=\"j\"} 0", parts))
            let began = parts.clock.wallMs
            await parts.pass(ms: 10_500)
            #expect(scrapes(parts).count == 40)
            let firsts = parts.appender.frames.filter { $0.timestampMs >= began }.map(\.timestampMs)
            #expect(Set(firsts).count > 10, "each at its phase")
            #expect(parts.pool.targetStates().allSatisfy { $0.health == .up && !$0.waitsForMemory })
            await parts.pass(ms: 10_000)
            #expect(scrapes(parts).values.allSatisfy { $0 >= 2 })
        }
    }

    /// Thousands that have waited must not bring the memory to where it was.
    @Test func targetsThatWaitedBeginAsFarAsThereIsRoom() async {
        let parts = PoolParts()
        let new = (2...40).map { Self.target($0) }
        for target in new + [Self.one] { parts.http.answer(target.url, "a 1\n") }
        parts.pool.sync([Self.one])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.holdsNewTargets = true
            parts.pool.sync([Self.one] + new)
            // Half of it is for the series of all.
            parts.room.set(leftBytes: 20 * ScrapePool.loopBytes)
            parts.pool.holdsNewTargets = false
            #expect(parts.pool.waitingTargets == 29)
            #expect(parts.room.leftBytes == 10 * ScrapePool.loopBytes)
            #expect(parts.pool.targetStates().count(where: \.waitsForMemory) == 29)
            // Without room a list brings no more of them, and with it they come at the next look.
            parts.room.set(leftBytes: ScrapePool.loopBytes)
            parts.pool.sync([Self.one] + new)
            parts.pool.holdsNewTargets = false
            #expect(parts.pool.waitingTargets == 29)
            // Nor does a reload, which makes all loops anew.
            parts.pool.replan(parts.plan, renewsLoops: true)
            parts.pool.sync([Self.one] + new)
            #expect(parts.pool.waitingTargets == 29)
            parts.room.set(leftBytes: 1 << 20)
            parts.pool.holdsNewTargets = false
            #expect(parts.pool.waitingTargets == 0)
            await parts.pass(ms: 20_500)
            #expect(scrapes(parts).count == 40)
        }
    }

    /// What is never scraped has nothing to end.
    @Test func aTargetThatWaitsMayGoAndComeBack() async {
        let parts = PoolParts()
        for target in [Self.one, Self.two] { parts.http.answer(target.url, "a 1\n") }
        parts.pool.sync([Self.one])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.holdsNewTargets = true
            parts.pool.sync([Self.one, Self.two])
            parts.pool.sync([Self.one], stopped: [Self.two])
            #expect(parts.pool.waitingTargets == 0 && parts.pool.targetStates().count == 1)
            #expect(parts.pool.lineMemory.targets == 1)
            parts.pool.sync([Self.one, Self.two])
            parts.pool.sync([Self.one])
            parts.pool.holdsNewTargets = false
            await parts.pass(ms: 30_000)
            #expect(scrapes(parts) == ["i1": 4])
            parts.pool.sync([Self.one, Self.two])
            await parts.advance { parts.pool.targetStates().allSatisfy { $0.health == .up } }
        }
        #expect(parts.clock.sleeperCount == 0)
    }

    @Test func aReloadHoldsOnlyWhatWaited() async {
        let ends = Mutex(0)
        let parts = PoolParts(whenOldAreOver: { ends.withLock { $0 += 1 } })
        for target in [Self.one, Self.two] { parts.http.answer(target.url, "a 1\n") }
        parts.pool.sync([Self.one])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.holdsNewTargets = true
            parts.pool.sync([Self.one, Self.two])
            parts.pool.replan(parts.plan, renewsLoops: true)
            #expect(parts.pool.waitingTargets == 1)
            parts.pool.sync([Self.one, Self.two])
            #expect(parts.pool.waitingTargets == 1)
            await parts.pass(ms: 40_000)
            #expect(scrapes(parts)["i1"] ?? 0 >= 4 && scrapes(parts)["i2"] == nil)
            #expect(ends.withLock { $0 } == 1)
            // Only the one that waits is left of a plan: it is over with the next.
            parts.pool.sync([Self.two])
            await parts.pass(ms: 40_000)
            parts.pool.replan(parts.plan, renewsLoops: true)
            parts.pool.sync([Self.two])
            #expect(ends.withLock { $0 } == 2)
            #expect(parts.pool.waitingTargets == 1)
        }
    }

    /// A target of the same labels at another address goes on with the series of the one before.
    @Test func aTargetThatTakesOverIsNotNew() async {
        let parts = PoolParts()
        let moved = Self.target(7, labels: "i1")
        for target in [Self.one, moved] { parts.http.answer(target.url, "a 1\n") }
        parts.pool.sync([Self.one])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.holdsNewTargets = true
            // While both are there the second one is new.
            parts.pool.sync([Self.one, moved])
            #expect(parts.pool.waitingTargets == 1)
            parts.pool.sync([moved])
            #expect(parts.pool.waitingTargets == 0)
            await parts.pass(ms: 30_000)
        }
        let samples = parts.appender.frames.flatMap { $0.samples() }
        #expect(samples.count >= 3 && !samples.contains { $0.bits == StaleMarker.bits })
    }

    @Test func aJobMayEndOrStopWhileTargetsWait() async {
        let parts = PoolParts()
        parts.http.answer(Self.one.url, "a 1\n")
        parts.pool.holdsNewTargets = true
        parts.pool.sync([Self.one])
        #expect(parts.pool.waitingTargets == 1)
        // Stopped.
        let task = Task { await parts.pool.run() }
        task.cancel()
        await task.value
        #expect(parts.http.requestCount == 0)
        let ended = PoolParts()
        ended.pool.holdsNewTargets = true
        ended.pool.sync([Self.one])
        let other = Task { await ended.pool.run() }
        ended.pool.end()
        await other.value
        #expect(ended.pool.waitingTargets == 0 && ended.pool.targetStates().isEmpty)
        #expect(isShown("narthex_memory_waiting_targets{scrape_job=\"j\"} 0", ended))
        ended.pool.holdsNewTargets = false
        #expect(ended.http.requestCount == 0 && ended.clock.sleeperCount == 0)
    }
}
