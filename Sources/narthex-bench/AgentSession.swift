import ArgumentParser
import HTTPTransport
import Platform

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
        /// More flags of the agent.
        var flags: [String] = []
        /// What the agent's command line begins with.
        var prefix: [String] = []

        /// Of the agent.
        var storagePath: String { "\(folder)/data" }
    }

    let plan: Plan
    let clock = SystemClock()
    let probe = PageProbe()
    let fleet: StandInFleet
    let agent: ChildProcess
    /// Of the agent's pages, with a slash at the end.
    let status: String

    /// A program that lies where this one does.
    static func beside(_ name: String) -> String {
        let own = ProcessArguments.program
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
        fleet = try await StandInFleet(plan)
        do {
            agent = try ChildProcess(
                plan.prefix + [
                    plan.agentPath, "run", "--config.file=\(fleet.configurationPath)",
                    "--storage.agent.path=\(plan.storagePath)", "--web.listen-address=127.0.0.1:0",
                ] + plan.flags, environment: ["SWIFT_BACKTRACE": "enable=no"],
                outputPath: "\(plan.folder)/agent.log")
        } catch {
            fleet.stop()
            throw error
        }
        do {
            status = try await Self.statusURL(plan, clock: clock)
            try await probe.untilReady("\(status)-/ready", clock: clock)
            // Five seconds after its start the agent gives back what only the start needed.
            try await clock.sleep(forMs: 7_000)
        } catch {
            agent.stop(withinSeconds: 10)
            fleet.stop()
            throw error
        }
    }

    /// Ends both; throws when the agent does not end orderly.
    func stop() throws(BenchError) {
        let isOrderly = agent.stop(withinSeconds: 30) == 0
        fleet.stop()
        if !isOrderly { throw failure("the agent did not stop orderly") }
    }

    /// Ends both, whatever state they are in.
    func abandon() {
        agent.stop(withinSeconds: 10)
        fleet.stop()
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

    /// An error with the end of the agent's log.
    func failure(_ what: String) -> BenchError { Self.failure(what, plan) }

    private static func failure(_ what: String, _ plan: Plan) -> BenchError {
        let log = StandInPlaces.text(of: "\(plan.folder)/agent.log") ?? ""
        let end = log.split(separator: "\n").suffix(10).joined(separator: "\n")
        return BenchError("\(what); its log ends:\n\(end)")
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
