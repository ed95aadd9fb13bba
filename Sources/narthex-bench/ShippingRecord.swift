import Platform
import StandIns

/// What agent and endpoint have counted at one moment.
struct ShippingRecord {
    let atNs: UInt64
    let agentCPUSeconds: Double
    let standInsCPUSeconds: Double
    /// Samples that scrapes gave.
    let scraped: Double
    /// Samples that the agent has answers for.
    let delivered: Double
    let dropped: Double
    /// Samples that the endpoint has counted.
    let taken: Double
    let ages: SampleAges
    /// Requests that may be in flight.
    let shards: Double
    /// Requests answered, and the seconds that all of them together took.
    let requests: Double
    let requestSeconds: Double
    /// Bytes that the agent has written to its buffer.
    let bufferBytes: Double

    init(_ session: AgentSession) async throws {
        let metrics = MetricsPage(text: try await session.probe.page("\(session.status)metrics"))
        guard let agentCPU = session.agent.cpuSeconds(), let standInsCPU = session.fleet.cpuSeconds() else {
            throw session.failure("the agent or the stand-ins have ended")
        }
        atNs = session.clock.monotonicNs
        agentCPUSeconds = agentCPU
        standInsCPUSeconds = standInsCPU
        scraped = metrics.sum(of: "narthex_ledger_scraped_samples_total")
        delivered = metrics.sum(of: "narthex_ledger_delivered_samples_total")
        dropped = metrics.sum(of: "narthex_ledger_dropped_samples_total")
        shards = metrics.sum(of: "prometheus_remote_storage_shards")
        requests = metrics.sum(of: "prometheus_remote_storage_sent_batch_duration_seconds_count")
        requestSeconds = metrics.sum(of: "prometheus_remote_storage_sent_batch_duration_seconds_sum")
        bufferBytes = metrics.sum(of: "narthex_buffer_written_bytes_total")
        taken = Double(try await session.fleet.endpointCounts(session.probe).samples)
        ages = try await session.fleet.sampleAges(session.probe)
    }

    /// Samples that were scraped and not answered for.
    var behind: Double { scraped - delivered - dropped }
}

/// What happened between two records.
struct ShippingSpan {
    let from: ShippingRecord
    let to: ShippingRecord

    var seconds: Double { Double(to.atNs - from.atNs) / 1e9 }
    var taken: Double { to.taken - from.taken }
    var samplesPerSecond: Double { taken / seconds }
    /// Samples that the endpoint counted, as a share of those that were scraped in this time.
    var takenShare: Double { taken / (to.scraped - from.scraped) }
    /// Seconds of scraping that have no answer at the end.
    var secondsBehind: Double { to.behind / (to.scraped - from.scraped) * seconds }
    var cpuMicrosecondsPerSample: Double { (to.agentCPUSeconds - from.agentCPUSeconds) * 1e6 / taken }
    var bufferBytesPerSample: Double { (to.bufferBytes - from.bufferBytes) / (to.scraped - from.scraped) }
    /// Processors that the stand-ins were busy on.
    var standInsCPU: Double { (to.standInsCPUSeconds - from.standInsCPUSeconds) / seconds }
    /// How old samples were when the endpoint had them, in seconds; `share` of them were no older.
    func lagSeconds(_ share: Double) -> Double { Double(to.ages.since(from.ages).quantile(share)) / 1_000 }
    /// Requests in flight at once, on average.
    var inFlight: Double { (to.requestSeconds - from.requestSeconds) / seconds }
    var roundTripMs: Double {
        (to.requestSeconds - from.requestSeconds) * 1_000 / max(1, to.requests - from.requests)
    }
    var samplesPerRequest: Double { taken / max(1, to.requests - from.requests) }
}
