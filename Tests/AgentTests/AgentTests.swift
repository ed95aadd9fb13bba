import Glibc
import Platform
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct AgentTests {
    /// A receiver that is not there: nothing listens on port 1.
    private let configuration = """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: none
            static_configs: [{targets: ["127.0.0.1:1"]}]
        remote_write:
          - url: http://127.0.0.1:1/api/v1/write
        """

    private func options(_ folder: TemporaryFolder) throws -> AgentOptions {
        try put(configuration, folder)
        var options = AgentOptions(configFile: folder.path + "/narthex.yml")
        options.storagePath = folder.path + "/data"
        options.listenAddress = "127.0.0.1:0"
        return options
    }

    private func put(_ text: String, _ folder: TemporaryFolder) throws {
        try POSIXFiles().replace(folder.path + "/narthex.yml", with: Array(text.utf8))
    }

    @Test func aStopThatStillSendsIsEndedAtOnceAndNothingIsLost() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder)
        // Longer than the test may take.
        options.flushDeadlineMs = 600_000
        let agent = try await Agent.start(options)
        let clock = SystemClock()
        while agent.snapshot().scraped == 0 { try await clock.sleep(forMs: 20) }
        let stopping = Task { try await agent.stop() }
        await agent.stopAtOnce()
        let last = try await stopping.value
        #expect(last.scraped > 0)
        #expect(last.destinations.map(\.buffered) == [last.scraped])
        #expect(last.isBalanced)
    }

    @Test(arguments: [AgentError.Code.listen, .configuration])
    func aStartThatFailsLeavesNoSegmentBehind(code: AgentError.Code) async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder)
        let first = try await Agent.start(options)
        options.storagePath = folder.path + "/other"
        if code == .listen {
            options.listenAddress = String(first.statusURL.dropFirst("http://".count).dropLast())
        } else {
            // No region is named anywhere, which is found out once the buffer is open.
            options.environment["AWS_EC2_METADATA_DISABLED"] = "true"
            try put(configuration + "\n    sigv4: {}\n", folder)
        }
        for _ in 0..<3 {
            let error = await #expect(throws: AgentError.self) { _ = try await Agent.start(options) }
            #expect(error?.code == code)
        }
        let left = try POSIXFiles().list(options.storagePath)
        #expect(!left.contains { $0.hasSuffix(".segment") || $0.hasPrefix("cursor-") }, "\(left)")
        try await first.stop()
        // The same directory serves the next start.
        options.listenAddress = "127.0.0.1:0"
        try put(configuration, folder)
        let agent = try await Agent.start(options)
        #expect(try await agent.stop().isBalanced)
    }

    @Test func aDestinationThatIsTheAgentItselfIsRefusedBeforeAnythingIsMade() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder)
        options.listenAddresses = ["127.0.0.1:0", "127.0.0.1:1"]
        let error = await #expect(throws: AgentError.self) { _ = try await Agent.start(options) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("narthex.yml:6:10: the url of this remote_write leads") == true)
        #expect(try POSIXFiles().status(options.storagePath) == nil)
    }

    @Test func theStatusPageSaysThatNothingIsLostWhileTheReceiverIsAway() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder)
        options.flushDeadlineMs = 0
        let agent = try await Agent.start(options)
        let clock = SystemClock()
        var page = ""
        while !page.contains("<td>held: nothing is lost while the buffer has room for them</td>") {
            try await clock.sleep(forMs: 20)
            page = try await PageClient.get("/", from: agent.statusURL)
        }
        #expect(page.contains("<td>http://127.0.0.1:1/api/v1/write</td><td>0</td><td>0</td><td>"))
        #expect(try await agent.stop().isBalanced)
    }

    @Test func pagesAnswerWhileTheDiskStandsStill() async throws {
        let folder = try TemporaryFolder()
        var options = try options(folder)
        // More targets than workers: each holds one in an append.
        let targets = (1...8).map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
        try put(
            configuration.replacing("\"127.0.0.1:1\"]", with: "\(targets)]"), folder)
        options.flushDeadlineMs = 0
        let files = StallingFiles()
        let agent = try await Agent.start(options, files: files)
        files.stall()
        let clock = SystemClock()
        while files.stalledCount == 0 { try await clock.sleep(forMs: 20) }
        for path in ["/-/healthy", "/-/ready", "/metrics", "/"] {
            let answer = try await PageClient.get(path, from: agent.statusURL)
            #expect(answer.hasPrefix("HTTP/1.1 200"), "\(path)")
        }
        _ = agent.snapshot()
        files.goOn()
        #expect(try await agent.stop().isBalanced)
    }
}
