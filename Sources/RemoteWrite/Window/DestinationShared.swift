internal import Configuration
internal import Logging
internal import Platform
internal import Relabel
import Synchronization
internal import Telemetry
internal import WriteAheadBuffer

/// What the slots of one destination share.
final class DestinationShared: Sendable {
    private struct State {
        var drainDeadlineNs: UInt64?
        var lastStoredNs: UInt64?
        var lastStoredMs: Int64?
        /// Requests that have left and have no answer; other claims wait at the gate or for a pace.
        var sending = 0
    }

    let configuration: RemoteWriteConfiguration
    let sender: RequestSender
    let workers: WorkerPool
    let clock: any AgentClock
    let metrics: RemoteWriteMetrics
    let limits: BatchCollector.Limits
    let scratches: ScratchPool
    let lessons: DestinationLessons
    let messages: DestinationMessages
    let gate: DestinationGate
    let window: ShippingWindow
    /// What former versions would tell of the options that hold now.
    private let formerOptions: UInt64
    /// Series that are not sent for a while.
    let leftOut = Mutex(LeftOutSeries())
    let log: DestinationLog
    private let logger: Logger
    private let windowLog = Mutex(WindowLog())
    let draining = Event()
    private let state = Mutex(State())

    init(
        configuration: RemoteWriteConfiguration, reader: DestinationReader, sender: RequestSender,
        workers: WorkerPool, clock: any AgentClock, metrics: RemoteWriteMetrics, logger: Logger
    ) {
        let queue = configuration.queue
        gate = DestinationGate(
            firstMs: queue.minBackoffMs, mostMs: queue.maxBackoffMs, seed: clock.monotonicNs)
        lessons = DestinationLessons(
            WindowSize(least: queue.minShards, most: queue.maxShards), limits: OwnLimits(configuration.limits)
        )
        messages = DestinationMessages(configuration, remembered: reader.receiver, wallMs: clock.wallMs)
        lessons.probes(messages.isProbing)
        scratches = ScratchPool(memory: reader.memory)
        self.configuration = configuration
        self.sender = sender
        self.workers = workers
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        log = DestinationLog(logger, SentCredentials(configuration))
        let rules = configuration.writeRelabelRules
        let names =
            RequestOptions.escapesNames(configuration)
            ? EscapedNames(count: metrics.escapedNames, logger: logger, clock: clock) : nil
        let views = rules.isEmpty && names == nil ? nil : WriteRelabelViews(rules, escaping: names)
        let age = SampleAge(configuredMs: queue.sampleAgeLimitMs, url: configuration.url)
        formerOptions = RequestOptions.formerDigest(configuration, age: age)
        window = ShippingWindow(
            reader: reader, lessons: lessons, views: views, mostSamples: queue.maxSamplesPerSend,
            mostFlying: queue.maxShards,
            options: RequestOptions.digest(configuration, age: age))
        limits = BatchCollector.Limits(
            bytes: BatchCollector.maxRequestBytes, age: age,
            sendsHistograms: configuration.sendNativeHistograms, sendsExemplars: configuration.sendExemplars,
            sendsCustomBuckets: configuration.sendCustomBuckets,
            sendsCustomBucketsBySymbols: RequestOptions.sendsCustomBucketsBySymbols(configuration))
    }

    var now: SlotStateMachine.Moment {
        .init(monotonicNs: clock.monotonicNs, wallMs: clock.wallMs, agingMs: clock.agingMs)
    }
    var drainDeadlineNs: UInt64? { state.withLock { $0.drainDeadlineNs } }
    /// When a request of any slot was last stored.
    var lastStoredNs: UInt64? { state.withLock { $0.lastStoredNs } }
    var lastStoredMs: Int64? { state.withLock { $0.lastStoredMs } }

    /// A request leaves.
    func began() { state.withLock { $0.sending += 1 } }

    /// The try of a request is over. How many were on their way until now, itself among them.
    func ended() -> Int {
        state.withLock { state in
            defer { state.sending -= 1 }
            return state.sending
        }
    }

    func beginDrain(untilNs deadlineNs: UInt64) {
        state.withLock { $0.drainDeadlineNs = deadlineNs }
        gate.hurry(untilNs: deadlineNs)
        draining.signal()
        window.changed.signal()
        window.reader.endWaits()
    }

    /// The order of a request that was in flight when the agent ended; nil where it was made by other
    /// options than those that hold now.
    func frameOrder(of request: SentRequest) -> SentRequest.FrameOrder? {
        request.frameOrder(by: window.options, former: formerOptions)
    }

    /// Looks for the next request (`ShippingWindow.look`), and says what the look has shown.
    func look(
        samples: Int, nowNs: UInt64, dueNs: UInt64
    ) -> Result<ShippingWindow.Look, BufferError> {
        do throws(BufferError) {
            let look = try window.look(samples: samples, nowNs: nowNs, dueNs: dueNs)
            windowLog.withLock { log in
                let (stop, hasRead) = (window.readingStop, window.hasRead)
                log.looked(stop, hasRead: hasRead, logger, nowNs: nowNs)
                log.foundDamaged(window.takeDamaged(), logger)
                if log.hasFilled(stop, hasRead: hasRead) { metrics.enqueueRetries.add() }
                guard case .claim(let claim) = look, let resend = claim.resend,
                    frameOrder(of: resend.request) == nil
                else { return }
                log.madeAgain(resend.request, options: window.options, logger)
            }
            return .success(look)
        } catch {
            return .failure(error)
        }
    }

    /// The series of a request are left out from now on. True when there are more of them than before.
    func leaveOut(_ request: PreparedRequest, reason: String, untilNs: UInt64, nowNs: UInt64) -> Bool {
        leftOut.withLock { leftOut in
            let before = leftOut.count
            leftOut.forgetOld(nowNs)
            for part in request.parts {
                leftOut.leaveOut(
                    part.samples, of: part.frame, reason: reason, untilNs: untilNs,
                    isFound: request.sampleCount == 1)
            }
            return leftOut.count > before
        }
    }

    /// The series of a request are no longer left out.
    func forgive(_ request: PreparedRequest) {
        leftOut.withLock { leftOut in
            for part in request.parts { leftOut.forgive(part.samples, of: part.frame) }
        }
    }

    func stored(_ now: SlotStateMachine.Moment) {
        state.withLock { state in
            state.lastStoredNs = now.monotonicNs
            state.lastStoredMs = now.wallMs
        }
    }
}
