internal import Configuration
internal import Platform

/// How often one request of metadata is tried: with a back-off while the receiver may take it later, up to
/// the time at which the next metadata are due.
struct MetadataTries {
    enum Action: Equatable {
        case stored
        /// It is cut smaller.
        case tooLarge
        /// It is let go.
        case refused
        case waitAndSend(untilNs: UInt64)
    }

    private let deadlineNs: UInt64
    private let retriesThrottled: Bool
    private var backoff: Backoff
    private var random: SplitMix64

    init(queue: QueueConfiguration, deadlineNs: UInt64, seed: UInt64) {
        self.deadlineNs = deadlineNs
        retriesThrottled = queue.retryOnHTTP429
        backoff = Backoff(firstMs: queue.minBackoffMs, mostMs: queue.maxBackoffMs)
        random = SplitMix64(seed: seed)
    }

    mutating func answered(_ answer: ReceiverAnswer, _ nowNs: UInt64) -> Action {
        var retryAfterMs: Int64 = 0
        switch answer {
        case .unsendable: return .refused
        case .unreachable, .unconnected, .unsigned: break
        case .status(let response):
            switch response.meaning {
            case .stored: return .stored
            case .throttled where !retriesThrottled: return .refused
            case .failing, .throttled: retryAfterMs = response.retryAfterMs ?? 0
            case .tooLarge: return .tooLarge
            case .refused, .unauthorized, .misconfigured: return .refused
            }
        }
        let waitMs = max(backoff.nextMs(&random), retryAfterMs)
        let untilNs = nowNs + UInt64(max(0, waitMs)) * 1_000_000
        return untilNs < deadlineNs ? .waitAndSend(untilNs: untilNs) : .refused
    }
}
