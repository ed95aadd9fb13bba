import Logging
import MetricModel
import Platform
import Scrape
import StatusServer
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Agent

/// Has lines written at once.
private let runHere: LogRelay.Run = {
    $0()
    return true
}

struct MemoryKeeperTests {
    private static let mib: UInt64 = 1 << 20
    private let process = FakeProcess()
    private let registry = MetricRegistry()
    private let account = MemoryAccount(memoryBytes: 100 << 20)
    private let lines = LogLines()
    private let keeper: MemoryKeeper

    init() {
        keeper = MemoryKeeper(
            MemoryCeiling(bytes: 100 << 20, source: .flag), account: account, registry: registry,
            logger: lines.logger, leastSeries: 0, runsLog: runHere)
    }

    /// A look at so many MiB after so many seconds.
    private func look(_ mebibytes: UInt64, _ seconds: UInt64) -> Int {
        process.set { $0.usedBytes = mebibytes * Self.mib }
        return keeper.look(process.means, nowNs: seconds * 1_000_000_000)
    }

    private var bodiesMiB: Int { account.limitBytes(of: .bodies) >> 20 }

    private func began(_ step: Int) -> Bool {
        registry.render().contains("narthex_memory_steps_total{step=\"\(step)\"} 1\n")
    }

    @Test func farFromTheCeilingNothingIsDoneAndLooksAreSeldom() {
        #expect(look(49, 1) == 1_000 && keeper.room.leftBytes == 44 << 20)
        #expect(look(79, 2) == 250 && keeper.room.leftBytes == 14 << 20)
        #expect(keeper.stepNumber == 0 && bodiesMiB == 25 && process.relaxed == 0 && lines.lines.isEmpty)
    }

    @Test func bodiesShareHalfOfWhatIsFreeAndOneAlwaysFits() {
        _ = look(81, 1)
        #expect(keeper.stepNumber == 1 && bodiesMiB == 9)
        _ = look(76, 2)
        #expect(bodiesMiB == 12)
        _ = look(84, 3)
        #expect(bodiesMiB == 8 && process.limitChanges == 3)
        _ = look(84, 4)
        #expect(process.limitChanges == 3)
        // Once it is over they have what they had.
        _ = look(20, 40)
        #expect(keeper.stepNumber == 0 && bodiesMiB == 25 && process.limitChanges == 4)
    }

    @Test func connectionsCloseOnceAStep() {
        _ = look(86, 1)
        _ = look(87, 2)
        #expect(process.relaxed == 1 && process.givenBack == 0 && keeper.stepNumber == 2)
    }

    @Test func freeMemoryGoesBackBeforeAnythingIsRefused() {
        process.set {
            $0.jobs = ["a": .init(series: 10)]
            $0.usedAfterBytes = 86 * Self.mib
        }
        _ = look(99, 1)
        #expect(process.givenBack == 1 && keeper.stepNumber == 3)
        #expect(process.shedding.isEmpty && keeper.room.leftBytes == 7 << 20)
        // Not again within ten seconds, so now it is refused.
        _ = look(99, 2)
        #expect(process.givenBack == 1 && keeper.stepNumber == 5 && process.shedding == ["a"])
        process.set { $0.usedAfterBytes = nil }
        _ = look(99, 11)
        #expect(process.givenBack == 2)
    }

    /// No step is in force any more, targets still wait for room, and then the memory cannot be read: nothing
    /// would let them begin.
    @Test func targetsThatWaitForRoomBeginWhenTheMemoryCannotBeRead() {
        process.set { $0.jobs = ["a": .init(series: 10)] }
        _ = look(50, 1)
        #expect(keeper.stepNumber == 0)
        process.set {
            $0.jobs["a"]?.holds = true
            $0.isReadable = false
        }
        _ = look(50, 2)
        #expect(process.holding.isEmpty && keeper.room.leftBytes == .max)
    }

