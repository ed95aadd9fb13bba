import ArgumentParser
import HTTPTransport
import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// Stand-ins and the agent, a process each: begun idle, given its targets later.
struct AgentSession {
    /// Where programs and files are, and what the agent is to scrape.
    struct Plan {
        let folder: String
        let agentPath: String
        let standInsPath: String
        let targets: Int
        let series: Int
        let intervalSeconds: Int
        /// More flags of the stand-ins.
        var fleet: [String] = []
        /// What the agent's command line begins with.
        var prefix: [String] = []
    }

    private static let accessKey = "AKIDBENCH"
    private static let secretKey = "bench-secret"

    let plan: Plan
    let clock = SystemClock()
    let probe = PageProbe()
    let standIns: ChildProcess
    let agent: ChildProcess
    let places: StandInPlaces
    /// Of the agent's pages, with a slash at the end.
    let status: String

    /// A program that lies where this one does.
    static func beside(_ name: String) -> String {
        let own = CommandLine.arguments[0]
        guard let slash = own.lastIndex(of: "/") else { return name }
        return String(own[...slash]) + name
    }

    /// A session from start to stop: prints what `measure` finds, and throws when a bound is exceeded.
    static func report(
        _ plan: Plan, measure: (AgentSession) async throws -> BudgetReport
    ) async throws {
        let session = try await AgentSession(plan)
        do {
            let report = try await measure(session)
            try session.stop()
            print(report.text, terminator: "")
            if report.isExceeded { throw ExitCode(1) }
        } catch {
            session.abandon()
            throw error
        }
    }

    /// Starts both and waits until the agent has nothing to do. Whoever gets it stops it.
    init(_ plan: Plan) async throws {
        self.plan = plan
        let standInsOutput = "\(plan.folder)/stand-ins.log"
        standIns = try ChildProcess(
            [
                plan.standInsPath, "--exporters", "\(plan.targets)", "--series", "\(plan.series)",
                "--amp-port", "0", "--access-key", Self.accessKey, "--secret-key", Self.secretKey,
            ] + plan.fleet, outputPath: standInsOutput)
        do {
            places = try await StandInPlaces.read(from: standInsOutput, clock: clock)
            try Self.write("\(plan.folder)/targets.json", "[]")
            try Self.write("\(plan.folder)/narthex.yml", Self.configuration(plan, amp: places.amp.url))
            agent = try ChildProcess(
                plan.prefix + [
                    plan.agentPath, "run", "--config.file=\(plan.folder)/narthex.yml",
                    "--storage.agent.path=\(plan.folder)/data", "--web.listen-address=127.0.0.1:0",
                ], environment: ["SWIFT_BACKTRACE": "enable=no"], outputPath: "\(plan.folder)/agent.log")
        } catch {
            standIns.stop(withinSeconds: 10)
            throw error
        }
        do {
            status = try await Self.statusURL(plan, clock: clock)
            try await probe.untilReady("\(status)-/ready", clock: clock)
            // Five seconds after its start the agent gives back what only the start needed.
            try await clock.sleep(forMs: 7_000)
        } catch {
            agent.stop(withinSeconds: 10)
            standIns.stop(withinSeconds: 10)
            throw error
        }
    }

    /// Ends both; throws when the agent does not end orderly.
    func stop() throws(BenchError) {
        let isOrderly = agent.stop(withinSeconds: 30) == 0
        standIns.stop(withinSeconds: 10)
        if !isOrderly { throw failure("the agent did not stop orderly") }
    }

    /// Ends both, whatever state they are in.
    func abandon() {
        agent.stop(withinSeconds: 10)
        standIns.stop(withinSeconds: 10)
    }

    /// Shows the agent its targets.
    func giveTargets() throws(BenchError) {
        try Self.write("\(plan.folder)/targets.json.new", targetFile)
        // Safety: both strings are bridged with a closing zero and live through the call.
        guard
            unsafe rename("\(plan.folder)/targets.json.new", "\(plan.folder)/targets.json") == 0
        else { throw BenchError("cannot rename the target file: errno \(errno)") }
    }

    /// The sum of all series of one family of the agent's metrics.
    func sum(of family: String) async throws -> Double {
        try await probe.sum(of: family, at: "\(status)metrics")
    }

    /// Samples that the endpoint has taken.
    func delivered() async throws -> Double {
        try await sum(of: "narthex_ledger_delivered_samples_total")
    }

    /// Waits for at least so many of them, and returns how many there are.
    func untilDelivered(_ wanted: Double, withinSeconds seconds: Int) async throws -> Double {
        for _ in 0..<seconds * 4 {
            let delivered = try await delivered()
            if delivered >= wanted { return delivered }
            try await clock.sleep(forMs: 250)
        }
        throw failure("\(wanted) samples were not delivered within \(seconds) s")
    }

    /// What the endpoint has counted.
    func endpointCounts() async throws -> EndpointCounts {
        try EndpointCounts.decode(try await probe.page("\(places.amp.origin)/stats"))
    }

    /// When each exporter was scraped.
    func scrapeTimes() async throws -> [ScrapeTimes] {
        guard let first = places.exporters.first,
            let times = ScrapeTimes.all(in: try await probe.page("http://\(first.address)/scrapes"))
        else { throw BenchError("the exporters do not tell when they were scraped") }
        return times
    }

    /// An error with the end of the agent's log.
    func failure(_ what: String) -> BenchError { Self.failure(what, plan) }

    private static func failure(_ what: String, _ plan: Plan) -> BenchError {
        let log = StandInPlaces.text(of: "\(plan.folder)/agent.log") ?? ""
        let end = log.split(separator: "\n").suffix(10).joined(separator: "\n")
        return BenchError("\(what); its log ends:\n\(end)")
    }

    private static func configuration(_ plan: Plan, amp: String) -> String {
        """
        global:
          scrape_interval: \(plan.intervalSeconds)s
          scrape_timeout: \(min(10, plan.intervalSeconds))s
        scrape_configs:
          - job_name: fleet
            file_sd_configs:
              - files: ['\(plan.folder)/targets.json']
        remote_write:
          - url: \(amp)
            sigv4:
              region: eu-west-1
              access_key: \(accessKey)
              secret_key: \(secretKey)

        """
    }

    private var targetFile: String {
        "["
            + places.exporters.enumerated().map { index, exporter in
                """
                {"targets": ["\(exporter.address)"], "labels": {"__metrics_path__": "\(exporter.path)", \
                "instance": "exporter-\(index)"}}
                """
            }.joined(separator: ",\n") + "]\n"
    }

    private static func write(_ path: String, _ text: String) throws(BenchError) {
        // Safety: the strings live through their calls; the file is closed once, here, and unused afterwards.
        guard let file = unsafe fopen(path, "w") else { throw BenchError("cannot write \(path)") }
        let written = unsafe fputs(text, file)
        guard unsafe fclose(file) == 0, written >= 0 else { throw BenchError("cannot write \(path)") }
    }

    /// Where the agent says its pages are: it was told to take any free port.
    private static func statusURL(_ plan: Plan, clock: some AgentClock) async throws -> String {
        for _ in 0..<300 {
            if let log = StandInPlaces.text(of: "\(plan.folder)/agent.log"),
                let start = log.firstRange(of: "status=\"")?.upperBound
                    ?? log.firstRange(of: "status=")?.upperBound,
                let end = log[start...].firstIndex(where: { $0 == "\"" || $0 == " " || $0 == "\n" })
            {
                return String(log[start..<end])
            }
            try await clock.sleep(forMs: 100)
        }
        throw failure("the agent did not say within 30 s where its pages are", plan)
    }
}
