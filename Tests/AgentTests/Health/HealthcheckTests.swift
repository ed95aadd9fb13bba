import Platform
import StatusServer
import Telemetry
import Testing

@testable import Agent

#if canImport(Glibc)
import Glibc
#endif

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

    private func check(
        _ environment: [String: String] = [:], _ change: (inout Healthcheck) -> Void = { _ in }
    ) -> Healthcheck {
        var check = Healthcheck(environment: environment, commands: ["run", "discover", "check-config"])
        // Other tests run at the same time; that it takes two seconds at most is seen of the program.
        check.askingMs = 20_000
        // No process 1 is seen, nor what else runs on this machine.
        check.processes = "/nonexistent"
        check.standardAddress = ListenAddress(host: "127.0.0.1", port: 1)
        check.standardDirectories = ["/nonexistent"]
        change(&check)
        return check
    }

    /// A directory as the kernel's of processes, in which process 1 has this command line.
    private func processes(
        _ folder: TemporaryFolder, _ words: [String], isOurs: Bool = true
    ) throws -> String {
        let files = POSIXFiles()
        let place = folder.path + "/proc"
        for name in ["1", "1/cwd", "self"] { try files.makeDirectory("\(place)/\(name)") }
        try files.replace(place + "/1/cmdline", with: Array(words.map { $0 + "\0" }.joined().utf8))
        try files.replace(place + "/self/exe", with: Array("a program".utf8))
        guard isOurs else {
            try files.replace(place + "/1/exe", with: Array("another one".utf8))
            return place
        }
        // Safety: both paths live through the call.
        let failure = unsafe link(place + "/self/exe", place + "/1/exe")
        try #require(failure == 0)
        return place
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
        let other = check(["NARTHEX_WEB_LISTEN_ADDRESS": "127.0.0.1:1"]) {
            $0.storagePath = folder.path + "/data"
        }
        #expect(try await other.run() != "http://127.0.0.1:1/-/healthy")
        // A variable alone is enough, and a file that a killed agent has left does not stand in its way.
        let port = agent.statusURL.split(separator: ":").last?.dropLast() ?? ""
        let stale = check(["NARTHEX_WEB_LISTEN_ADDRESS": ":1, 0.0.0.0:\(port)"]) {
            $0.storagePath = folder.path
        }
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

    @Test func aWrongVariableIsNamedAndHidesNoHealthyAgent() async throws {
        let folder = try TemporaryFolder()
        let wrong = ["NARTHEX_WEB_LISTEN_ADDRESS": "x"]
        let error = await #expect(throws: AgentError.self) { _ = try await check(wrong).run() }
        #expect(
            error?.message.contains("NARTHEX_WEB_LISTEN_ADDRESS: 'x' is no listen address") == true)
        // The agent had a flag, which comes before the variable.
        let agent = try await started(folder)
        let found = try await check(wrong) { $0.storagePath = folder.path + "/data" }.run()
        #expect(found.hasSuffix("/-/healthy"))
        try await agent.stop()
    }

    @Test func theDefaultsAreAskedWhereNothingSaysWhere() async throws {
        let standard = Healthcheck(environment: [:], commands: [])
        #expect("\(standard.standardAddress)" == "127.0.0.1:9090")
        #expect(standard.standardDirectories == ["data-agent/", "."])
        let folder = try TemporaryFolder()
        let agent = try await started(folder)
        let port = try #require(agent.statusURL.split(separator: ":").last.flatMap { Int($0.dropLast()) })
        let directories = check { $0.standardDirectories.append(folder.path + "/data") }
        #expect(try await directories.run() == "http://127.0.0.1:\(port)/-/healthy")
        let address = check { $0.standardAddress = ListenAddress(host: "127.0.0.1", port: port) }
        #expect(try await address.run() == "http://127.0.0.1:\(port)/-/healthy")
        try await agent.stop()
    }

    // MARK: Process 1

    @Test func processOneTellsTheStorageDirectory() async throws {
        let folder = try TemporaryFolder()
        let agent = try await started(folder, prefix: "/prom")
        for words in [
            ["/bin/narthex", "run", "--storage.agent.path=\(folder.path)/data"],
            ["prometheus", "--agent", "--config.file=x", "--storage.tsdb.path", "\(folder.path)/data"],
            ["narthex", "run", "--config.file=x", "--storage.agent.path=../../../data"],
        ] {
            let own = try TemporaryFolder()
            let place = try processes(own, words)
            // The last one is relative to the working directory of process 1.
            try POSIXFiles().makeDirectory(own.path + "/data")
            try StatusAddressFile(storagePath: own.path + "/data", files: POSIXFiles())
                .store([agent.statusURL])
            let url = try await check { $0.processes = place }.run()
            #expect(url.hasSuffix("/prom/-/healthy"), "\(words)")
            withExtendedLifetime(own) {}
        }
        try await agent.stop()
    }

    @Test func processOneTellsItsAddressesAndThePathOfItsPages() async throws {
        let folder = try TemporaryFolder()
        let agent = try await started(folder, prefix: "/prom")
        let port = try #require(agent.statusURL.split(separator: "/")[1].split(separator: ":").last)
        let pages = "http://127.0.0.1:\(port)/prom/-/healthy"
        for flags in [["--web.route-prefix=prom"], ["--web.external-url=https://example.com/prom"]] {
            let (folder, second) = (try TemporaryFolder(), try TemporaryFolder())
            let place = try processes(
                folder,
                ["narthex", "run", "--web.listen-address=:1", "--web.listen-address=0.0.0.0:\(port)"] + flags)
            #expect(try await check { $0.processes = place }.run() == pages)
            // The variable holds where the command has no flag.
            let other = try processes(second, ["narthex", "run"] + flags)
            let environment = ["NARTHEX_WEB_LISTEN_ADDRESS": ":\(port)"]
            #expect(try await check(environment) { $0.processes = other }.run() == pages)
            // A flag of this command alone is what is asked.
            await #expect(throws: AgentError.self) {
                try await check {
                    $0.processes = place
                    $0.listenAddresses = [":1"]
                }.run()
            }
            withExtendedLifetime((folder, second)) {}
        }
        try await agent.stop()
    }

    @Test(arguments: [
        ["narthex", "discover", "--write-to=/output/x.yml"], ["/bin/prometheus-ecs-discovery"],
        ["narthex", "-config.write-to=/output/x.yml"],
    ]) func discoveryAsProcessOneIsHealthy(words: [String]) async throws {
        let folder = try TemporaryFolder()
        let place = try processes(folder, words)
        #expect(try await check { $0.processes = place }.run().contains("narthex discover"))
        withExtendedLifetime(folder) {}
    }

    @Test func whatProcessOneIsOtherwiseIsNoReasonToStop() async throws {
        let folder = try TemporaryFolder()
        let agent = try await started(folder)
        let environment = ["NARTHEX_WEB_LISTEN_ADDRESS": "127.0.0.1:1"]
        let data = folder.path + "/data"
        for (words, isOurs) in [
            // Another program, which is called alike and has flags of its own.
            (["/bin/prometheus", "--storage.agent.path=\(data)"], false),
            (["/sbin/init", "splash"], false), (["narthex", "check-config"], true), ([], true),
            (["narthex", "run", "--storage.agent.path"], true), (["narthex", "nonsense"], true),
            (["narthex", "run", "--web.listen-address=\u{7}", "--web.route-prefix=a b"], true),
            (["narthex", "run", "@/nonexistent"], true),
            (["narthex", "run", "--storage.agent.path=" + String(repeating: "x/", count: 140_000)], true),
        ] {
            let own = try TemporaryFolder()
            let place = try processes(own, words, isOurs: isOurs)
            let error = await #expect(throws: AgentError.self) {
                try await check(environment) { $0.processes = place }.run()
            }
            #expect(error?.message.hasPrefix("no healthy agent answers:") == true)
            withExtendedLifetime(own) {}
        }
        let (second, third) = (try TemporaryFolder(), try TemporaryFolder())
        let broken = try processes(second, [])
        for bytes in [[], [0], [0xFF, 0], Array("narthex".utf8)] as [[UInt8]] {
            try POSIXFiles().replace(broken + "/1/cmdline", with: bytes)
            #expect(MainProcess.read(processes: broken, files: POSIXFiles()) == nil, "\(bytes)")
        }
        // Where it may not be known which file it is, its name counts.
        let hidden = try processes(third, ["/bin/narthex", "run", "--storage.agent.path=\(data)"])
        try POSIXFiles().remove(hidden + "/1/exe")
        #expect(try await check(environment) { $0.processes = hidden }.run().hasSuffix("/-/healthy"))
        withExtendedLifetime((second, third)) {}
        try await agent.stop()
    }

    private struct NoPages: StatusPages {
        func metrics(_ format: MetricFormat) -> String { "" }
        func isReady() -> Bool { true }
        func summary() -> StatusSummary {
            StatusSummary(
                version: "", discoveredTargets: 0, healthyTargets: 0, scrapedSamples: 0, bufferedSamples: 0,
                acknowledgedSamples: 0, droppedSamples: 0)
        }
        func memory() -> String? { nil }
        func ledger() -> String { "" }
        func eachTargetMetadata(
            _ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool
        ) throws(StatusQueryError) {}
    }
}
