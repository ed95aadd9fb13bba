import Logging
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Agent

struct MemoryFiguresTests {
    private let clock = ManualClock()
    private let registry = MetricRegistry()
    private let account = MemoryAccount(memoryBytes: 400 << 20)

    private func figures(files: any FileDoor = POSIXFiles()) -> MemoryFigures {
        let keeper = MemoryKeeper(
            MemoryCeiling(bytes: 400 << 20, source: .flag), account: account, registry: registry,
            logger: Logger(label: "test"))
        return MemoryFigures(
            account: account, keeper: keeper, registry: registry, clock: clock, files: files)
    }

    @Test func everyKindIsThereOnceAndTheSumIsWhatIsResident() throws {
        let figures = figures()
        figures.begin { MemoryFigures.Counts(spareBytes: 3, connections: 2) }
        figures.measureProgram()
        #expect(account.charge(5_000, to: .bodies))
        let report = try #require(figures.report())
        let kinds = report.rows.map(\.kind)
        #expect(Set(kinds).count == kinds.count)
        for kind in [
            "labels", "parts", "lines", "comments", "values", "requests", "targets", "objects", "bodies",
            "reading", "frames", "unsynced", "spare", "http", "metrics", "start", "heap_free", "stacks",
            "program",
        ] {
            #expect(kinds.contains(kind), "\(kind)")
        }
        func bytes(_ kind: String) -> Int? { report.rows.first { $0.kind == kind }?.bytes }
        #expect(bytes("bodies") == 5_000 && bytes("spare") == 3)
        #expect(bytes("http") == 2 * MemoryFigures.connectionBytes)
        #expect(try #require(bytes("program")) > Int(report.resident.fileBytes))
        #expect(report.rows.first { $0.kind == "bodies" }?.limitBytes == 100 << 20)
        #expect(report.rows.first { $0.kind == "unsynced" }?.limitBytes == nil)
        let sum = report.rows.reduce(report.unaccountedBytes) { $0 + $1.bytes }
        #expect(sum == Int(report.resident.totalBytes))
    }

    @Test func whoAsksWithinFiveSecondsIsGivenTheSameReport() {
        let figures = figures()
        let looks = Mutex(0)
        figures.begin {
            looks.withLock { $0 += 1 }
            return MemoryFigures.Counts()
        }
        let first = figures.report()
        clock.advance(ms: 4_999)
        #expect(figures.report() == first && looks.withLock { $0 } == 2)
        _ = figures.seriesMemory()
        #expect(looks.withLock { $0 } == 2)
        clock.advance(ms: 1)
        _ = figures.report()
        #expect(looks.withLock { $0 } == 3)
    }

    /// The families of series are asked for first, seconds before the report at times.
    @Test func whatIsResidentIsOfTheMomentOfTheCounts() throws {
        let files = PowerLossFiles()
        let figures = figures(files: files)
        let statm = try files.open("/proc/self/statm", .update)
        func set(residentPages: Int) throws {
            let line = Array("9000 \(residentPages) 100 1 0 1 0\n".utf8)
            // Safety: UInt8 has no bytes that are not its value.
            try unsafe files.write(line.span.bytes, to: statm, at: 0)
        }
        try set(residentPages: 500)
        _ = figures.seriesMemory()
        try set(residentPages: 700)
        clock.advance(ms: 4_000)
        let early = try #require(figures.report()).resident
        clock.advance(ms: 1_000)
        let late = try #require(figures.report()).resident
        #expect(early.totalBytes == 5 * early.fileBytes && late.totalBytes == 7 * late.fileBytes)
    }

    @Test func withoutProcThereIsNoReportAndNoFamily() {
        let figures = figures(files: PowerLossFiles())
        figures.register()
        #expect(figures.report() == nil)
        #expect(!registry.render().contains("narthex_memory_bytes"))
    }

    /// The page and the metrics of a running agent say the same.
    @Test(.timeLimit(.minutes(1))) func thePageAndTheMetricsAgree() async throws {
        let folder = try TemporaryFolder()
        let text = "remote_write: [{url: \"http://127.0.0.1:1/api/v1/write\"}]\n"
        try POSIXFiles().replace(folder.path + "/narthex.yml", with: Array(text.utf8))
        var options = AgentOptions(configFile: folder.path + "/narthex.yml")
        options.storagePath = folder.path + "/data"
        options.listenAddress = "127.0.0.1:0"
        options.memoryLimitBytes = 8 << 30
        let agent = try await Agent.start(options)
        let page = try await PageClient.get("/api/v1/narthex/memory", from: agent.statusURL)
        #expect(page.contains(#""ceilingBytes":8589934592,"source":"flag","step":0,"#))
        let metrics = try await PageClient.get("/metrics", from: agent.statusURL)
        let kinds = page.split(separator: #"{"kind":""#).dropFirst().map { $0.prefix { $0 != "\"" } }
        #expect(kinds.count == 19)
        for kind in kinds {
            #expect(metrics.contains("narthex_memory_bytes{kind=\"\(kind)\"} "), "\(kind)")
        }
        // Both come from one report, which is kept for five seconds.
        for name in ["program", "start", "stacks"] {
            let bytes = page.split(separator: "{\"kind\":\"\(name)\",\"bytes\":").last?.prefix(
                while: \.isNumber)
            #expect(metrics.contains("narthex_memory_bytes{kind=\"\(name)\"} \(bytes ?? "")\n"), "\(name)")
        }
        #expect(metrics.contains("narthex_memory_ceiling_bytes 8589934592\n"))
        #expect(metrics.contains("narthex_memory_step 0\n"))
        #expect(metrics.contains("narthex_memory_limit_bytes{kind=\"bodies\"} "))
        try await agent.stop()
    }
}
