internal import Configuration
internal import Logging
internal import MetricModel
internal import Platform
internal import Telemetry

/// Sends the metadata of metric families by remote write 1.0, apart from samples, at intervals, as Prometheus
/// does. By 2.0 they stand with their series, and nothing is sent here.
struct MetadataSender: Sendable {
    private let shared: DestinationShared
    private let families: @Sendable () -> [MetricMetadata]
    private let logger: Logger
    private let seed: UInt64

    init(
        shared: DestinationShared, families: @escaping @Sendable () -> [MetricMetadata], logger: Logger,
        seed: UInt64
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
        var limitBytes = BatchCollector.maxRequestBytes
        while await wait(untilNs: nextNs) {
            // What took longer than an interval is not made up for.
            nextNs = max(nextNs + intervalNs, clock.monotonicNs)
            // Where samples wait for the destination metadata are not sent beside the one request that finds
            // out whether it is back.
            guard shared.messages.current(clock.monotonicNs) == .v1, !shared.gate.isClosed else { continue }
            await sendAll(&limitBytes, untilNs: nextNs)
        }
    }

    /// False when there is nothing more to send.
    private func wait(untilNs: UInt64) async -> Bool {
        await shared.draining.wait(untilNs: untilNs, clock: shared.clock)
        return !Task.isCancelled && shared.drainDeadlineNs == nil
    }

    /// Sends all families. What is refused as too large is cut within half of its bytes, and so is what comes
    /// behind it, today and later: `limitBytes`.
    private func sendAll(_ limitBytes: inout Int, untilNs: UInt64) async {
        let families = families
        let escapes = RequestOptions.escapesNames(shared.configuration)
        var left = await shared.workers.run { () -> ArraySlice<MetricMetadata> in
            let all = families()
            return (escapes ? MetadataRequest.escaped(all) : all)[...]
        }
        while !left.isEmpty, !shared.gate.isClosed {
            let most = min(limitBytes, shared.lessons.limitBytes ?? limitBytes)
            let (request, batch) = await cut(left, limitBytes: most)
            switch await send(request, batch.count, untilNs: untilNs) {
            case .done: left = left[batch.endIndex...]
            case .tooLarge: limitBytes = max(1, request.uncompressedBytes / 2)
            case .over: return
            }
        }
    }

    /// The first request of these families.
    private func cut(
        _ left: ArraySlice<MetricMetadata>, limitBytes: Int
    ) async -> (request: PreparedRequest, batch: ArraySlice<MetricMetadata>) {
        let count = shared.configuration.metadata.maxSamplesPerSend
        let isSigned = shared.configuration.sigv4 != nil
        let scratches = shared.scratches
        return await shared.workers.run {
            let batch = MetadataRequest.first(of: left, count: count, limitBytes: limitBytes)
            let plain = MetadataRequest.pack(batch)
            let body = scratches.with { $0.compress(plain) }
            return (PreparedRequest.withoutSamples(body, of: plain.count, isSigned: isSigned), batch)
        }
    }

    /// How the sending of one request ended.
    private enum Ending {
        case done, tooLarge
        /// Nothing more is sent now: the agent is stopping, or the budget of the day is used up.
        case over
    }

    private func send(_ request: PreparedRequest, _ count: Int, untilNs: UInt64) async -> Ending {
        let (metrics, clock) = (shared.metrics, shared.clock)
        var tries = MetadataTries(queue: shared.configuration.queue, deadlineNs: untilNs, seed: seed)
        while true {
            guard await leaves(request) else { return .over }
            metrics.metadata.add(UInt64(count))
            metrics.metadataBytes.add(UInt64(request.body.count))
            guard
                case .answer(let answer, let text) = await shared.sender.send(
                    request, skewMs: shared.lessons.skewMs)
            else { return .over }
            if case .status(let response) = answer, response.meaning == .throttled {
                shared.lessons.throttled(
                    inFlight: shared.lessons.windowSize, lowersPace: true, clock.monotonicNs)
            }
            switch tries.answered(answer, clock.monotonicNs) {
            case .stored: return .done
            case .tooLarge where count > 1: return .tooLarge
            case .tooLarge, .refused:
                metrics.metadataFailed.add(UInt64(count))
                logger.warning(
                    "metadata were not taken; samples are not affected",
                    metadata: ["entries": .stringConvertible(count), "err": "\(text)"])
                return .done
            case .waitAndSend(let waitNs):
                guard await wait(untilNs: waitNs) else { return .over }
                metrics.metadataRetried.add(UInt64(count))
            }
        }
    }

    /// Waits until the limits of one's own and the pace let the request leave. False when it does not any
    /// more.
    private func leaves(_ request: PreparedRequest) async -> Bool {
        while true {
            let (nowNs, wallMs) = (shared.clock.monotonicNs, shared.clock.wallMs)
            switch shared.lessons.beginMetadata(bytes: request.body.count, nowNs, wallMs: wallMs) {
            case .now: return true
            case .later(let untilNs): guard await wait(untilNs: untilNs) else { return false }
            case .usedUp: return false
            }
        }
    }
}
