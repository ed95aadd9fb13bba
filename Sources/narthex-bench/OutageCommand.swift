import ArgumentParser
import Platform
import StandIns

/// `narthex-bench outage`: an endpoint that is away for a while, and how soon what was kept has arrived.
struct OutageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outage",
        abstract: "Measures how fast the backlog of an outage arrives, and what it does to scrapes.",
        discussion: """
            The endpoint answers 503 for a while, then takes everything again. It counts every sample, and \
            checks signature, labels and order of one request in some. The rate is that of the backlog \
            alone: what is scraped meanwhile arrives besides.
            """)

    @Option(help: "Targets.") var targets = 1_500
    @Option(help: "Series of each.") var series = 2_000
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 30
    @Option(help: "Milliseconds that answers take.") var answerMs: Int64 = 50
    @Option(help: "Seconds of the outage.") var outageSeconds = 120
    @Option(help: "The endpoint checks one request in so many.") var verifyOneIn = 50
    @Option(help: "The rate at which the backlog goes, to that at which it came; at least.")
    var rateBudget = 5.0
    @Option(help: "The longest between two scrapes of a target, in intervals.") var gapBudget = 1.25
    @Option(help: "The agent's program; by default the narthex beside this one.") var agent: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    func validate() throws {
        guard targets > 0, series > 0, intervalSeconds > 0, outageSeconds > 0, verifyOneIn > 0,
            (0...60_000).contains(answerMs)
        else { throw ValidationError("counts and seconds must be more than zero") }
    }

    func run() async throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        try await AgentSession.report(
            AgentSession.Plan(
                folder: folder.path, agentPath: agent ?? AgentSession.beside("narthex"),
                standInsPath: standIns ?? AgentSession.beside("narthex-standins"), targets: targets,
                series: series, intervalSeconds: intervalSeconds,
                fleet: ["--verify-one-in", "\(verifyOneIn)"]), measure: measure)
    }

    private func measure(_ session: AgentSession) async throws -> BudgetReport {
        let clock = session.clock
        try await session.fleet.setAnswerDelay(ms: answerMs, session.probe)
        try session.fleet.giveTargets()
        _ = try await session.untilDelivered(
            Double(targets * series * 2), withinSeconds: 6 * intervalSeconds + 60)
        let usual = try await ShippingRecord(session)
        try await session.fleet.order("{\"fault\": \"status\", \"status\": 503}", session.probe)
        let began = try await ShippingRecord(session)
        try await clock.sleep(forMs: Int64(outageSeconds) * 1_000)
        let ended = try await ShippingRecord(session)
        try await session.fleet.setAnswerDelay(ms: answerMs, session.probe)
        let outage = ShippingSpan(from: began, to: ended)
        let madeAt = (ended.behind - began.behind) / outage.seconds
        // Half a second of load is always on its way.
        let enough = max(usual.behind, began.behind) + madeAt / 2
        var (first, tenth, most) = (ended, ended, 0.0)
        var now = ended
        while now.behind > enough {
            guard now.atNs - ended.atNs < UInt64(outageSeconds) * 2_000_000_000 else {
                throw session.failure(
                    "\(Int(now.behind)) samples have not arrived in twice the outage's time")
            }
            try await clock.sleep(forMs: 250)
            now = try await ShippingRecord(session)
            if now.taken == ended.taken { first = now }
            if now.behind > ended.behind * 0.9 { tenth = now }
            most = max(most, now.shards)
        }
        let drain = ShippingSpan(from: ended, to: now)
        let backlog = ended.behind - now.behind
        var report = BudgetReport()
        report.note("samples a second before", madeAt)
        report.note("backlog, samples", ended.behind)
        report.note("seconds until it was gone", drain.seconds)
        report.note("of these before the first answer", Double(first.atNs - ended.atNs) / 1e9)
        let rate = backlog / drain.seconds / madeAt
        report.check("outage rates that one of the backlog is", 1 / rate, atMost: 1 / rateBudget)
        report.note("rate of the backlog to that at which it came", rate)
        let middle = ShippingSpan(from: tenth, to: now)
        report.note(
            "the same, without the first tenth", (tenth.behind - now.behind) / middle.seconds / madeAt)
        report.note("samples a second meanwhile", drain.samplesPerSecond)
        report.note("samples a request meanwhile", drain.samplesPerRequest)
        report.note("CPU of the agent meanwhile, processors", Self.processors(drain))
        report.note("CPU meanwhile, µs a sample", drain.cpuMicrosecondsPerSample)
        report.note("CPU of the stand-ins meanwhile, processors", drain.standInsCPU)
        report.note("requests in flight meanwhile, mean", drain.inFlight)
        report.note("shards at most", most)
        report.note("round trip meanwhile, ms", drain.roundTripMs)
        // Every target is scraped once more before samples are counted.
        try await clock.sleep(forMs: Int64(intervalSeconds) * 1_250)
        try await check(session, now, &report)
        return report
    }

    private func check(
        _ session: AgentSession, _ last: ShippingRecord, _ report: inout BudgetReport
    ) async throws {
        let counts = try await session.fleet.endpointCounts(session.probe)
        report.check("requests refused for their signature", Double(counts.signaturesRefused), atMost: 0)
        report.check("samples out of order, of those checked", Double(counts.outOfOrder), atMost: 0)
        report.check("samples dropped", last.dropped, atMost: 0)
        report.check(
            "samples missing at the endpoint", max(0, last.delivered - Double(counts.samples)), atMost: 0)
        let greatestNs = try await session.fleet.scrapeTimes(session.probe).map(\.greatestGapNs).max() ?? 0
        report.check(
            "longest between two scrapes, intervals",
            Double(greatestNs) / 1e9 / Double(intervalSeconds), atMost: gapBudget)
        report.check(
            "scrapes that failed", try await session.sum(of: "narthex_scrape_failures_total"), atMost: 0)
    }

    private static func processors(_ span: ShippingSpan) -> Double {
        (span.to.agentCPUSeconds - span.from.agentCPUSeconds) / span.seconds
    }
}