    @Test func newSeriesOfTheFastestJobsAreRefusedOneJobAfterTheOther() {
        process.set { $0.jobs = ["a": .init(series: 10), "b": .init(series: 1_000), "c": .init(series: 5)] }
        _ = look(10, 1)
        process.set { $0.jobs["a"]?.series = 900 }
        process.set { $0.jobs["c"]?.series = 6 }
        _ = look(93, 2)
        #expect(process.shedding == ["a"] && process.holding.isEmpty && keeper.room.leftBytes == 2 << 20)
        _ = look(93, 6)
        #expect(process.shedding == ["a"])
        _ = look(93, 7)
        #expect(process.shedding == ["a", "c"])
        // It helps.
        _ = look(91, 20)
        #expect(process.shedding == ["a", "c"])
        _ = look(93, 21)
        _ = look(93, 30)
        #expect(process.shedding == ["a", "b", "c"])
        // Nobody is left.
        _ = look(93, 60)
        #expect(process.shedding == ["a", "b", "c"])
        _ = look(10, 89)
        #expect(process.shedding == ["a", "b", "c"])
        _ = look(10, 90)
        #expect(process.shedding.isEmpty && keeper.stepNumber == 0 && keeper.room.leftBytes == 83 << 20)
    }

    /// What made a job grow is the first thing that whoever reads the line wants to know.
    @Test func theLineOfAJobThatShedsNamesItsWidestLabel() {
        let label = WidestLabel(name: "pod", values: 800, series: 1_000)
        process.set { $0.jobs = ["a": .init(series: 2_000, label: label), "b": .init(series: 1)] }
        _ = look(93, 1)
        #expect(lines.all("new series of this job are refused").count == 1)
        let line = lines.all("new series of this job are refused").first ?? ""
        #expect(line.contains("scrape_job=a") && line.contains(" series=2000 "))
        #expect(line.contains(" label=pod label_values=800 "))
        #expect(line.contains(" series_examined=1000 "))
        // A job without series has none.
        _ = look(93, 7)
        #expect(!(lines.all("scrape_job=b").first ?? "label").contains("label"))
    }

    /// It loses nothing, whatever it is told.
    @Test func aJobThatShedsIsNotNamedBeforeItHasRefusedSomething() {
        process.set {
            $0.jobs = [
                "grows": .init(series: 10),
                "steady": .init(series: 1_000, hasNewSeries: false, refused: 900),
            ]
        }
        _ = look(93, 1)
        _ = look(93, 7)
        _ = look(93, 13)
        #expect(process.shedding == ["grows", "steady"])
        let named = { self.lines.all("new series of this job are refused") }
        #expect(named().count == 1 && named()[0].contains("scrape_job=grows"))
        // A reload has removed the job, and another has added it again.
        process.set { $0.jobs["steady"]?.refused = 0 }
        _ = look(93, 14)
        #expect(named().count == 1)
        process.set { $0.jobs["steady"]?.hasNewSeries = true }
        for second in 15...20 { _ = look(93, UInt64(second)) }
        #expect(named().count == 2 && named()[1].contains("scrape_job=steady"))
    }

    @Test func poolsThatAReloadBringsHaveThePresentState() {
        process.set { $0.jobs = ["a": .init(series: 10)] }
        _ = look(96, 1)
        #expect(process.holding == ["a"] && process.shedding == ["a"] && keeper.room.leftBytes == 0)
        process.set { $0.jobs = ["a": .init(), "b": .init()] }
        keeper.prepare(process.job("b"))
        #expect(process.holding == ["b"])
        _ = look(96, 2)
        #expect(process.holding == ["a", "b"] && process.shedding == ["a"])
        _ = look(88, 40)
        // The fifth step is over, the fourth is not.
        #expect(process.holding.isEmpty && process.shedding.contains("a"))
        process.set { $0.jobs["c"] = .init() }
        keeper.prepare(process.job("c"))
        #expect(process.holding.isEmpty)
    }

    @Test func aStepIsSaidOnceUntilAllIsOverAndCountedEachTime() {
        process.set { $0.jobs = ["a": .init(series: 10)] }
        _ = look(96, 1)
        #expect((1...5).allSatisfy(began))
        // Five steps and the job.
        #expect(lines.lines.count == 6, "\(lines.lines)")
        _ = look(88, 40)
        _ = look(96, 41)
        #expect(lines.lines.count == 6)
        #expect(registry.render().contains("narthex_memory_steps_total{step=\"5\"} 2\n"))
        _ = look(10, 80)
        #expect(lines.lines.count == 7)
        _ = look(81, 81)
        #expect(lines.lines.count == 8)
    }

