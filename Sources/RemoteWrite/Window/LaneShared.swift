internal import Configuration
internal import Platform
internal import Relabel
import Synchronization

/// What the lanes of one destination share.
final class LaneShared: Sendable {
    private struct State {
        var drainDeadlineNs: UInt64?
        var lastStoredNs: UInt64?
        var lastStoredMs: Int64?
    }

    let configuration: RemoteWriteConfiguration
    let sender: RequestSender
    let workers: WorkerPool
    let clock: any AgentClock
    let metrics: RemoteWriteMetrics
    let limits: BatchCollector.Limits
    /// Nil without `write_relabel_configs`.
    let views: WriteRelabelViews?
    let scratches = ScratchPool()
    let lessons = DestinationLessons()
    let draining = Event()
    private let state = Mutex(State())

    init(
        configuration: RemoteWriteConfiguration, sender: RequestSender, workers: WorkerPool,
        clock: any AgentClock, metrics: RemoteWriteMetrics
    ) {
        self.configuration = configuration
        self.sender = sender
        self.workers = workers
        self.clock = clock
        self.metrics = metrics
        let rules = configuration.writeRelabelRules
        views = rules.isEmpty ? nil : WriteRelabelViews(rules)
        limits = BatchCollector.Limits(
            bytes: BatchCollector.maxRequestBytes,
            age: SampleAge(configuredMs: configuration.queue.sampleAgeLimitMs, url: configuration.url),
            sendsHistograms: configuration.sendNativeHistograms, sendsExemplars: configuration.sendExemplars,
            sendsCustomBuckets: configuration.sendCustomBuckets)
    }

    var now: LaneStateMachine.Moment {
        .init(monotonicNs: clock.monotonicNs, wallMs: clock.wallMs, agingMs: clock.agingMs)
    }
    var drainDeadlineNs: UInt64? { state.withLock { $0.drainDeadlineNs } }
    /// When a request of any lane was last stored.
    var lastStoredNs: UInt64? { state.withLock { $0.lastStoredNs } }
    var lastStoredMs: Int64? { state.withLock { $0.lastStoredMs } }

    func beginDrain(untilNs deadlineNs: UInt64) {
        state.withLock { $0.drainDeadlineNs = deadlineNs }
        draining.signal()
    }

    func stored(_ now: LaneStateMachine.Moment) {
        state.withLock { state in
            state.lastStoredNs = now.monotonicNs
            state.lastStoredMs = now.wallMs
        }
    }
}
