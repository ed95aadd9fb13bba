import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// One run of one agent: a fleet and an endpoint of its own, a fresh folder, one scenario.
struct RaceRun {
    let plan: RacePlan
    let agent: RaceAgent
    let scenario: RaceScenario
    let round: Int
    private let clock = SystemClock()
    private let probe = PageProbe()

    init(plan: RacePlan, agent: RaceAgent, scenario: RaceScenario, round: Int) {
        self.plan = plan
        self.agent = agent
        self.scenario = scenario
        self.round = round
    }

    /// Never throws: what an agent does wrong is a result, and so is a run that could not be made. The
    /// results of the runs before must not be lost with it.
    func measure() async -> RaceResult {
        var result = RaceResult(agent: agent.name, scenario: scenario.rawValue, round: round)
        do {
            try await measure(into: &result)
        } catch {
            result.fault = String(describing: error)
        }
        return result
    }

    private func measure(into result: inout RaceResult) async throws {
        let folder = try TemporaryFolder(name: "narthex-race")
        defer { folder.remove() }
        let box = try AgentBox(plan.limits, name: "narthex-race-\(getpid())")
        defer { box.remove() }
        let fleet = try await StandInFleet(
            plan.session(folder.path, churns: scenario == .churn), queue: agent.queue,
            protocols: agent.protocols, isSigned: agent.isSigned, writes: !agent.command.has(.url))
        defer { fleet.stop() }
        // Before the start: a change while an agent begins to watch the file might not be seen for minutes.
        try fleet.giveTargets()
        let data = "\(folder.path)/data"
        // Safety: mkdir reads the null-terminated path it is given.
        guard unsafe mkdir(data, 0o700) == 0 else { throw BenchError("cannot make \(data): errno \(errno)") }
        let listen = "127.0.0.1:\(try FreePort.find())"
        let command = agent.command.filled { place in
            switch place {
            case .config: fleet.configurationPath
            case .dir: data
            case .listen: listen
            case .url: fleet.places.amp.url
            }
        }
        let process = RacedProcess(
            command, environment: agent.environment, folder: folder.path, box: box)
        do {
            try await measure(process, fleet, into: &result)
        } catch {
            result.fault = String(describing: error)
        }
        if process.end(SIGTERM) != 0, result.fault == nil {
            result.notes.append("did not end orderly within a minute of SIGTERM")
        }
    }

    private func measure(
        _ process: RacedProcess, _ fleet: StandInFleet, into result: inout RaceResult
    ) async throws {
        try await fleet.order(answers, probe)
        try process.start()
        try await warmUp(process, fleet)
        var meter = try await RaceMeter(process, fleet, probe)
        let fromMs = clock.wallMs
        var ends = DeliveryCheck.Ends(cutoffMs: 0)
        try await live(process, fleet, &meter, &ends, &result)
        result.figures.merge(try await meter.figures(series: plan.targets * plan.series)) { $1 }
        result.points = meter.points
        ends.cutoffMs = clock.wallMs
        try await settle(fleet, ends, process, into: &result)
        let span = fromMs..<max(fromMs + 1, ends.cutoffMs)
        let served = try await fleet.servedPages(probe).filter { span.contains($0.endMs) }
        result.figures[.scrapedShare] = Double(served.count) / plan.scrapesDue(inMs: span.count)
        if !plan.isPlainText, !served.isEmpty {
            result.figures[.asSetShare] = Double(served.count { $0.isAsSet }) / Double(served.count)
        }
        let counts = try await fleet.endpointCounts(probe)
        result.figures[.duplicates] = Double(counts.duplicates)
        result.figures[.outOfOrder] = Double(counts.outOfOrder)
        result.figures[.refused] = Double(counts.refused)
        result.figures[.unsigned] = Double(counts.unsigned)
        result.figures[.badlySigned] = Double(counts.signaturesRefused)
    }

    /// The endpoint's order for the whole of the run.
    private var answers: String {
        let ms = scenario == .far ? plan.farMs : plan.answerMs
        return ms > 0 ? "{\"fault\": \"delay\", \"delayMs\": \(ms)}" : "{\"fault\": \"none\"}"
    }

    private func warmUp(_ process: RacedProcess, _ fleet: StandInFleet) async throws {
        for second in 0..<max(plan.warmupSeconds, plan.intervalSeconds * 2 + 60) {
            try await clock.sleep(forMs: 1_000)
            _ = try process.count()
            if second == 0 { try process.checkLimits() }
            let samples = try await fleet.endpointCounts(probe).samples
            if second + 1 >= plan.warmupSeconds, samples > 0 { return }
        }
        let counts = try await fleet.endpointCounts(probe)
        throw BenchError(
            "the endpoint had no sample \(plan.intervalSeconds * 2 + 60) s after the start, and refused "
                + "\(counts.signaturesRefused) requests for their signature; \(process.logEnd)")
    }

