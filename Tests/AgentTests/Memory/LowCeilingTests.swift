import Logging
import MetricModel
import Platform
import StatusServer
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Agent

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
    func eachTargetMetadata(_ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool) {}
}

/// A ceiling below what the agent has without series.
struct LowCeilingTests {
    @Test func fewSeriesAreTakenAndItIsSaidOnceThatTheCeilingIsTooLow() {
        let process = FakeProcess()
        let lines = LogLines()
        let keeper = MemoryKeeper(
            MemoryCeiling(bytes: 100 << 20, source: .flag), account: MemoryAccount(memoryBytes: 100 << 20),
            registry: MetricRegistry(), logger: lines.logger)
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
