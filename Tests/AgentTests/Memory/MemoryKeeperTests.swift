import Logging
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Agent

/// A process whose memory a test sets, and jobs that remember what they were told.
private final class FakeProcess: Sendable {
    struct Job: Sendable, Equatable {
        var series = 0
        var sheds = false
        var holds = false
    }

    struct State {
        var usedBytes: UInt64 = 0
        var isReadable = true
        /// What giving memory back leaves.
        var usedAfterBytes: UInt64?
        var limitChanges = 0
        var relaxed = 0
        var givenBack = 0
        var jobs: [String: Job] = [:]
    }

    let state = Mutex(State())

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    var limitChanges: Int { state.withLock { $0.limitChanges } }
    var relaxed: Int { state.withLock { $0.relaxed } }
    var givenBack: Int { state.withLock { $0.givenBack } }
    var shedding: [String] { state.withLock { $0.jobs.filter(\.value.sheds).keys.sorted() } }
    var holding: [String] { state.withLock { $0.jobs.filter(\.value.holds).keys.sorted() } }

    func job(_ name: String) -> MemoryKeeper.Job {
        MemoryKeeper.Job(
            name: name, activeSeries: { self.state.withLock { $0.jobs[name]?.series ?? 0 } },
            setShedsNewSeries: { sheds in self.set { $0.jobs[name]?.sheds = sheds } },
            setHoldsNewTargets: { holds in self.set { $0.jobs[name]?.holds = holds } })
    }

    var means: MemoryKeeper.Means {
        MemoryKeeper.Means(
            resident: {
                self.state.withLock { state in
                    guard state.isReadable else {
                        return .failure(FileError(operation: "open", path: "/proc", errno: 2, message: ""))
                    }
                    return .success(ResidentMemory(totalBytes: state.usedBytes, fileBytes: 0))
                }
            }, jobs: { self.state.withLock { $0.jobs.keys.sorted() }.map(self.job) },
            bodiesLimitChanged: { self.set { $0.limitChanges += 1 } },
            relax: { self.set { $0.relaxed += 1 } },
            giveBack: {
                self.set { state in
                    state.givenBack += 1
                    if let after = state.usedAfterBytes { state.usedBytes = after }
                }
            })
    }
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
            logger: lines.logger)
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
            nil, account: account, registry: MetricRegistry(), logger: lines.logger)
        #expect(keeper.look(process.means, nowNs: 1) == 1_000)
        #expect(keeper.room.leftBytes == .max)
    }

    @Test func afterTheEndNothingIsDone() {
        keeper.end()
        _ = look(99, 1)
        #expect(process.relaxed == 0 && keeper.stepNumber == 0)
    }

    /// This process has more than a megabyte, and nothing can change that.
    @Test(.timeLimit(.minutes(1))) func anAgentAboveItsCeilingGoesOn() async throws {
        let folder = try TemporaryFolder()
        let text = """
            global: {scrape_interval: 1s}
            scrape_configs: [{job_name: a, static_configs: [{targets: ["127.0.0.1:1"]}]}]
            remote_write: [{url: "http://127.0.0.1:1/api/v1/write"}]
            """
        try POSIXFiles().replace(folder.path + "/narthex.yml", with: Array(text.utf8))
        var options = AgentOptions(configFile: folder.path + "/narthex.yml")
        options.storagePath = folder.path + "/data"
        options.listenAddress = "127.0.0.1:0"
        options.flushDeadlineMs = 0
        options.memoryLimitBytes = 1 << 20
        let agent = try await Agent.start(options)
        var page = ""
        while !page.contains("narthex_memory_step 5\n") {
            page = try await PageClient.get("/metrics", from: agent.statusURL)
        }
        #expect(page.contains("narthex_memory_limit_bytes{kind=\"bodies\"} 8388608\n"))
        #expect(page.contains("narthex_memory_ceiling_bytes 1048576\n"))
        #expect(try await agent.stop().isBalanced)
    }
}