    @Test func withoutTheKernelsNumberNothingIsDoneAndItIsSaidOnce() {
        process.set { $0.isReadable = false }
        for seconds in 1...3 as ClosedRange<UInt64> { #expect(look(99, seconds) == 1_000) }
        #expect(lines.lines.count == 1 && keeper.stepNumber == 0 && keeper.room.leftBytes == .max)
    }

    @Test func withoutACeilingThereIsRoomForEverything() {
        let keeper = MemoryKeeper(
            nil, account: account, registry: MetricRegistry(), logger: lines.logger, runsLog: runHere)
        #expect(keeper.look(process.means, nowNs: 1) == 1_000)
        #expect(keeper.room.leftBytes == .max)
    }

    @Test func afterTheEndNothingIsDone() {
        keeper.end()
        _ = look(99, 1)
        #expect(process.relaxed == 0 && keeper.stepNumber == 0)
    }

    /// A reload takes its pool's state while the steps end at a look, and has the pool among the jobs later.
    @Test func aPoolThatComesWhileTheLastStepEndsDoesNotWait() {
        process.set { $0.jobs = ["a": .init(series: 10), "late": .init()] }
        let whole = process.means
        let (keeper, process) = (keeper, process)
        let job = process.job("late")
        let means = MemoryKeeper.Means(
            resident: whole.resident,
            jobs: {
                process.set { $0.jobs["late"]?.holds = false }
                keeper.prepare(job)
                return whole.jobs().filter { $0.name != "late" }
            }, bodiesLimitChanged: whole.bodiesLimitChanged, relax: whole.relax, giveBack: whole.giveBack)
        process.set { $0.usedBytes = 96 * Self.mib }
        _ = keeper.look(means, nowNs: 1_000_000_000)
        #expect(process.holding == ["a", "late"])
        process.set { $0.usedBytes = 10 * Self.mib }
        _ = keeper.look(means, nowNs: 40_000_000_000)
        #expect(keeper.stepNumber == 0 && process.holding.isEmpty)
    }

    @Test func stepsEndWhereTheKernelsNumberIsGone() {
        process.set { $0.jobs = ["a": .init(series: 10)] }
        _ = look(96, 1)
        #expect(keeper.stepNumber == 5 && process.holding == ["a"] && keeper.room.leftBytes == 0)
        process.set { $0.isReadable = false }
        _ = look(96, 2)
        #expect(keeper.stepNumber == 0 && process.holding.isEmpty && process.shedding.isEmpty)
        #expect(keeper.room.leftBytes == .max && bodiesMiB == 25)
        #expect(lines.all("the ceiling on memory cannot be kept").count == 1)
        process.set { $0.isReadable = true }
        _ = look(96, 3)
        #expect(keeper.stepNumber == 5 && process.holding == ["a"])
    }

    /// Nobody may read the log, and the agent stops all the same.
    @Test func whatIsLoggedIsLoggedWhileNothingIsLocked() {
        struct Handler: LogHandler {
            let act: @Sendable () -> Void
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.info

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }

            func log(event: LogEvent) { act() }
        }
        let box = Mutex<MemoryKeeper?>(nil)
        let count = Atomic<Int>(0)
        let act: @Sendable () -> Void = {
            count.add(1, ordering: .relaxed)
            box.withLock { $0 }?.end()
        }
        let keeper = MemoryKeeper(
            MemoryCeiling(bytes: 100 << 20, source: .flag), account: account, registry: MetricRegistry(),
            logger: Logger(label: "test") { _ in Handler(act: act) }, runsLog: runHere)
        box.withLock { $0 = keeper }
        process.set { $0.usedBytes = 81 * Self.mib }
        _ = keeper.look(process.means, nowNs: 1)
        #expect(count.load(ordering: .relaxed) == 1)
        box.withLock { $0 = nil }
    }
}

/// An exporter whose page has other series each time that it is asked.
private final class ChangingPages: StatusPages {
    let asked = Atomic<Int>(0)

