import Configuration
import MetricModel
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Discovery

@Suite struct FileProviderTests {
    @Test func changesAreReportedWithinAPollAndFaultsCounted() async throws {
        let folder = try TemporaryFolder()
        let (clock, registry, said) = (ManualClock(), MetricRegistry(), SaidLines())
        let reports = Reports<[TargetGroup]>()
        let provider = FileProvider(
            FileSDConfiguration(files: ["\(folder.path)/*.yml"], refreshIntervalMs: 60_000),
            files: POSIXFiles(),
            workers: WorkerPool(name: "test", threads: 1), clock: clock, registry: registry,
            logger: said.logger)
        let task = Task { await provider.run { reports.add($0) } }
        #expect(await reports.next() == [])
        await waitForSleepers(clock)
        try folder.put("a.yml", "- targets: [a:1]\n")
        clock.advance(ms: FileProvider.pollMs)
        #expect(await reports.next()?.count == 1)
        await waitForSleepers(clock)
        #expect(
            registry.render().contains("prometheus_sd_file_mtime_seconds{filename=\"\(folder.path)/a.yml\"}"))

        try folder.put("a.yml", "- target: [a:1]\n")
        for _ in 0..<5 {
            clock.advance(ms: FileProvider.pollMs)
            await waitForSleepers(clock)
        }
        #expect(reports.received == 2)
        #expect(registry.render().contains("prometheus_sd_file_read_errors_total 1"))
        #expect(registry.render().contains("prometheus_sd_file_scan_duration_seconds{quantile=\"0.5\"} 0\n"))
        #expect(registry.render().contains("prometheus_sd_file_scan_duration_seconds_count 2\n"))
        #expect(said.all.count == 1)
        #expect(said.all.first?.contains("/a.yml:1:3: unknown key \"target\" in static_configs") == true)
        #expect(said.all.first?.contains("its last good targets stay") == true)
        // The fault is shown for as long as it lasts, not only after the look that has found it.
        #expect(provider.problems.count == 1)
        #expect(provider.problems.first?.contains("/a.yml:1:3: unknown key") == true)
        #expect(provider.unread == provider.problems)
        try folder.put("a.yml", "- targets: [a:2]\n")
        clock.advance(ms: FileProvider.pollMs)
        #expect(await reports.next()?.count == 1)
        await waitForSleepers(clock)
        #expect(provider.problems == [])
        task.cancel()
        await task.value
    }

    /// Its writer died, or the disk was full.
    @Test func aJSONFileThatIsCutToNothingKeepsItsTargetsAndIsCounted() async throws {
        let folder = try TemporaryFolder()
        let (clock, registry, said) = (ManualClock(), MetricRegistry(), SaidLines())
        let reports = Reports<[TargetGroup]>()
        try folder.put("a.json", "[{\"targets\": [\"a:1\"]}]")
        let provider = FileProvider(
            FileSDConfiguration(files: ["\(folder.path)/*.json"], refreshIntervalMs: 60_000),
            files: POSIXFiles(), workers: WorkerPool(name: "test", threads: 1), clock: clock,
            registry: registry, logger: said.logger)
        let task = Task { await provider.run { reports.add($0) } }
        #expect(await reports.next()?.count == 1)
        await waitForSleepers(clock)
        try folder.put("a.json", "")
        for _ in 0..<5 {
            clock.advance(ms: FileProvider.pollMs)
            await waitForSleepers(clock)
        }
        #expect(reports.received == 1)
        #expect(registry.render().contains("prometheus_sd_file_read_errors_total 1"))
        #expect(said.all.count == 1)
        #expect(said.all.first?.contains("/a.json:1:1: no JSON list of target groups: it is empty") == true)
        task.cancel()
        await task.value
    }

    @Test func aFileThatWasNeverGoodHasNoLastGoodTargets() async throws {
        let folder = try TemporaryFolder()
        let (clock, said) = (ManualClock(), SaidLines())
        try folder.put("a.json", "")
        let provider = FileProvider(
            FileSDConfiguration(files: ["\(folder.path)/a.json"], refreshIntervalMs: 60_000),
            files: POSIXFiles(), workers: WorkerPool(name: "test", threads: 1), clock: clock,
            registry: MetricRegistry(), logger: said.logger)
        let task = Task { await provider.run { _ in } }
        await waitForSleepers(clock)
        #expect(said.all.count == 1)
        #expect(said.all.first?.contains("no target of it is known") == true)
        task.cancel()
        await task.value
    }

    @Test func aFileThatIsNotThereIsSaidOnceAndTakenWhenItComes() async throws {
        let folder = try TemporaryFolder()
        let (clock, said) = (ManualClock(), SaidLines())
        let reports = Reports<[TargetGroup]>()
        let provider = FileProvider(
            FileSDConfiguration(
                files: ["\(folder.path)/a.yml", "\(folder.path)/later/*.yml"], refreshIntervalMs: 5_000),
            files: POSIXFiles(), workers: WorkerPool(name: "test", threads: 1), clock: clock,
            registry: MetricRegistry(), logger: said.logger)
        let task = Task { await provider.run { reports.add($0) } }
        #expect(await reports.next() == [])
        for _ in 0..<5 {
            await waitForSleepers(clock)
            clock.advance(ms: FileProvider.pollMs)
        }
        await waitForSleepers(clock)
        #expect(said.all.count == 2)
        #expect(said.all.first?.contains("\(folder.path)/a.yml") == true)
        #expect(said.all.last?.contains("\(folder.path)/later") == true)
        try folder.put("a.yml", "- targets: [a:1]\n")
        clock.advance(ms: FileProvider.pollMs)
        #expect(await reports.next()?.count == 1)
        #expect(said.all.count == 2)
        task.cancel()
        await task.value
    }

    /// Of two jobs that read one file the second still shows when it was changed.
    @Test func aFileThatNobodyReadsHasNoTime() async throws {
        let folder = try TemporaryFolder()
        try folder.put("a.yml", "- targets: [a:1]\n")
        let (clock, registry) = (ManualClock(), MetricRegistry())
        let times = TargetFileTimes(registry: registry)
        var tasks: [Task<Void, Never>] = []
        for _ in 0..<2 {
            let reports = Reports<[TargetGroup]>()
            let provider = FileProvider(
                FileSDConfiguration(files: ["\(folder.path)/a.yml"], refreshIntervalMs: 60_000),
                files: POSIXFiles(), workers: WorkerPool(name: "test", threads: 1), clock: clock,
                registry: registry, times: times, logger: SaidLines().logger)
            tasks.append(Task { await provider.run { reports.add($0) } })
            _ = await reports.next()
        }
        for (task, isShown) in zip(tasks, [true, false]) {
            task.cancel()
            await task.value
            #expect(registry.render().contains("prometheus_sd_file_mtime_seconds{") == isShown)
        }
    }
}
