internal import Platform
import Synchronization
internal import Telemetry

/// Keeps all of discovery's calls to one account and region within their throttle classes, and counts them.
/// Shared by every job; each attempt is a call, repeated ones too.
final class CallPacer: Sendable {
    private let clock: any AgentClock
    private let buckets: Mutex<[ThrottleClass: TokenBucket]>
    private let calls: [DiscoveryOperation: Counter]
    private let throttled: [DiscoveryOperation: Counter]

    init(clock: any AgentClock, registry: MetricRegistry) {
        self.clock = clock
        buckets = Mutex(Dictionary(uniqueKeysWithValues: ThrottleClass.allCases.map { ($0, $0.bucket) }))
        func counters(_ name: String, _ help: String) -> [DiscoveryOperation: Counter] {
            Dictionary(
                uniqueKeysWithValues: DiscoveryOperation.allCases.map {
                    let labels = [("service", $0.service.signingName), ("operation", $0.name)]
                    return ($0, registry.counter(name, help: help, labels: labels))
                })
        }
        calls = counters("narthex_sd_aws_calls_total", "Calls that discovery made to AWS.")
        throttled = counters(
            "narthex_sd_aws_throttled_total", "Calls of discovery that AWS refused as too many.")
    }

    /// With what `other` has left, and the same counters.
    init(goingOnFrom other: CallPacer) {
        clock = other.clock
        calls = other.calls
        throttled = other.throttled
        buckets = Mutex(other.buckets.withLock { $0 })
    }

    /// Returns when the call may be made; throws when the task is cancelled.
    func take(_ operation: DiscoveryOperation) async throws {
        let nowNs = clock.monotonicNs
        let waitNs = buckets.withLock { $0[operation.pace]?.take(nowNs: nowNs) ?? 0 }
        if waitNs > 0 { try await clock.sleep(untilNs: nowNs + waitNs) }
        calls[operation]?.add()
    }

    /// Calls that were made of this account before that was known.
    func charge(_ operations: [DiscoveryOperation]) {
        let nowNs = clock.monotonicNs
        buckets.withLock { buckets in
            for operation in operations { _ = buckets[operation.pace]?.take(nowNs: nowNs) }
        }
    }

    func wasThrottled(_ operation: DiscoveryOperation) {
        let nowNs = clock.monotonicNs
        buckets.withLock { $0[operation.pace]?.throttled(nowNs: nowNs) }
        throttled[operation]?.add()
    }
}
