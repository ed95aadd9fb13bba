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

    private let interruption: RaceInterruption

    init(
        plan: RacePlan, agent: RaceAgent, scenario: RaceScenario, round: Int,
        interruption: RaceInterruption
    ) {
        self.plan = plan
        self.agent = agent
        self.scenario = scenario
        self.round = round
        self.interruption = interruption
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
            plan.session(folder.path, scenario), queue: agent.queue, protocols: agent.protocols,
            isSigned: agent.isSigned, writes: !agent.command.has(.url), leadsGroup: true)
        defer { fleet.stop() }
        // Before the start: a change while an agent begins to watch the file might not be seen for minutes.
        try fleet.giveTargets(first: plan.targets)
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
            command + (scenario == .overload ? agent.targetListWords : []), environment: agent.environment,
            folder: folder.path, box: box)
        var course = RaceCourse(plan, process, fleet, probe, interruption)
        do {
            try await measure(&course, into: &result)
        } catch {
            result.fault = String(describing: error)
        }
        // Nobody waits for an agent that has much to write when the race was interrupted.
        let isOrderly = process.end(SIGTERM, withinSeconds: interruption.hasCome ? 5 : 60) == 0
        if !isOrderly, result.fault == nil {
            result.notes.append("did not end orderly within a minute of SIGTERM")
        }
        if let kills = box.memoryKills { result.figures[.memoryKills] = Double(kills) }
    }

    private func measure(_ course: inout RaceCourse, into result: inout RaceResult) async throws {
        let fleet = course.fleet
        try await fleet.order(answers, probe)
        try course.process.start()
        try await warmUp(&course)
        var meter = try await RaceMeter(course.process, fleet, probe)
        let fromMs = clock.wallMs
        var addedDue = 0.0
        do {
            if scenario == .overload {
                addedDue = try await RaceOverload(plan).live(&course, &meter, &result)
            } else {
                try await live(&course, &meter, &result)
            }
        } catch {
            // What it cost until then. What is missing is not known, as nobody waits for what is on its way.
            if interruption.hasCome { await bookInterrupted(meter, &result) }
            throw error
        }
        try await book(meter, &result)
        course.ends.cutoffMs = clock.wallMs
        try await settle(&course, into: &result)
        let span = fromMs..<max(fromMs + 1, course.ends.cutoffMs)
        let served = course.watch.pages.filter { span.contains($0.endMs) }
        result.figures[.scrapedShare] =
            Double(served.count) / (plan.scrapesDue(inMs: span.count, in: scenario) + addedDue)
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

    private func book(_ meter: RaceMeter, _ result: inout RaceResult) async throws {
        result.points = meter.points
        result.figures.merge(try await meter.figures(series: plan.targets * plan.series)) { $1 }
        if scenario == .overload { result.figures[.bytesPerSeries] = nil }
        result.warning = RaceWarning.standIns(result.figures, plan)
    }

    private func bookInterrupted(_ meter: RaceMeter, _ result: inout RaceResult) async {
        // Without a point nothing was measured.
        guard let last = meter.points.last else { return }
        do {
            try await book(meter, &result)
            let seconds = RaceColumn.text(last.seconds, decimals: 0)
            result.notes.append("the figures are of \(seconds) s, until it was interrupted")
        } catch {
            result.notes.append("there are no figures of the time until it was interrupted: \(error)")
        }
    }

    /// The endpoint's order for the whole of the run.
    private var answers: String {
        let ms = scenario == .far ? plan.farMs : plan.answerMs
        return ms > 0 ? "{\"fault\": \"delay\", \"delayMs\": \(ms)}" : "{\"fault\": \"none\"}"
    }

    private func warmUp(_ course: inout RaceCourse) async throws {
        var second = 0
        while second < max(plan.warmupSeconds, plan.intervalSeconds * 2 + 60) {
            let isFirst = second == 0
            second += try await course.pace.next()
            _ = try course.process.count()
            if isFirst { try course.process.checkLimits() }
            let samples = try await course.fleet.endpointCounts(probe).samples
            if second >= plan.warmupSeconds, samples > 0 { return }
        }
        let counts = try await course.fleet.endpointCounts(probe)
        throw BenchError(
            "the endpoint had no sample \(second) s after the start, and refused "
                + "\(counts.signaturesRefused) requests for their signature\(course.process.logEnd)")
    }

    /// The measured time. An outage lasts until the agent has caught up, or is given up.
    private func live(
        _ course: inout RaceCourse, _ meter: inout RaceMeter, _ result: inout RaceResult
    ) async throws {
        let enough = scenario == .outage ? plan.outageRunSeconds : plan.seconds
        let endsAgent = scenario == .kill || scenario == .restart
        var (isCaughtUp, isDeaf, hasHappened) = (scenario != .outage, false, false)
        var second = 0
        while second < enough || (!isCaughtUp && second < enough + plan.settleSeconds) {
            second += try await course.pace.next()
            try await meter.look()
            if endsAgent, !isDeaf, second >= plan.eventAt - plan.killOutageSeconds {
                isDeaf = true
                try await course.fleet.order("{\"fault\": \"status\", \"status\": 503}", probe)
            }
            if !hasHappened, second >= plan.eventAt {
                hasHappened = true
                try await happen(&course, &result)
            }
            let since = second - plan.eventAt - plan.outageSeconds
            if !isCaughtUp, since > 0, try await !course.isBehind() {
                isCaughtUp = true
                result.figures[.catchUpSeconds] = Double(since)
            }
        }
        if !isCaughtUp { result.notes.append("had not caught up when it was given up") }
    }

    private func happen(_ course: inout RaceCourse, _ result: inout RaceResult) async throws {
        switch scenario {
        case .steady, .churn, .far, .ramp, .overload: break
        case .restart:
            // Before the signal: the outage must not last as long as the agent tries to send at its end.
            try await course.fleet.order(answers, probe)
            result.figures[.stopSeconds] = try again(&course, SIGTERM)
        case .kill:
            try again(&course, SIGKILL)
            try await course.fleet.order(answers, probe)
        case .outage:
            try await course.fleet.order(
                "{\"fault\": \"status\", \"status\": 503, \"forMs\": \(plan.outageSeconds * 1_000)}", probe)
        }
    }

    /// Ends the agent and starts it again. What it was served in the last second before the signal may have
    /// been in the kernel's hands only. Returns the seconds from the signal to the end.
    @discardableResult
    private func again(_ course: inout RaceCourse, _ signal: Int32) throws(BenchError) -> Double {
        let fromMs = clock.wallMs - 1_000
        let signalledNs = clock.monotonicNs
        course.process.end(signal)
        let endedNs = clock.monotonicNs
        course.ends.undecidedMs.append(fromMs...clock.wallMs)
        try course.process.start()
        return Double(endedNs - signalledNs) / 1e9
    }

    /// Waits until nothing is missing, or for so long that what is missing will not come.
    private func settle(_ course: inout RaceCourse, into result: inout RaceResult) async throws {
        var waited = 0
        repeat {
            waited += try await course.pace.next()
            _ = try course.process.count()
        } while try await course.isBehind(course.ends) && waited < plan.settleSeconds
        let check = course.watch.check(course.ends)
        for example in check.examples {
            result.notes.append(
                "of the \(example.page.samples) samples that \(example.instance) gave at "
                    + "\(Timestamp.text(ms: example.page.endMs)), \(example.arrived) arrived"
                    + (example.leftOut > 0 ? " and \(example.leftOut) were left out and counted" : ""))
        }
        result.figures[.exposed] = Double(check.exposed)
        result.figures[.missing] = Double(check.missing)
        result.figures[.leftOut] = Double(check.leftOut)
        result.figures[.givenUp] = Double(check.givenUp)
        result.figures[.undecided] = Double(check.undecided)
        result.figures[.surplus] = Double(check.surplus)
    }
}
