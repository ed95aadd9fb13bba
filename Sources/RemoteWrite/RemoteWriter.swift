import Addresses
public import AWS
public import Configuration
public import HTTPTransport
public import Logging
public import MetricModel
public import Platform
import Synchronization
public import Telemetry
public import WriteAheadBuffer

/// Sends what the buffer holds for one destination: a window of requests flies at once, each in a slot,
/// which is a child task. There are as many slots as were ever of use at the same time.
public final class RemoteWriter: Sendable {
    private let configuration: RemoteWriteConfiguration
    let shared: DestinationShared
    private let slots: SlotList
    private let spawns: AsyncStream<Void>
    private let spawning: AsyncStream<Void>.Continuation
    /// Nil where no metadata are sent apart from samples.
    private let metadata: MetadataSender?
    private let registry: MetricRegistry
    private let readers: [UInt64]
    private let hasBegun = Mutex(false)
    private let drainExpired = Event()
    private let stopped = Event()

    /// Tells a destination's cursor which receiver the next sender sends to. Called before each sender is
    /// made: what was in flight to another receiver is not taken to be stored by this one
    /// (`BufferDestination.begin(for:)`). Writes a file, so not for Swift's cooperative pool.
    public static func prepare(_ destination: BufferDestination, for configuration: RemoteWriteConfiguration)
    {
        destination.begin(for: DestinationMessages.digest(configuration.url))
    }

    /// `destination` is the buffer's cursor for this destination. With a `sigv4` block requests are signed
    /// with `credentials`, for the block's region or else `region`. `families` gives what is known of the
    /// metric families now; without it no metadata are sent apart from samples.
    public init(
        configuration: RemoteWriteConfiguration, destination: BufferDestination, http: any HTTPPerforming,
        credentials: (any CredentialsProvider)?, region: String?, workers: WorkerPool, clock: any AgentClock,
        registry: MetricRegistry, logger: Logger, families: (@Sendable () -> [MetricMetadata])? = nil
    ) {
        self.configuration = configuration
        self.registry = registry
        let reader = destination.reader
        (spawns, spawning) = AsyncStream.makeStream(of: Void.self)
        var named = logger
        named[metadataKey: "remote_name"] = "\(configuration.name)"
        named[metadataKey: "url"] = "\(HTTPURL.shown(configuration.url))"
        let metrics = RemoteWriteMetrics(configuration, registry: registry)
        let shared = DestinationShared(
            configuration: configuration, reader: reader,
            sender: RequestSender(
                configuration, http: http, credentials: credentials, region: region, clock: clock),
            workers: workers, clock: clock, metrics: metrics, logger: named)
        self.shared = shared
        let slots = SlotList()
        self.slots = slots
        let window = shared.window
        metadata = Self.metadataSender(families, shared, named)
        readers = metrics.observe(
            .init(
                highestTimestampMs: { destination.highestTimestampMs },
                backlog: { destination.sampleCounts.open },
                pending: {
                    slots.all.reduce(into: (histograms: 0, exemplars: 0)) {
                        $0.histograms += $1.status.pendingHistograms
                        $0.exemplars += $1.status.pendingExemplars
                    }
                },
                leftOutSeries: { shared.leftOut.withLock { $0.count } },
                shards: {
                    let counts = destination.sampleCounts
                    let desired = shared.lessons.shardsDesired(
                        taken: counts.taken, backlog: counts.open, shared.clock.monotonicNs)
                    return (shared.lessons.windowSize, desired)
                }, readingStop: { window.readingStop }))
        _ = newSlot()
    }

    /// Bytes of the buffers that are kept for the next requests.
    public var keptRequestBytes: Int { shared.scratches.keptBytes }

    /// Frees what is kept for the next requests: buffers, and symbols of remote write 2.0. They are made
    /// again when they are needed. Any thread; they are freed on the caller's, without waiting for another.
    /// What is known of chunks that are gone goes with the next look at the log.
    public func relax() {
        shared.scratches.relax()
        shared.window.letGoOfThePast()
    }

    /// Frees the buffers that are kept for the next requests, and of the symbols those of chunks that are
    /// gone. All other symbols stay: the next requests need them, and to make them costs more than buffers.
    /// Any thread, as with `relax`.
    public func emptySpares() {
        shared.scratches.emptyFree()
        shared.window.letGoOfThePast()
    }

    private static func metadataSender(
        _ families: (@Sendable () -> [MetricMetadata])?, _ shared: DestinationShared, _ logger: Logger
    ) -> MetadataSender? {
        let configuration = shared.configuration
        // Remote write 2.0 has metadata with each series. A destination of 2.0 has a sender, too, since it
        // may fall back to 1.0; until then the sender sends nothing.
        guard let families, configuration.metadata.send else { return nil }
        var generator = SystemRandomNumberGenerator()
        return MetadataSender(shared: shared, families: families, logger: logger, seed: generator.next())
    }

    /// One more slot, which is to be run.
    private func newSlot() -> SlotRunner {
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        return slots.add { number in
            SlotRunner(
                number: number, shared: shared, seed: seed, spawn: { [spawning] in spawning.yield() })
        }
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
            group.addTask {
                await self.runSlots()
                return true
            }
            group.addTask {
                await self.drainExpired.wait()
                return true
            }
            if let metadata {
                // The writer ends without waiting for it.
                group.addTask {
                    await metadata.run()
                    return false
                }
            }
            while let isOver = await group.next(), !isOver {}
            group.cancelAll()
        }
        stopped.signal()
    }

    /// Runs the slots there are, and those that are asked for, until all have ended.
    private func runSlots() async {
        await withDiscardingTaskGroup { group in
            // On the workers: an answer is booked and the next request cut, signed and handed to the client
            // by the thread that the answer wakes.
            let workers = shared.workers
            for slot in slots.all { group.addTask(executorPreference: workers) { await self.run(slot) } }
            for await _ in spawns {
                let slot = newSlot()
                group.addTask(executorPreference: workers) { await self.run(slot) }
            }
        }
    }

    private func run(_ slot: SlotRunner) async {
        await slot.run()
        if shared.window.turns.slots == 0 { spawning.finish() }
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
        let storedMs = shared.lastStoredMs
        let shown = slots.all.map { $0.status.current(storedMs: storedMs) }
        let oldestMs = (shown.map(\.oldestPendingMs) + [shared.window.waiting.oldestMs]).compactMap { $0 }
            .min()
        return RemoteWriteStatus(
            name: configuration.name, url: HTTPURL.shown(configuration.url), slots: shown,
            backlogAgeMs: oldestMs.map { max(0, shared.clock.wallMs - $0) },
            lastStoredMs: storedMs, readingStop: shared.window.readingStop,
            sampleAgeLimitMs: shared.limits.age.limitMs)
    }
}
