import Addresses
public import AWS
public import Configuration
public import HTTPTransport
public import Logging
public import Platform
import Synchronization
public import Telemetry
public import WriteAheadBuffer

/// Sends what the buffer holds for one destination: a lane is a child task, and lanes do not wait for each
/// other.
public final class RemoteWriter: Sendable {
    private let configuration: RemoteWriteConfiguration
    private let shared: LaneShared
    private let lanes: [LaneRunner]
    private let registry: MetricRegistry
    private let readers: [UInt64]
    private let hasBegun = Mutex(false)
    private let drainExpired = Event()
    private let stopped = Event()

    /// `destination` is the buffer's cursor for this destination. With a `sigv4` block requests are signed
    /// with `credentials`, for the block's region or else `region`.
    public init(
        configuration: RemoteWriteConfiguration, destination: BufferDestination, http: any HTTPPerforming,
        credentials: (any CredentialsProvider)?, region: String?, workers: WorkerPool, clock: any AgentClock,
        registry: MetricRegistry, logger: Logger
    ) {
        self.configuration = configuration
        self.registry = registry
        let metrics = RemoteWriteMetrics(configuration, laneCount: destination.laneCount, registry: registry)
        let shared = LaneShared(
            configuration: configuration,
            sender: RequestSender(
                configuration, http: http, credentials: credentials, region: region, clock: clock),
            workers: workers, clock: clock, metrics: metrics)
        self.shared = shared
        var generator = SystemRandomNumberGenerator()
        let lanes = (0..<destination.laneCount).map { index in
            var logger = logger
            logger[metadataKey: "remote_name"] = "\(configuration.name)"
            logger[metadataKey: "url"] = "\(HTTPURL.shown(configuration.url))"
            logger[metadataKey: "lane"] = "\(index)"
            return LaneRunner(
                lane: destination.lane(index), shared: shared, logger: logger, seed: generator.next())
        }
        self.lanes = lanes
        readers = metrics.observe(
            highestTimestampMs: { destination.highestTimestampMs },
            pendingSamples: { lanes.reduce(0) { $0 + $1.status.pendingSamples } },
            leftOutSeries: { lanes.reduce(0) { $0 + $1.status.leftOutSeries } })
    }

    deinit { hideFigures() }

    /// Takes away the figures that are read when the page is rendered, so that another writer of the same
    /// name may show its own. For a writer that has ended.
    public func hideFigures() {
        for token in readers { registry.removeReader(token) }
    }

    /// Sends until cancelled, or until a drain is done. Called once.
    public func run() async {
        let isFirst = hasBegun.withLock { begun in
            defer { begun = true }
            return !begun
        }
        precondition(isFirst, "a remote writer runs once")
        await withTaskGroup(of: Bool.self) { group in
            for lane in lanes {
                group.addTask {
                    await lane.run()
                    return true
                }
            }
            group.addTask {
                await self.drainExpired.wait()
                return false
            }
            var left = lanes.count
            while left > 0, let isLane = await group.next(), isLane { left -= 1 }
            group.cancelAll()
        }
        stopped.signal()
    }

    /// For SIGTERM: sends what is buffered now without waiting for full batches, gives up at `deadlineNs`
    /// of the monotonic clock, and ends `run`. What is left stays in the buffer for the next start.
    public func drain(untilNs deadlineNs: UInt64) async {
        shared.beginDrain(untilNs: deadlineNs)
        guard hasBegun.withLock({ $0 }) else { return }
        // A cancellation ends the drain like its deadline.
        await stopped.wait(untilNs: deadlineNs, clock: shared.clock)
        drainExpired.signal()
        await stopped.wait()
    }

    /// How the destination fares now.
    public func status() -> RemoteWriteStatus {
        let lanes = lanes.map(\.status)
        let oldestMs = lanes.compactMap(\.oldestPendingMs).min()
        return RemoteWriteStatus(
            name: configuration.name, url: HTTPURL.shown(configuration.url), lanes: lanes,
            backlogAgeMs: oldestMs.map { max(0, shared.clock.wallMs - $0) }, lastStoredMs: shared.lastStoredMs
        )
    }
}
