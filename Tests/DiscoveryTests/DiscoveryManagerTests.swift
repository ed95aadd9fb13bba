import Configuration
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Discovery

@Suite struct DiscoveryManagerTests {
    /// Reports what the test says, when it says so.
    private final class Script: TargetProvider {
        let name: String
        private let (stream, continuation) = AsyncStream.makeStream(of: [TargetGroup].self)

        init(_ name: String = "script") { self.name = name }

        func isSame(as other: any TargetProvider) -> Bool { (other as? Script)?.name == name }

        func say(_ addresses: String...) {
            continuation.yield([
                TargetGroup(source: "s", targets: addresses.map { LabelSet([Label("__address__", $0)]) })
            ])
        }

        func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
            for await groups in stream { await report(groups) }
        }
    }

    @Test func providersAreMergedAndOnlyChangesAreTold() async {
        let (first, second, clock) = (Script(), Script(), ManualClock())
        let (registry, said, reports) = (MetricRegistry(), SaidLines(), Reports<[String]>())
        let manager = DiscoveryManager(
            job: ScrapeConfiguration(jobName: "j"), providers: [first, second], clock: clock,
            registry: registry,
            logger: said.logger)
        let task = Task {
            await manager.run { targets in reports.add(targets.map { $0.labels["instance"] ?? "" }) }
        }
        first.say("a:1")
        await waitForSleepers(clock)
        clock.advance(ms: DiscoveryManager.firstWaitMs)
        #expect(await reports.next() == ["a:1"])
        #expect(manager.problems.map { "\($0.provider): \($0.message)" } == ["script: no answer yet"])
        second.say("b:1", "a:1", "bad/")
        #expect(await reports.next() == ["a:1", "b:1"])
        second.say("b:1", "a:1", "bad/")
        first.say()
        #expect(await reports.next() == ["b:1", "a:1"])
        let page = registry.render()
        #expect(page.contains("prometheus_sd_discovered_targets{name=\"scrape\",config=\"j\"} 3"))
        #expect(page.contains("prometheus_sd_received_updates_total{name=\"scrape\"} "))
        #expect(said.all.count { $0.hasPrefix("target left out") } == 1)
        // The last list that was told is kept with what was left out of it.
        #expect(manager.latest?.leftOut.map(\.cause) == [.invalid])
        #expect(said.all.contains { $0.contains("was found twice and is scraped once") })
        task.cancel()
        await task.value
        #expect(reports.received == 3)
    }

    @Test func theFirstListWaitsForAllProviders() async {
        let (first, second, reports) = (Script(), Script(), Reports<[String]>())
        let manager = DiscoveryManager(
            job: ScrapeConfiguration(jobName: "j"), providers: [first, second], clock: ManualClock(),
            registry: MetricRegistry(), logger: SaidLines().logger)
        let task = Task {
            await manager.run { targets in reports.add(targets.map { $0.labels["instance"] ?? "" }) }
        }
        first.say("a:1")
        second.say("b:1")
        #expect(await reports.next() == ["a:1", "b:1"])
        task.cancel()
        await task.value
        #expect(reports.received == 1)
    }

    @Test func aJobWithoutProvidersIsToldThatItHasNoTargets() async {
        let reports = Reports<[DiscoveredTarget]>()
        let manager = DiscoveryManager(
            job: ScrapeConfiguration(jobName: "j"), providers: [], clock: ManualClock(),
            registry: MetricRegistry(),
            logger: SaidLines().logger)
        let task = Task { await manager.run { reports.add($0) } }
        #expect(await reports.next() == [])
        task.cancel()
        await task.value
    }

    @Test func anotherConfigurationOfTheJobMakesTargetsOfWhatIsKnown() async {
        let (provider, reports) = (Script(), Reports<[Int64]>())
        let manager = DiscoveryManager(
            job: ScrapeConfiguration(jobName: "j", scrapeIntervalMs: 60_000), providers: [provider],
            clock: ManualClock(), registry: MetricRegistry(), logger: SaidLines().logger)
        let task = Task { await manager.run { targets in reports.add(targets.map(\.scrapeIntervalMs)) } }
        provider.say("a:1", "b:1")
        #expect(await reports.next() == [60_000, 60_000])
        manager.change(ScrapeConfiguration(jobName: "j", scrapeIntervalMs: 30_000))
        #expect(await reports.next() == [30_000, 30_000])
        // Told though nothing of the targets differs: they may be scraped in another way.
        manager.change(ScrapeConfiguration(jobName: "j", scrapeIntervalMs: 30_000, honorLabels: true))
        #expect(await reports.next() == [30_000, 30_000])
        task.cancel()
        await task.value
        #expect(reports.received == 3)
    }

    /// A job with a static list and a web server that is down: its last good targets are in use.
    @Test func aProviderThatStaysIsNotBegunAgain() async {
        let (web, clock, reports) = (Script("web"), ManualClock(), Reports<[String]>())
        let job = ScrapeConfiguration(jobName: "j")
        let manager = DiscoveryManager(
            job: job, providers: [StaticProvider([StaticConfiguration(targets: ["a:1"])]), web],
            clock: clock, registry: MetricRegistry(), logger: SaidLines().logger)
        let task = Task {
            await manager.run { targets in reports.add(targets.map { $0.labels["instance"] ?? "" }) }
        }
        web.say("w:1")
        #expect(await reports.next() == ["a:1", "w:1"])
        // The one that would take its place never answers.
        manager.change(
            job,
            providers: [StaticProvider([StaticConfiguration(targets: ["a:1", "b:1"])]), Script("web")],
            waitMs: 30_000)
        var list = await reports.next()
        // Told with what is known, and again once the static list has answered.
        if list == ["w:1", "a:1"] { list = await reports.next() }
        #expect(list == ["a:1", "b:1", "w:1"])
        web.say("w:2")
        #expect(await reports.next() == ["a:1", "b:1", "w:2"])
        task.cancel()
        await task.value
    }

    @Test func targetsStayUntilTheNewProvidersHaveAnswered() async {
        let (old, next, clock, reports) = (Script("old"), Script("new"), ManualClock(), Reports<[String]>())
        let said = SaidLines()
        let job = ScrapeConfiguration(jobName: "j")
        let manager = DiscoveryManager(
            job: job, providers: [old], clock: clock, registry: MetricRegistry(), logger: said.logger)
        let task = Task {
            await manager.run { targets in reports.add(targets.map { $0.labels["instance"] ?? "" }) }
        }
        old.say("a:1", "b:1")
        #expect(await reports.next() == ["a:1", "b:1"])
        manager.change(job, providers: [next], waitMs: 30_000)
        #expect(await reports.next() == ["a:1", "b:1"])
        next.say("b:1")
        #expect(await reports.next() == ["b:1"])
        // One that never answers is not waited for too long, and what it replaced is told as long.
        manager.change(job, providers: [Script("third"), Script("fourth")], waitMs: 30_000)
        #expect(await reports.next() == ["b:1"])
        await waitForSleepers(clock, 2)
        clock.advance(ms: 30_000)
        #expect(await reports.next() == [])
        #expect(manager.problems.map(\.message) == ["no answer yet", "no answer yet"])
        #expect(!said.all.contains { $0.contains("was found twice") })
        task.cancel()
        await task.value
    }

    @Test func aKindOfDiscoveryThatGoesTakesItsFiguresAlong() async {
        let (registry, reports, clock) = (MetricRegistry(), Reports<[String]>(), ManualClock())
        let job = ScrapeConfiguration(jobName: "j")
        _ = RefreshMetrics(mechanism: "web", job: "j", clock: clock, registry: registry)
        _ = RefreshMetrics(mechanism: "web", job: "k", clock: clock, registry: registry)
        _ = RefreshMetrics(mechanism: "script", job: "j", clock: clock, registry: registry)
        let stays = Script()
        let manager = DiscoveryManager(
            job: job, providers: [Script("web"), stays], clock: clock, registry: registry,
            logger: SaidLines().logger)
        let task = Task {
            await manager.run { targets in reports.add(targets.map { $0.labels["instance"] ?? "" }) }
        }
        manager.change(job, providers: [Script()], waitMs: 1_000)
        stays.say("a:1")
        #expect(await reports.next() == ["a:1"])
        let page = registry.render()
        #expect(!page.contains("prometheus_sd_refresh_failures_total{config=\"j\",mechanism=\"web\"}"))
        #expect(page.contains("prometheus_sd_refresh_failures_total{config=\"k\",mechanism=\"web\"}"))
        #expect(page.contains("prometheus_sd_refresh_failures_total{config=\"j\",mechanism=\"script\"}"))
        task.cancel()
        await task.value
    }
}
