import Platform
import Testing

@testable import Agent

/// Reloads of a whole agent whose receiver and targets are not there: nothing listens on port 1.
@Suite(.timeLimit(.minutes(2))) struct ReloaderTests {
    private final class Setting: Sendable {
        let folder: TemporaryFolder
        let options: AgentOptions

        init(
            _ text: String, watchesEveryMs: Int64? = nil, isAsked: Bool = true, flushDeadlineMs: Int64 = 0
        ) throws {
            folder = try TemporaryFolder()
            var options = AgentOptions(configFile: folder.path + "/narthex.yml")
            options.storagePath = folder.path + "/data"
            options.listenAddress = "127.0.0.1:0"
            options.flushDeadlineMs = flushDeadlineMs
            options.environment["AWS_EC2_METADATA_DISABLED"] = "true"
            options.reloadsByItself = watchesEveryMs == nil || !isAsked ? nil : true
            options.autoReloadIntervalMs = watchesEveryMs
            self.options = options
            try put(text)
        }

        func put(_ text: String) throws {
            try POSIXFiles().replace(options.configFile, with: Array(text.utf8))
        }

        var cursors: Int {
            get throws { try POSIXFiles().list(options.storagePath).count { $0.hasPrefix("cursor-") } }
        }
    }

    private static func text(jobs: [String], urls: [String] = ["a"], labels: String = "{}") -> String {
        let jobs = jobs.map {
            "  - {job_name: \($0), static_configs: [{targets: [\"127.0.0.1:1\"]}]}\n"
        }
        let urls = urls.map { "  - url: http://127.0.0.1:1/\($0)\n" }
        return "global: {scrape_interval: 1s, external_labels: \(labels)}\nscrape_configs:\n"
            + jobs.joined() + "remote_write:\n" + urls.joined()
    }

    private func value(_ name: String, _ agent: Agent) async throws -> String? {
        let page = try await PageClient.get("/metrics", from: agent.statusURL)
        return page.split(separator: "\n").first { $0.hasPrefix("\(name) ") }.map {
            String($0.dropFirst(name.count + 1))
        }
    }

    private func waiting(_ what: String, _ condition: () async throws -> Bool) async throws {
        let clock = SystemClock()
        // A machine that does much else may take long.
        for _ in 0..<3_000 {
            if try await condition() { return }
            try await clock.sleep(forMs: 20)
        }
        Issue.record("never came: \(what)")
    }

    @Test func jobsComeAndGo() async throws {
        let setting = try Setting(Self.text(jobs: ["a", "b"]))
        let agent = try await Agent.start(setting.options)
        try await waiting("first scrapes") { agent.snapshot().endpoints.allSatisfy { $0.isUp == false } }
        try setting.put(Self.text(jobs: ["c", "a"]))
        try await agent.reload()
        try await waiting("the new job") {
            let endpoints = agent.snapshot().endpoints
            return endpoints.map(\.job) == ["c", "a"] && endpoints.allSatisfy { $0.isUp == false }
        }
        try await waiting("the end of the old one") {
            try await !PageClient.get("/metrics", from: agent.statusURL)
                .contains("prometheus_target_scrape_pool_targets{scrape_job=\"b\"}")
        }
        #expect(try await agent.stop().isBalanced)
    }

    @Test func aWrongConfigurationChangesNothing() async throws {
        let setting = try Setting(Self.text(jobs: ["a"]))
        let agent = try await Agent.start(setting.options)
        try await waiting("targets") { agent.snapshot().endpoints.count == 1 }
        try setting.put(Self.text(jobs: ["a", "b"]) + "nonsense: 1\nmore: 2\n")
        let error = await #expect(throws: AgentError.self) { try await agent.reload() }
        #expect(error?.message.contains("nonsense") == true && error?.message.contains("more") == true)
        #expect(try await value("prometheus_config_last_reload_successful", agent) == "0")
        #expect(agent.snapshot().endpoints.map(\.job) == ["a"])
        let page = try await PageClient.get("/", from: agent.statusURL)
        #expect(page.contains("nonsense") && page.contains("more") && page.contains(Self.saidOfFaults))
        // One that is right, but whose region nobody knows, neither.
        try setting.put(Self.text(jobs: ["a", "b"], urls: ["a", "z"]) + "    sigv4: {}\n")
        await #expect(throws: AgentError.self) { try await agent.reload() }
        #expect(agent.snapshot().endpoints.map(\.job) == ["a"])
        #expect(try setting.cursors == 1)
        try setting.put(Self.text(jobs: ["a"]))
        try await agent.reload()
        #expect(try await value("prometheus_config_last_reload_successful", agent) == "1")
        #expect(try await !PageClient.get("/", from: agent.statusURL).contains(Self.saidOfFaults))
        #expect(try await agent.stop().isBalanced)
    }

    private static let saidOfFaults = "is not the one at its source"

    @Test func aDestinationThatIsTheAgentItselfIsRefusedWithThePortThatTheKernelChose() async throws {
        let setting = try Setting(Self.text(jobs: ["a"]))
        let agent = try await Agent.start(setting.options)
        let own = "  - url: \(agent.statusURL.replacing("127.0.0.1", with: "localhost"))write\n"
        try setting.put(Self.text(jobs: ["a", "b"]) + own)
        let error = await #expect(throws: AgentError.self) { try await agent.reload() }
        #expect(error?.message.contains("narthex.yml:7:10: the url of this remote_write leads") == true)
        #expect(error?.message.contains(agent.statusURL.dropFirst("http://".count).dropLast()) == true)
        #expect(try await value("prometheus_config_last_reload_successful", agent) == "0")
        #expect(agent.snapshot().endpoints.map(\.job) == ["a"])
        #expect(try setting.cursors == 1)
        #expect(try await agent.stop().isBalanced)
    }

    @Test func destinationsComeGoAndChangeTheirURL() async throws {
        let setting = try Setting(Self.text(jobs: ["a"], urls: ["a"]))
        let agent = try await Agent.start(setting.options)
        try await waiting("samples") { agent.snapshot().scraped > 0 }
        // Exactly one URL changed: its cursor goes on.
        try setting.put(Self.text(jobs: ["a"], urls: ["b"]))
        try await agent.reload()
        let renamed = try #require(agent.snapshot().destinations.first)
        #expect(renamed.buffered > 0 && agent.snapshot().isBalanced)
        #expect(try setting.cursors == 1)
        // One is added, and begins now.
        try setting.put(Self.text(jobs: ["a"], urls: ["b", "c"]))
        try await agent.reload()
        let both = agent.snapshot().destinations
        try #require(both.count == 2)
        #expect(both[0].name == renamed.name && both[0].earlier == 0 && both[1].earlier > 0)
        #expect(try setting.cursors == 2)
        // The older one is removed with its backlog.
        try setting.put(Self.text(jobs: ["a"], urls: ["c"]))
        try await agent.reload()
        #expect(agent.snapshot().destinations.map(\.name) == [both[1].name])
        #expect(try setting.cursors == 1)
        let retired = try #require(try await value("narthex_retired_destination_samples_total", agent))
        // Its backlog only grows until then, as nothing is answered.
        #expect((Double(retired) ?? 0) >= Double(both[0].buffered))
        let page = try await PageClient.get("/metrics", from: agent.statusURL)
        #expect(!page.contains("remote_name=\"\(renamed.name)\""))
        try await waiting("samples of the new one") { agent.snapshot().destinations[0].buffered > 0 }
        #expect(try await agent.stop().isBalanced)
        // The next start finds the cursor of what runs.
        let next = try await Agent.start(setting.options)
        #expect(next.snapshot().destinations.map(\.name) == [both[1].name])
        #expect(next.snapshot().destinations[0].buffered > 0)
        _ = try await next.stop()
    }

    @Test func aChangeOfTheFileIsSeen() async throws {
        let setting = try Setting(Self.text(jobs: ["a"]), watchesEveryMs: 1_000)
        let agent = try await Agent.start(setting.options)
        try setting.put("nonsense")
        try await waiting("the fault") {
            try await value("prometheus_config_last_reload_successful", agent) == "0"
        }
        try setting.put(Self.text(jobs: ["a"]))
        try await waiting("what runs") {
            try await value("prometheus_config_last_reload_successful", agent) == "1"
        }
        try setting.put(Self.text(jobs: ["a", "b"]))
        try await waiting("the new job") { agent.snapshot().endpoints.map(\.job) == ["a", "b"] }
        #expect(try await agent.stop().isBalanced)
    }

    /// A file is not watched unasked; one that has become a job with a source elsewhere is.
    @Test func aWatchBeginsWithTheFirstSourceElsewhere() async throws {
        let setting = try Setting(Self.text(jobs: ["a"]), watchesEveryMs: 100, isAsked: false)
        let agent = try await Agent.start(setting.options)
        func job(_ name: String) -> String {
            let content = Self.text(jobs: [name]).split(separator: "\n").map { "      \($0)\n" }.joined()
            return """
                files:
                  \(setting.folder.path)/x.txt:
                    source: {Url: {Url: "http://127.0.0.1:1/a"}}
                    ignore_if_failed: true
                  /none/prometheus.yml:
                    content: |
                \(content)
                """
        }
        try setting.put(job("b"))
        try await agent.reload()
        try await waiting("the job's configuration") { agent.snapshot().endpoints.map(\.job) == ["b"] }
        try setting.put(job("c"))
        try await waiting("the change") { agent.snapshot().endpoints.map(\.job) == ["c"] }
        // A job that is wrong is a reload that failed, as a wrong configuration is.
        try setting.put(job("d").replacing("content: |", with: "encoding: hex\n    content: |"))
        try await waiting("the refusal") {
            try await value("prometheus_config_last_reload_successful", agent) == "0"
        }
        #expect(agent.snapshot().endpoints.map(\.job) == ["c"])
        #expect(try await agent.stop().isBalanced)
    }

    @Test func aStopAmongReloadsIsOrderly() async throws {
        let setting = try Setting(Self.text(jobs: ["a"]))
        let agent = try await Agent.start(setting.options)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                try setting.put(Self.text(jobs: ["a", "b\(number)"], urls: ["u\(number % 3)", "v"]))
                group.addTask {
                    // One that comes after the stop is refused.
                    try? await agent.reload()
                }
            }
            let last = try await agent.stop()
            #expect(last.isBalanced)
        }
        #expect(try setting.cursors == 2 || setting.cursors == 1)
        await #expect(throws: AgentError.self) { try await agent.reload() }
    }

    /// A page of the moment in which a destination takes another name must not call it unbalanced.
    @Test func everySnapshotAmongReloadsIsBalanced() async throws {
        let setting = try Setting(Self.text(jobs: ["a"], urls: ["u0"]))
        let agent = try await Agent.start(setting.options)
        try await waiting("samples") { agent.snapshot().scraped > 0 }
        let isOver = Event()
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !isOver.isSignalled {
                    #expect(agent.snapshot().isBalanced)
                    await Task.yield()
                }
            }
            for number in 1..<30 {
                try? setting.put(Self.text(jobs: ["a"], urls: ["u\(number)"]))
                try? await agent.reload()
            }
            isOver.signal()
        }
        #expect(try await agent.stop().isBalanced)
    }

    /// Senders that a reload is beginning are told as well.
    @Test func aStopAtOnceThatComesAmongReloadsHolds() async throws {
        let setting = try Setting(Self.text(jobs: ["a"], urls: ["a"]), flushDeadlineMs: 100_000)
        let agent = try await Agent.start(setting.options)
        try await waiting("samples") { agent.snapshot().scraped > 0 }
        await agent.stopAtOnce()
        try setting.put(Self.text(jobs: ["a"], urls: ["b"]))
        try await agent.reload()
        let clock = SystemClock()
        let startNs = clock.monotonicNs
        #expect(try await agent.stop().isBalanced)
        #expect((clock.monotonicNs - startNs) / 1_000_000 < 50_000)
    }

    @Test func everyReloadReopensFailureLogs() async throws {
        let setting = try Setting(Self.text(jobs: ["a"]))
        let log = setting.folder.path + "/failures.log"
        let text = Self.text(jobs: ["a"]).replacing(
            "job_name: a,", with: "job_name: a, scrape_failure_log_file: \(log),")
        try setting.put(text)
        let files = POSIXFiles()
        let agent = try await Agent.start(setting.options)
        try await waiting("a line") { try files.status(log).map { $0.length > 0 } ?? false }
        try files.rename(log, to: log + ".1")
        // Nothing has changed, and it is a reload all the same.
        try await agent.reload()
        try await waiting("a line in the new file") { try files.status(log).map { $0.length > 0 } ?? false }
        _ = try await agent.stop()
    }

    /// The cursor of a destination that is added cannot be made, so that the job beside it does not come.
    @Test func aReloadThatFailsLateShowsNothing() async throws {
        let setting = try Setting(Self.text(jobs: ["a"]))
        let files = StallingFiles()
        let agent = try await Agent.start(setting.options, files: files)
        try setting.put(Self.text(jobs: ["a", "b"], urls: ["a", "z"]))
        files.refuse("/cursor-")
        let error = await #expect(throws: AgentError.self) { try await agent.reload() }
        #expect(error?.message.contains("--storage.agent.path") == true)
        let page = try await PageClient.get("/metrics", from: agent.statusURL)
        #expect(!page.contains("scrape_job=\"b\"") && !page.contains("config=\"b\""))
        files.refuse(nil)
        try await agent.reload()
        #expect(agent.snapshot().destinations.count == 2)
        #expect(try await agent.stop().isBalanced)
    }

    /// One that comes back while the former one ends keeps its rows.
    @Test func aJobThatComesBackHasItsFigures() async throws {
        let setting = try Setting(Self.text(jobs: ["a", "b"]))
        let agent = try await Agent.start(setting.options)
        for _ in 0..<10 {
            try setting.put(Self.text(jobs: ["a"]))
            try await agent.reload()
            try setting.put(Self.text(jobs: ["a", "b"]))
            try await agent.reload()
        }
        try await waiting("targets") { agent.snapshot().endpoints.count == 2 }
        try await SystemClock().sleep(forMs: 200)
        let page = try await PageClient.get("/metrics", from: agent.statusURL)
        #expect(page.contains("prometheus_target_scrape_pool_targets{scrape_job=\"b\"} 1\n"))
        #expect(page.contains("prometheus_sd_discovered_targets{name=\"scrape\",config=\"b\"} 1\n"))
        #expect(try await agent.stop().isBalanced)
    }
}
