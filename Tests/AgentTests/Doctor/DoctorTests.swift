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
        #expect(verdicts["configuration"] == [.ok] && verdicts["storage"]?.contains(.wrong) == false)
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

    /// A configuration that hangs in the network costs the disk nothing of its time.
    @Test func theDiskIsTriedWhileTheConfigurationIsWaitedFor() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder, nil)
        let server = try SilentServer()
        options.agent.configFile = "http://127.0.0.1:\(server.port)/narthex.yml"
        // A sixth of it for the exchange that hangs, on a machine that is busy with other tests.
        options.timeoutMs = 18_000
        let report = await Doctor(options).run()
        #expect(report.failure == .configuration)
        #expect(report.lines.filter { $0.check == "storage" }.allSatisfy { $0.verdict == .ok })
        #expect(report.lines.count { $0.check == "storage" } == 3)
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
        // Enough for all the rest on a machine that is busy with other tests.
        options.timeoutMs = 8_000
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
