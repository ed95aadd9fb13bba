import ArgumentParser
import Platform
import StandIns

/// `narthex-bench outage`: an endpoint that is away for a while, what that takes of memory and disk, and how
/// soon what was kept has arrived.
struct OutageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outage",
        abstract: "Measures what an outage takes, and how fast its backlog arrives.",
        discussion: """
            The endpoint answers 503 for a while, then takes everything again. It counts every sample, and \
            checks signature, labels and order of one request in some. The rate is that of the backlog \
            alone: what is scraped meanwhile arrives besides. Memory is compared between a tenth, the \
            middle and the end of the outage, the disk with the formula of docs/operations.md. At the end \
            nothing is scraped any more, and what was scraped has to have arrived to the sample.
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
    @Option(help: "The agent's --storage.agent.retention.max-size.") var retentionSize = "1GB"
    @Option(help: "The agent's --storage.agent.retention.max-time.") var retentionTime = "4h"
    @Option(help: "What memory may differ in the outage, in %.") var memoryBudget = 5.0
    @Option(help: "What the disk may differ from the formula with the bytes a sample of before, in %.")
    var diskBudget = 25.0
    @Option(help: "Bytes a sample that docs/operations.md plans with.") var sampleBytes = 1.1
    @Option(help: "Bytes of a different series at a segment's beginning that it plans with.")
    var statementBytes = 25.0
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
                // The endpoint takes samples of any age, as the outage may be longer than AMP's hour.
                fleet: ["--verify-one-in", "\(verifyOneIn)", "--max-sample-age-seconds", "0"],
                flags: [
                    "--storage.agent.retention.max-size=\(retentionSize)",
                    "--storage.agent.retention.max-time=\(retentionTime)",
                ]), measure: measure)
    }

    private func measure(_ session: AgentSession) async throws -> BudgetReport {
        let clock = session.clock
        try await session.fleet.setAnswerDelay(ms: answerMs, session.probe)
        try session.fleet.giveTargets()
        _ = try await session.untilDelivered(
            Double(targets * series * 2), withinSeconds: 6 * intervalSeconds + 60)
        let usual = try await ShippingRecord(session)
        // How many bytes a sample takes: over an interval, so that every target is in it.
        try await clock.sleep(forMs: Int64(intervalSeconds) * 1_000)
        let later = try await ShippingRecord(session)
        let sampleBytes = ShippingSpan(from: usual, to: later).bufferBytesPerSample
        try await session.fleet.order("{\"fault\": \"status\", \"status\": 503}", session.probe)
        let began = try await ShippingRecord(session)
        let disk = try await DiskRecord(session)
        let watch = try await watchOutage(session)
        let ended = try await ShippingRecord(session)
        let fuller = try await DiskRecord(session)
        try await session.fleet.setAnswerDelay(ms: answerMs, session.probe)
        let outage = ShippingSpan(from: began, to: ended)
        let madeAt = (ended.behind - began.behind) / outage.seconds
        // Half a second of load is always on its way.
        let enough = max(usual.behind, began.behind) + madeAt / 2
        var (first, tenth, most) = (ended, ended, 0.0)
        var now = ended
        while now.behind > enough {
            // Much longer than the rate allows: what was measured until then is worth seeing.
            guard now.atNs - ended.atNs < UInt64(2 * outageSeconds + 300) * 1_000_000_000 else {
                throw session.failure(
                    "\(Int(now.behind)) samples have not arrived in twice the outage's time and five minutes")
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
        try checkOutage(session, watch, &report)
        checkDisk(
            from: disk, to: fuller, samples: ended.scraped - began.scraped, sampleBytes: sampleBytes, &report)
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
        try await checkWholeDelivery(session, &report)
        return report
    }

    /// Waits for the end of the outage, and looks at the agent's memory twice a second.
    private func watchOutage(_ session: AgentSession) async throws -> OutageWatch {
        var watch = OutageWatch()
        let startNs = session.clock.monotonicNs
        let outageNs = UInt64(outageSeconds) * 1_000_000_000
        while session.clock.monotonicNs - startNs < outageNs {
            try await session.clock.sleep(forMs: 500)
            guard let resident = session.agent.residentBytes() else {
                throw session.failure("the agent has ended")
            }
            watch.note(
                share: Double(session.clock.monotonicNs - startNs) / Double(outageNs),
                residentBytes: resident.all)
        }
        return watch
    }

    private func checkOutage(
        _ session: AgentSession, _ watch: OutageWatch, _ report: inout BudgetReport
    ) throws(BenchError) {
        guard let drift = watch.driftPercent, let early = watch.meanBytes(0.1, 0.2) else {
            throw session.failure("the outage was too short to compare the memory in it")
        }
        report.note("memory behind a tenth of the outage, MiB", early / 1_048_576)
        report.note("memory in the outage, MiB, most", watch.mostBytes(0, 1) / 1_048_576)
        report.check("memory at a tenth, the middle and the end, % apart", drift, atMost: memoryBudget)
    }

    private func checkDisk(
        from before: DiskRecord, to after: DiskRecord, samples: Double, sampleBytes: Double,
        _ report: inout BudgetReport
    ) {
        let grown = after.bytes - before.bytes
        let segments = after.segment - before.segment
        let formula = DiskFormula(
            targets: targets, series: series, different: series, statementBytes: statementBytes)
        report.note("disk taken by the outage, MB", grown / 1e6)
        report.note("bytes a sample before", sampleBytes)
        report.note("segments begun in the outage", segments)
        let plan = formula.bytes(samples: samples, sampleBytes: self.sampleBytes, segments: segments)
        report.check("disk, to what is to be planned with", grown / plan, atMost: 1)
        let predicted = formula.bytes(samples: samples, sampleBytes: sampleBytes, segments: segments)
        report.check(
            "disk, % from the formula with the bytes a sample of before", abs(grown / predicted - 1) * 100,
            atMost: diskBudget)
        report.check(
            "files of the buffer beside its segments, MB", (after.bytes - after.segmentBytes) / 1e6,
            atMost: 8)
    }

    /// Ends the scrapes, and compares what was scraped with what has come, to the sample.
    private func checkWholeDelivery(
        _ session: AgentSession, _ report: inout BudgetReport
    ) async throws {
        try session.fleet.giveTargets(first: 0)
        var last = try await ShippingRecord(session)
        // Nothing is scraped any more once that holds for more than an interval.
        var steadySinceNs = last.atNs
        let enoughNs = UInt64(intervalSeconds) * 1_500_000_000
        let deadlineNs = last.atNs + enoughNs + 120_000_000_000
        while last.behind != 0 || last.atNs - steadySinceNs < enoughNs {
            guard last.atNs < deadlineNs else { break }
            try await session.clock.sleep(forMs: 500)
            let now = try await ShippingRecord(session)
            if now.scraped != last.scraped { steadySinceNs = now.atNs }
            last = now
        }
        report.note("samples scraped in all", last.scraped)
        report.check("samples scraped and not delivered", last.behind, atMost: 0)
        report.check(
            "samples at the endpoint, more or less than were scraped", abs(last.taken - last.scraped),
            atMost: 0)
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

/// What the agent's buffer takes of the disk at one moment.
private struct DiskRecord {
    /// Of all files in the directory.
    let bytes: Double
    /// Of all segments, as the agent says it.
    let segmentBytes: Double
    /// The number of the newest segment.
    let segment: Double

    init(_ session: AgentSession) async throws {
        let metrics = MetricsPage(text: try await session.probe.page("\(session.status)metrics"))
        segmentBytes = metrics.sum(of: "narthex_buffer_bytes")
        segment = metrics.sum(of: "prometheus_tsdb_wal_segment_current")
        bytes = try DiskFormula.bytes(of: "\(session.plan.folder)/data")
    }
}