    func metrics(_ format: MetricFormat) -> String {
        let round = asked.add(1, ordering: .relaxed).newValue
        let lines = (0..<MemoryKeeper.leastSeries * 3 / 2).map { "a{id=\"\(round)-\($0)\"} 1\n" }
        return lines.joined() + "# EOF\n"
    }
    func isReady() -> Bool { true }
    func summary() -> StatusSummary {
        StatusSummary(
            version: "0", discoveredTargets: 0, healthyTargets: 0, scrapedSamples: 0, bufferedSamples: 0,
            acknowledgedSamples: 0, droppedSamples: 0)
    }
    func memory() -> String? { nil }
    func ledger() -> String { "" }
    func eachTargetMetadata(_ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool) {}
}

/// A ceiling below what the agent has without series.
struct LowCeilingTests {
    @Test func fewSeriesAreTakenAndItIsSaidOnceThatTheCeilingIsTooLow() {
        let process = FakeProcess()
        let lines = LogLines()
        let keeper = MemoryKeeper(
            MemoryCeiling(bytes: 100 << 20, source: .flag), account: MemoryAccount(memoryBytes: 100 << 20),
            registry: MetricRegistry(), logger: lines.logger, runsLog: runHere)
        func look(_ mebibytes: UInt64, _ seconds: UInt64) {
            process.set { $0.usedBytes = mebibytes << 20 }
            _ = keeper.look(process.means, nowNs: seconds * 1_000_000_000)
        }
        process.set { $0.jobs = ["a": .init(series: 0), "b": .init(series: 999)] }
        for second in 1...3 as ClosedRange<UInt64> { look(120, second) }
        #expect(keeper.stepNumber == 5 && process.holding.isEmpty && process.shedding.isEmpty)
        #expect(keeper.room.leftBytes == 1 << 20)
        #expect(lines.all("error the ceiling on memory is too low").count == 1)
        // What was taken comes back after five seconds, not with each look.
        #expect(keeper.room.take(1 << 20))
        look(120, 4)
        #expect(keeper.room.leftBytes == 0)
        look(120, 6)
        #expect(keeper.room.leftBytes == 1 << 20)
        // With enough series the steps are in force as ever.
        process.set { $0.jobs["a"]?.series = 1 }
        look(120, 7)
        #expect(process.holding == ["a", "b"] && process.shedding.count == 1 && keeper.room.leftBytes == 0)
        // It is not counted at each look.
        process.set { $0.jobs["b"]?.series = 0 }
        look(120, 8)
        #expect(process.holding == ["a", "b"])
        look(120, 18)
        #expect(process.holding.isEmpty && process.shedding.isEmpty)
        #expect(lines.all("error the ceiling on memory is too low").count == 1)
    }

    /// This process has more than a megabyte, and nothing can change that. The agent scrapes all the same
    /// until it has some series, refuses new ones from then on, and says so on its page.
    @Test(.timeLimit(.minutes(1))) func anAgentAboveItsCeilingGoesOn() async throws {
        let pages = ChangingPages()
        let exporter = try await StatusServer.start(
            addresses: [ListenAddress.parse("127.0.0.1:0")], pages: pages, registry: MetricRegistry())
        let folder = try TemporaryFolder()
        let address = try #require(exporter.urls.first).dropFirst("http://".count).dropLast()
        let text = """
            global: {scrape_interval: 1s}
            scrape_configs: [{job_name: a, static_configs: [{targets: ["\(address)"]}]}]
            remote_write: [{url: "http://127.0.0.1:1/api/v1/write"}]
            """
        try POSIXFiles().replace(folder.path + "/narthex.yml", with: Array(text.utf8))
        var options = AgentOptions(configFile: folder.path + "/narthex.yml")
        options.storagePath = folder.path + "/data"
        options.listenAddress = "127.0.0.1:0"
        options.flushDeadlineMs = 0
        options.memoryLimitBytes = 1 << 20
        let agent = try await Agent.start(options)
        var overview = ""
        while !overview.contains("<td>up</td><td>memory is short: ") {
            try Task.checkCancellation()
            overview = try await PageClient.get("/", from: agent.statusURL)
        }
        let page = try await PageClient.get("/metrics", from: agent.statusURL)
        #expect(page.contains("narthex_memory_step 5\n"))
        #expect(page.contains("narthex_memory_limit_bytes{kind=\"bodies\"} 8388608\n"))
        #expect(page.contains("narthex_memory_ceiling_bytes 1048576\n"))
        #expect(try await agent.stop().isBalanced)
        await exporter.stop()
    }
}