    /// The measured time. An outage lasts until the agent has caught up, or is given up.
    private func live(
        _ process: RacedProcess, _ fleet: StandInFleet, _ meter: inout RaceMeter,
        _ ends: inout DeliveryCheck.Ends, _ result: inout RaceResult
    ) async throws {
        let eventAt = plan.eventAt
        let enough = scenario == .outage ? plan.outageRunSeconds : plan.seconds
        var isCaughtUp = scenario != .outage
        var second = 0
        while second < enough || (!isCaughtUp && second < enough + plan.settleSeconds) {
            try await clock.sleep(forMs: 1_000)
            second += 1
            try await meter.look()
            if second == eventAt - plan.killOutageSeconds, scenario == .kill || scenario == .restart {
                try await fleet.order("{\"fault\": \"status\", \"status\": 503}", probe)
            }
            if second == eventAt { try await happen(process, fleet, &ends) }
            let since = second - eventAt - plan.outageSeconds
            if !isCaughtUp, Self.isLook(since), try await behind(fleet, ends) == 0 {
                isCaughtUp = true
                result.figures[.catchUpSeconds] = Double(since)
            }
        }
        if !isCaughtUp { result.notes.append("had not caught up when it was given up") }
    }

    private func happen(
        _ process: RacedProcess, _ fleet: StandInFleet, _ ends: inout DeliveryCheck.Ends
    ) async throws {
        switch scenario {
        case .steady, .churn, .far, .ramp: break
        case .restart, .kill:
            try again(process, scenario == .kill ? SIGKILL : SIGTERM, &ends)
            try await fleet.order(answers, probe)
        case .outage:
            try await fleet.order(
                "{\"fault\": \"status\", \"status\": 503, \"forMs\": \(plan.outageSeconds * 1_000)}", probe)
        }
    }

    /// Whether the agent's backlog is looked for so many seconds after an outage. Each look costs the
    /// stand-ins a page of all that they know, which must not compete with what is measured: every second
    /// at first, where there is little, every five later.
    static func isLook(_ seconds: Int) -> Bool { seconds > 0 && (seconds <= 5 || seconds % 5 == 0) }

    /// Samples missing of all pages but those of the last seconds, which may be on their way.
    private func behind(_ fleet: StandInFleet, _ ends: DeliveryCheck.Ends) async throws -> Int {
        var ends = ends
        ends.cutoffMs = clock.wallMs - Self.onTheirWayMs
        return try await check(fleet, ends).missing
    }

    /// Longer than any of the agents keeps samples before it sends them: Prometheus waits up to 5 s by
    /// default.
    private static let onTheirWayMs: Int64 = 6_000

    private func check(_ fleet: StandInFleet, _ ends: DeliveryCheck.Ends) async throws -> DeliveryCheck {
        DeliveryCheck(
            pages: try await fleet.servedPages(probe), arrivals: try await fleet.arrivedScrapes(probe),
            intervalMs: Int64(plan.intervalSeconds) * 1_000, ends: ends, instance: StandInFleet.instance)
    }

    /// Ends the agent and starts it again. What it was served in the last second before the signal may have
    /// been in the kernel's hands only.
    private func again(
        _ process: RacedProcess, _ signal: Int32, _ ends: inout DeliveryCheck.Ends
    ) throws(BenchError) {
        let fromMs = clock.wallMs - 1_000
        process.end(signal)
        ends.undecidedMs.append(fromMs...clock.wallMs)
        try process.start()
    }

    /// Waits until nothing is missing, or for so long that what is missing will not come.
    private func settle(
        _ fleet: StandInFleet, _ ends: DeliveryCheck.Ends, _ process: RacedProcess,
        into result: inout RaceResult
    ) async throws {
        var check: DeliveryCheck
        var waited = 0
        repeat {
            try await clock.sleep(forMs: 1_000)
            waited += 1
            _ = try process.count()
            check = try await self.check(fleet, ends)
        } while check.missing > 0 && waited < plan.settleSeconds
        for example in check.examples {
            result.notes.append(
                "of the \(example.page.samples) samples that \(example.instance) gave at "
                    + "\(Timestamp.text(ms: example.page.endMs)), \(example.arrived) arrived")
        }
        result.figures[.exposed] = Double(check.exposed)
        result.figures[.missing] = Double(check.missing)
        result.figures[.givenUp] = Double(check.givenUp)
        result.figures[.undecided] = Double(check.undecided)
        result.figures[.surplus] = Double(check.surplus)
    }
}
