import ArgumentParser
import Platform
import StandIns

/// `narthex-bench distance`: one agent towards an endpoint whose answers take longer and shorter.
struct DistanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "distance",
        abstract: "Measures lag, CPU and requests in flight while the endpoint's answers take longer.",
        discussion: """
            The delay of the answers changes while the agent runs, so that figures of one run compare. Lag \
            is how old a sample is when the endpoint has it, the scrape's own time included. The endpoint \
            counts every sample, and checks signature, labels and order of one request in some.
            """)

    @Option(help: "Targets.") var targets = 1_500
    @Option(help: "Series of each.") var series = 2_000
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 30
    @Option(help: "Milliseconds that answers take, one phase each, separated by commas.")
    var answerMs = "0,200,0"
    @Option(help: "How long each phase is measured, in seconds.") var phaseSeconds = 60
    @Option(help: "Seconds after a change of the delay that are not measured.") var settleSeconds = 6
    @Option(help: "The endpoint checks one request in so many.") var verifyOneIn = 20
    @Option(help: "Lag in seconds that 99 % of the samples may have, the delay added.") var lagBudget = 2.0
    @Option(help: "Seconds of scraping that may have no answer at the end of a phase.") var behindBudget = 2.0
    @Option(help: "CPU a sample at the longest delay, to that at the shortest.") var cpuBudget = 1.1
    @Option(help: "Seconds until the window allows 1.5 times what flies on average, or has shrunk.")
    var growthBudget = 3.0
    @Option(help: "Requests in flight that the window may allow at a delay of 0.") var nearBudget = 2.0
    @Option(help: "The program of an older agent, to do the same beside this one.") var beside: String?
    @Option(help: "CPU a sample to that of the agent beside, over all phases.") var besideBudget = 1.05
    @Option(help: "Where a plot of the window over time is written, as SVG.") var plot: String?
    @Option(help: "The agent's program; by default the narthex beside this one.") var agent: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    /// Nothing is looked at more often, as a page costs the agent time.
    private static let pageMs: Int64 = 200

    private var delays: [Int64] { answerMs.split(separator: ",").compactMap { Int64($0) } }

    func validate() throws {
        guard targets > 0, series > 0, intervalSeconds > 0, phaseSeconds > 0, settleSeconds >= 0,
            verifyOneIn > 0
        else { throw ValidationError("counts and seconds must be more than zero") }
        guard !delays.isEmpty, delays.count == answerMs.split(separator: ",").count,
            delays.allSatisfy({ (0...60_000).contains($0) })
        else { throw ValidationError("--answer-ms is a list of 0 to 60000, such as 0,200,0") }
    }

    func run() async throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        let other = try TemporaryFolder(name: "narthex-bench")
        defer { other.remove() }
        func plan(_ folder: TemporaryFolder, _ program: String) -> AgentSession.Plan {
            AgentSession.Plan(
                folder: folder.path, agentPath: program,
                standInsPath: standIns ?? AgentSession.beside("narthex-standins"), targets: targets,
                series: series, intervalSeconds: intervalSeconds,
                fleet: ["--verify-one-in", "\(verifyOneIn)"])
        }
        try await AgentSession.report(plan(folder, agent ?? AgentSession.beside("narthex"))) { session in
            guard let beside else { return try await measure([session]) }
            let second = try await AgentSession(plan(other, beside))
            do {
                let report = try await measure([session, second])
                try second.stop()
                return report
            } catch {
                second.abandon()
                throw error
            }
        }
    }

    /// One phase: what was measured of each agent, and how long the first one's window took to change.
    private struct Phase {
        let delayMs: Int64
        let spans: [ShippingSpan]
        let settledSeconds: Double
        /// The largest size of the window after `--settle-seconds`.
        let mostShards: Double
    }

    private func measure(_ sessions: [AgentSession]) async throws -> BudgetReport {
        var curve = ShardCurve()
        let delays = delays
        for session in sessions {
            try await session.fleet.setAnswerDelay(ms: delays[0], session.probe)
            try session.fleet.giveTargets()
        }
        for session in sessions {
            // The first round builds layouts and connections; measured is what follows.
            _ = try await session.untilDelivered(
                Double(targets * series * 2), withinSeconds: 6 * intervalSeconds + 60)
        }
        var phases: [Phase] = []
        for delayMs in delays { phases.append(try await phase(delayMs, sessions, &curve)) }
        if let plot { try StandInFleet.write(plot, curve.svg) }
        return try await report(phases, sessions)
    }

    private func phase(
        _ delayMs: Int64, _ sessions: [AgentSession], _ curve: inout ShardCurve
    ) async throws -> Phase {
        let clock = sessions[0].clock
        for session in sessions { try await session.fleet.setAnswerDelay(ms: delayMs, session.probe) }
        let changedNs = clock.monotonicNs
        curve.changed(toMs: delayMs, atNs: changedNs)
        func watch(untilNs: UInt64, everyMs: Int64) async throws {
            while clock.monotonicNs < untilNs {
                // The CPU of the agents is compared, so each of them renders as many pages.
                for session in sessions.dropFirst() { _ = try await ShardCurve.shards(session) }
                curve.note(try await ShardCurve.shards(sessions[0]), atNs: clock.monotonicNs)
                try await clock.sleep(forMs: everyMs)
            }
        }
        try await watch(
            untilNs: changedNs + UInt64(settleSeconds) * 1_000_000_000, everyMs: Self.pageMs)
        let settledNs = clock.monotonicNs
        var before: [ShippingRecord] = []
        for session in sessions { before.append(try await ShippingRecord(session)) }
        try await watch(
            untilNs: clock.monotonicNs + UInt64(phaseSeconds) * 1_000_000_000, everyMs: 5 * Self.pageMs)
        var spans: [ShippingSpan] = []
        for (index, session) in sessions.enumerated() {
            spans.append(ShippingSpan(from: before[index], to: try await ShippingRecord(session)))
        }
        // The window has its size once it is half as large again as what is in flight on average: it then
        // holds nothing up.
        let wanted = 1.5 * spans[0].inFlight
        let near = nearBudget
        let settledSeconds = curve.seconds(sinceNs: changedNs) { shards in
            delayMs == 0 ? shards <= near : shards >= wanted
        }
        return Phase(
            delayMs: delayMs, spans: spans, settledSeconds: settledSeconds ?? .infinity,
            mostShards: curve.most(sinceNs: settledNs))
    }

    private func report(_ phases: [Phase], _ sessions: [AgentSession]) async throws -> BudgetReport {
        var report = BudgetReport()
        for (index, session) in sessions.enumerated() {
            let whose = index == 0 ? "" : "beside: "
            for phase in phases {
                let (span, name) = (phase.spans[index], "\(whose)\(phase.delayMs) ms: ")
                let addedSeconds = Double(phase.delayMs) / 1_000
                report.note("\(name)samples a second", span.samplesPerSecond)
                report.note("\(name)samples a request", span.samplesPerRequest)
                report.note("\(name)CPU, µs a sample", span.cpuMicrosecondsPerSample)
                report.note("\(name)buffer, bytes a sample", span.bufferBytesPerSample)
                report.note("\(name)requests in flight, mean", span.inFlight)
                report.note("\(name)round trip, ms", span.roundTripMs)
                report.note("\(name)lag of half of the samples, s", span.lagSeconds(0.5) + addedSeconds)
                report.note("\(name)lag at most, s", span.lagSeconds(1) + addedSeconds)
                report.note("\(name)CPU of the stand-ins, processors", span.standInsCPU)
                let lag = span.lagSeconds(0.99) + addedSeconds
                report.note("\(name)arrived to scraped, %", 100 * span.takenShare)
                guard index == 0 else {
                    report.note("\(name)lag of 99 %, s", lag)
                    report.note("\(name)seconds behind at the end", span.secondsBehind)
                    continue
                }
                report.check("\(name)lag of 99 %, s", lag, atMost: lagBudget)
                report.check("\(name)seconds behind at the end", span.secondsBehind, atMost: behindBudget)
                report.note("\(name)shards at most, once settled", phase.mostShards)
                report.note("\(name)shards at the end", span.to.shards)
                if phase.delayMs == 0 {
                    report.check("\(name)shards", span.to.shards, atMost: nearBudget)
                }
                report.check(
                    "\(name)window has grown or shrunk after, s", phase.settledSeconds, atMost: growthBudget)
            }
            let counts = try await session.fleet.endpointCounts(session.probe)
            guard index == 0 else { continue }
            report.check("requests refused for their signature", Double(counts.signaturesRefused), atMost: 0)
            report.check("samples out of order, of those checked", Double(counts.outOfOrder), atMost: 0)
            report.check("samples dropped", phases.last?.spans[0].to.dropped ?? 0, atMost: 0)
            report.check(
                "scrapes that failed", try await session.sum(of: "narthex_scrape_failures_total"), atMost: 0)
        }
        compare(phases, &report)
        return report
    }

    private func compare(_ phases: [Phase], _ report: inout BudgetReport) {
        /// CPU a sample over all phases of one delay.
        func cpu(_ delayMs: Int64) -> Double {
            let spans = phases.filter { $0.delayMs == delayMs }.map { $0.spans[0] }
            let seconds = spans.reduce(0) { $0 + $1.to.agentCPUSeconds - $1.from.agentCPUSeconds }
            return seconds * 1e6 / spans.reduce(0) { $0 + $1.taken }
        }
        if let near = delays.min(), let far = delays.max(), near < far {
            report.check("CPU at \(far) ms to that at \(near) ms", cpu(far) / cpu(near), atMost: cpuBudget)
        }
        guard beside != nil else { return }
        for delayMs in Set(delays).sorted() {
            let of = phases.filter { $0.delayMs == delayMs }.map {
                $0.spans[0].cpuMicrosecondsPerSample / $0.spans[1].cpuMicrosecondsPerSample
            }
            let mean = of.reduce(0, +) / Double(of.count)
            report.check("\(delayMs) ms: CPU to the agent's beside", mean, atMost: besideBudget)
        }
    }
}
