import AWS
import Platform
import Testing

@testable import Agent

struct DoctorTests {
    private func options(_ folder: TemporaryFolder, _ text: String?) throws -> DoctorOptions {
        let path = "\(folder.path)/narthex.yml"
        if let text { try POSIXFiles().replace(path, with: Array(text.utf8)) }
        var agent = AgentOptions(configFile: path)
        agent.storagePath = "\(folder.path)/data"
        agent.retentionMaxBytes = 1 << 20
        var options = DoctorOptions(agent: agent)
        // Other tests run at the same time.
        options.timeoutMs = 300_000
        return options
    }

    /// Nobody listens on port 1 of loopback.
    private let unreached = """
        scrape_configs: [{job_name: a, static_configs: [{targets: ["127.0.0.1:1"]}]}]
        remote_write: [{name: gone, url: "http://127.0.0.1:1/w"}]
        """

    @Test func everythingHasItsLine() async throws {
        let folder = try TemporaryFolder()
        let report = await Doctor(try options(folder, unreached)).run()
        #expect(
            report.lines.map(\.check) == [
                "configuration", "destination", "write", "targets", "storage", "storage", "storage", "clock",
                "memory", "cpu", "files",
            ])
        let verdicts = Dictionary(grouping: report.lines, by: \.check).mapValues { $0.map(\.verdict) }
        #expect(verdicts["configuration"] == [.ok])
        #expect(verdicts["destination"] == [.wrong] && verdicts["write"] == [.skipped])
        #expect(verdicts["targets"] == [.wrong] && report.failure == .refused)
        #expect(try POSIXFiles().list(folder.path) == ["narthex.yml"])
    }

    @Test(arguments: [1_000, 30_000, 600_000] as [Int64])
    func everyBoundIsAPartOfTheWhole(timeoutMs: Int64) {
        var options = DoctorOptions(agent: AgentOptions(configFile: ""))
        options.timeoutMs = timeoutMs
        #expect(options.readTimeoutMs == timeoutMs / 2)
        #expect(options.exchangeTimeoutMs >= 500 && options.exchangeTimeoutMs <= timeoutMs / 2)
        #expect(options.lookTimeoutMs + options.exchangeTimeoutMs <= timeoutMs)
        #expect(
            options.patience
                == CallPatience(attemptTimeoutMs: options.exchangeTimeoutMs, unansweredAttempts: 1))
    }

    @Test(arguments: [nil, "scrape_configs: []", "globl: {}"])
    func withoutAConfigurationTheMachineIsLookedAt(text: String?) async throws {
        let folder = try TemporaryFolder()
        let report = await Doctor(try options(folder, text)).run()
        #expect(report.failure == .configuration)
        #expect(report.lines.first?.check == "configuration" && report.lines.first?.verdict == .wrong)
        #expect(report.lines.contains { $0.check == "storage" && $0.verdict == .ok })
    }

    @Test func aVariableThatNamesNoPlaceIsSaid() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder, unreached)
        options.placeFault = "S3_CONFIG_LOCATION is not used: it names no object"
        let report = await Doctor(options).run()
        #expect(report.lines.first?.message == options.placeFault && report.failure == .configuration)
    }

    /// A configuration that hangs in the network costs the disk nothing of its time. No limit of time is met:
    /// the server goes once the disk has been seen at work.
    @Test func theDiskIsTriedWhileTheConfigurationIsWaitedFor() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder, nil)
        var server: SilentServer? = try SilentServer()
        options.agent.configFile = "http://127.0.0.1:\(server?.port ?? 0)/narthex.yml"
        options.timeoutMs = 600_000
        let files = StallingFiles()
        files.stall()
        let run = Task { [options] in await Doctor(options, files: files).run() }
        let clock = SystemClock()
        // A hundred seconds are the exchange's.
        let endNs = clock.deadlineNs(inMs: 60_000)
        while files.stalledCount == 0, clock.monotonicNs < endNs { try await clock.sleep(forMs: 5) }
        #expect(files.stalledCount > 0, "the disk is not tried while the configuration is waited for")
        files.goOn()
        server = nil
        let report = await run.value
        #expect(report.failure == .configuration)
        #expect(
            report.lines.filter { $0.check == "storage" }.map(\.subject) == ["write", "fsync", "space"])
        #expect(!report.lines.contains { $0.message == "there was no answer in time" })
    }

    /// Who would read it from AWS is asked of nobody again: there is nothing to look up, and nothing late.
    @Test func aConfigurationThatHangsIsAskedForOnce() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder, nil)
        let server = try SilentServer()
        options.agent.configFile = "http://127.0.0.1:\(server.port)/narthex.yml"
        options.exchangeTimeoutMs = 1_000
        let report = await Doctor(options).run()
        #expect(report.failure == .configuration && report.lines[0].check == "configuration")
        #expect(report.lines[0].message.contains("timed out"))
        #expect(!report.lines.contains { $0.check == "region" })
        #expect(server.connectionsTaken() == 1)
    }

    @Test func warningsAreTold() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder, unreached + "\nrule_files: [none.yml]\nalerting: {}\n")
        options.remarks = ["NARTHEX_REMOTE_WRITE_URL is not used: --config.file comes before it"]
        let noted = await Doctor(options).run().lines.filter { $0.verdict == .noted }
        #expect(noted.first?.message == options.remarks[0])
        #expect(noted.contains { $0.message.contains("rule_files") })
    }

    /// A disk that does not answer costs its own line and the time, nothing else.
    @Test func aDiskThatHangsIsLeftBehind() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder, unreached)
        options.storageTimeoutMs = 200
        let files = StallingFiles()
        files.stall()
        let report = await Doctor(options, files: files).run()
        let storage = report.lines.filter { $0.check == "storage" }
        #expect(storage.map(\.verdict) == [.wrong])
        #expect(storage.first?.message == "there was no answer in time")
        #expect(report.lines.contains { $0.check == "destination" && $0.verdict == .wrong })
        files.goOn()
    }
}
