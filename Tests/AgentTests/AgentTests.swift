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
        let files = POSIXFiles()
        let file = try files.open(folder.path + "/narthex.yml", .create)
        let bytes = Array(configuration.utf8)
        // Safety: UInt8 has no padding, so every byte of the span may be read.
        try unsafe files.write(bytes.span.bytes, to: file, at: 0)
        try files.close(file)
        var options = AgentOptions(configFile: folder.path + "/narthex.yml")
        options.storagePath = folder.path + "/data"
        options.listenAddress = "127.0.0.1:0"
        return options
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
}
