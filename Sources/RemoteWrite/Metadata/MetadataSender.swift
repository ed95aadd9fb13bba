internal import Configuration
internal import Logging
internal import MetricModel
internal import Platform
internal import Telemetry

/// Sends the metadata of metric families every while by remote write 1.0, apart from samples, as Prometheus
/// does. By 2.0 they stand with their series, and nothing is sent here.
struct MetadataSender: Sendable {
    private let shared: LaneShared
    private let families: @Sendable () -> [MetricMetadata]
    private let logger: Logger
    private let seed: UInt64

    init(
        shared: LaneShared, families: @escaping @Sendable () -> [MetricMetadata], logger: Logger, seed: UInt64
    ) {
        self.shared = shared
        self.families = families
        self.logger = logger
        self.seed = seed
    }

    /// Sends until cancelled, or until the destination is drained.
    func run() async {
        let clock = shared.clock
        let intervalNs = UInt64(shared.configuration.metadata.sendIntervalMs) * 1_000_000
        var nextNs = clock.monotonicNs + intervalNs
        while await wait(untilNs: nextNs) {
            // What took longer than an interval is not made up for.
            nextNs = max(nextNs + intervalNs, clock.monotonicNs)
            guard shared.messages.current(clock.monotonicNs) == .v1 else { continue }
            await sendAll(untilNs: nextNs)
        }
    }

    /// False when there is nothing more to send.
    private func wait(untilNs: UInt64) async -> Bool {
        await shared.draining.wait(untilNs: untilNs, clock: shared.clock)
        return !Task.isCancelled && shared.drainDeadlineNs == nil
    }

    private func sendAll(untilNs: UInt64) async {
        let families = families
        let count = shared.configuration.metadata.maxSamplesPerSend
        let isSigned = shared.configuration.sigv4 != nil
        let scratches = shared.scratches
        let requests = await shared.workers.run { () -> [(request: PreparedRequest, count: Int)] in
            MetadataRequest.batches(families(), count: count, limitBytes: BatchCollector.maxRequestBytes).map
            {
                let plain = MetadataRequest.pack($0)
                let body = scratches.with { $0.compress(plain) }
                return (PreparedRequest.withoutSamples(body, of: plain.count, isSigned: isSigned), $0.count)
            }
        }
        for (request, count) in requests {
            guard await send(request, count, untilNs: untilNs) else { return }
        }
    }

    /// False when the agent is stopping.
    private func send(_ request: PreparedRequest, _ count: Int, untilNs: UInt64) async -> Bool {
        let metrics = shared.metrics
        var tries = MetadataTries(queue: shared.configuration.queue, deadlineNs: untilNs, seed: seed)
        while true {
            metrics.metadata.add(UInt64(count))
            metrics.metadataBytes.add(UInt64(request.body.count))
            guard
                case .answer(let answer, let text) = await shared.sender.send(
                    request, skewMs: shared.lessons.skewMs)
            else { return false }
            switch tries.answered(answer, shared.clock.monotonicNs) {
            case .stored: return true
            case .refused:
                metrics.metadataFailed.add(UInt64(count))
                logger.warning(
                    "metadata were not taken; samples are not affected",
                    metadata: ["entries": .stringConvertible(count), "err": "\(text)"])
                return true
            case .waitAndSend(let waitNs):
                guard await wait(untilNs: waitNs) else { return false }
                metrics.metadataRetried.add(UInt64(count))
            }
        }
    }
}
