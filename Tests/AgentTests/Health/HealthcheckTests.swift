import Platform
import StatusServer
import Telemetry
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct HealthcheckTests {
    private let configuration = """
        scrape_configs: [{job_name: none, static_configs: [{targets: ["127.0.0.1:1"]}]}]
        remote_write: [{url: "http://127.0.0.1:1/w"}]
        """

    private func started(_ folder: TemporaryFolder, prefix: String? = nil) async throws -> Agent {
        try POSIXFiles().replace(folder.path + "/narthex.yml", with: Array(configuration.utf8))
        var options = AgentOptions(configFile: folder.path + "/narthex.yml")
        options.storagePath = folder.path + "/data"
        options.listenAddress = "0.0.0.0:0"
        options.routePrefix = prefix
        options.flushDeadlineMs = 0
        return try await Agent.start(options)
    }

    private func check(_ change: (inout Healthcheck) -> Void = { _ in }) -> Healthcheck {
        var check = Healthcheck(environment: [:])
        change(&check)
        return check
    }

    @Test(arguments: [nil, "/prom"])
    func aRunningAgentIsFoundByItsFileAndNoMoreOnceItHasStopped(prefix: String?) async throws {
        let folder = try TemporaryFolder()
        let agent = try await started(folder, prefix: prefix)
        let check = check { $0.storagePath = folder.path + "/data" }
        let url = try await check.run()
        #expect(url.hasPrefix("http://127.0.0.1:") && url.hasSuffix("\(prefix ?? "")/-/healthy"))
        try await agent.stop()
        let files = POSIXFiles()
        #expect(try StatusAddressFile(storagePath: folder.path + "/data", files: files).load().isEmpty)
    }

    @Test func theFlagComesBeforeTheFileAndTheFileBeforeTheVariable() async throws {
        let folder = try TemporaryFolder()
        let agent = try await started(folder)
        let error = await #expect(throws: AgentError.self) {
            _ = try await check {
                $0.storagePath = folder.path + "/data"
                $0.listenAddresses = ["127.0.0.1:1"]
            }.run()
        }
        #expect(error?.code == .refused && error?.message.contains("127.0.0.1:1") == true)
        var other = Healthcheck(environment: ["NARTHEX_WEB_LISTEN_ADDRESS": "127.0.0.1:1"])
        other.storagePath = folder.path + "/data"
        #expect(try await other.run() != "http://127.0.0.1:1/-/healthy")
        // A variable alone is enough, and a file that a killed agent has left does not stand in its way.
        let port = agent.statusURL.split(separator: ":").last?.dropLast() ?? ""
        var stale = Healthcheck(environment: ["NARTHEX_WEB_LISTEN_ADDRESS": ":1, 0.0.0.0:\(port)"])
        stale.storagePath = folder.path
        try StatusAddressFile(storagePath: folder.path, files: POSIXFiles())
            .store(["http://127.0.0.1:1/", "no URL", "file:///etc/passwd"])
        #expect(try await stale.run() == "http://127.0.0.1:\(port)/-/healthy")
        try await agent.stop()
    }

    @Test func anotherProgramIsNoHealthyAgent() async throws {
        let other = try await StatusServer.start(
            addresses: [ListenAddress(host: "127.0.0.1", port: 0)],
            prefix: try RoutePrefix(
                externalURL: nil, routePrefix: "/elsewhere"), pages: NoPages(), registry: MetricRegistry())
        let error = await #expect(throws: AgentError.self) {
            _ = try await check { $0.listenAddresses = ["\(other.addresses[0])"] }.run()
        }
        #expect(error?.message.contains("status 404") == true)
        await other.stop()
    }

    @Test func aWrongVariableIsNamed() async {
        let error = await #expect(throws: AgentError.self) {
            _ = try await Healthcheck(environment: ["NARTHEX_WEB_LISTEN_ADDRESS": "x"]).run()
        }
        #expect(error?.message.hasPrefix("NARTHEX_WEB_LISTEN_ADDRESS: 'x' is no listen address") == true)
    }

    private struct NoPages: StatusPages {
        func metrics(_ format: MetricFormat) -> String { "" }
        func isReady() -> Bool { true }
        func summary() -> StatusSummary {
            StatusSummary(
                version: "", discoveredTargets: 0, healthyTargets: 0, scrapedSamples: 0, bufferedSamples: 0,
                acknowledgedSamples: 0, droppedSamples: 0)
        }
        func eachTargetMetadata(
            _ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool
        ) throws(StatusQueryError) {}
    }
}
