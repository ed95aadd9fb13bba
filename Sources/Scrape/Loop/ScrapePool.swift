import Configuration
public import Logging
public import MetricModel
public import Platform
import Synchronization
public import Telemetry

/// The targets of one job, each with a loop of its own. Thread-safe.
public final class ScrapePool: ScrapeLoopOwner {
    struct State {
        var plan: ScrapePlan
        var context: ScrapeContext
        /// What is known of lines, which holds for one way of reading and relabelling them.
        var templates = TemplateInterner()
        /// Counts the plans by which every target has a new loop.
        var generation: UInt64 = 0
        /// Loops of earlier generations that are not over.
        var oldCount = 0
        /// When the present plan was given; nil once a list of targets was taken by it.
        var replannedNs: UInt64?
        /// Every loop that has not ended, unwanted ones included.
        var loops: [ScrapeTarget: ScrapeLoop] = [:]
        /// Made and not started, before `run`.
        var waiting: [ScrapeLoop] = []
        /// New targets wait until memory is no longer short.
        var holdsNew = false
        /// Those that wait for that. They have no loops yet: a loop takes some thousand bytes.
        var held: Set<ScrapeTarget> = []
        /// Why no target is asked, as the last list said; nil where they are.
        var refusal: ScrapeError?
        /// How many targets the agent has.
        var fleetSize = Int.max
        /// The job has had targets: those that come from now on wait for their phase.
        var hasHadTargets = false
        var isRunning = false
        var isStopping = false
        /// The job was removed: its targets end, and no others come.
        var isEnding = false
        var passed = PassedSeries()
        /// Loops started and not over.
        var activeCount = 0
        /// `run`, which waits for the last of them.
        var whenOver: CheckedContinuation<Void, Never>?

        /// Whom to tell that all is over; nil while it is not.
        mutating func takeOver() -> CheckedContinuation<Void, Never>? {
            (isStopping || isEnding) && activeCount == 0 ? whenOver.take() : nil
        }
    }

    private let exemplars: FrameSwitch
    private let details: FrameSwitch
    private let layouts: LayoutInterner
    private let clock: any AgentClock
    private let logger: Logger
    let metrics: ScrapeMetrics
    private let targetLimit: Gauge
    let whenOldAreOver: @Sendable () -> Void
    /// Whether series that are new come in.
    let gate: SeriesGate
    let state: Mutex<State>

    /// A pool without targets. `whenOldAreOver` is called when the last of the loops is over that a plan with
    /// new loops has replaced: what they knew of their series is free then. What new series cost is taken
    /// from `room`; those that do not fit are left out.
    public init(
        _ plan: ScrapePlan, workers: WorkerPool, appender: any FrameAppending, interner: LayoutInterner,
        clock: any AgentClock, registry: MetricRegistry, logger: Logger,
        exemplars: FrameSwitch = FrameSwitch(false), details: FrameSwitch = FrameSwitch(false),
        room: MemoryRoom = MemoryRoom(), whenOldAreOver: @escaping @Sendable () -> Void = {}
    ) {
        gate = SeriesGate(room: room)
        self.whenOldAreOver = whenOldAreOver
        self.exemplars = exemplars
        self.details = details
        self.clock = clock
        layouts = interner
        let job = plan.configuration.jobName
        var logger = logger
        logger[metadataKey: "scrape_pool"] = "\(job)"
        self.logger = logger
        metrics = ScrapeMetrics(registry: registry, clock: clock, job: job)
        targetLimit = registry.gauge(
            "prometheus_target_scrape_pool_target_limit",
            help: "Maximum number of targets allowed in this scrape pool.",
            labels: [(name: "scrape_job", value: job)])
        let context = ScrapeContext(
            plan, workers: workers, appender: appender, clock: clock, metrics: metrics, logger: logger)
        state = Mutex(State(plan: plan, context: context))
        show(plan)
    }

    deinit { state.withLock { $0.plan.fleet }?.leave(self) }

    /// Other values for a job of the same name. Targets of the next list are taken by it. With `renewsLoops`
    /// each of them has a new loop, which takes over from the one of equal labels that it had: the old one
    /// writes stale markers only for series that the new one does not give. Without, the plan differs from
    /// the one before only in what makes targets, and a target of the next list that is as before is left
    /// alone. Until that list comes all goes on as it was.
    public func replan(_ plan: ScrapePlan, renewsLoops: Bool) {
        let nowNs = clock.monotonicNs
        state.withLock { state in
            precondition(
                plan.configuration.jobName == state.plan.configuration.jobName, "a pool has one job")
            state.context = ScrapeContext(plan, like: state.context)
            state.plan = plan
            if renewsLoops {
                state.generation += 1
                state.templates = TemplateInterner()
                state.oldCount = state.loops.count + state.held.count
            }
            state.replannedNs = state.replannedNs ?? nowNs
        }
        show(plan)
        metrics.poolReloads.add()
    }

    /// Ends every target at once: all of its series get stale markers, as of now, or as of the moment that a
    /// target which has ended already is waiting to mark. Other targets of the job
    /// that may give some of them end as well. So a job that has them next, of this or another name, gives
    /// its first samples behind the markers. `run` returns when that is done; later lists are ignored.
    public func end() {
        let (loops, over, isLastOld) = state.withLock { state in
            state.isEnding = true
            state.plan.fleet?.leave(self)
            let isLastOld = state.dropWaiting { _ in true }
            for loop in state.loops.values { loop.isWanted = false }
            state.passed.setGone(state.loops.keys, nowNs: clock.monotonicNs)
            metrics.waitingTargets.set(0)
            return (Array(state.loops.values), state.takeOver(), isLastOld)
        }
        for loop in loops { loop.endWithJob() }
        over?.resume()
        if isLastOld { whenOldAreOver() }
        metrics.poolTargets.set(0)
    }

    private func show(_ plan: ScrapePlan) {
        // There before the first reload, so that a panel of its quantiles is not blank.
        _ = metrics.reloadLength(ofMs: plan.configuration.scrapeIntervalMs)
        targetLimit.set(Double(plan.configuration.targetLimit))
    }

    /// Makes `targets` the job's targets: starts loops for new ones, leaves those that stay alone, and lets
    /// those that are gone end: at their next tick, or those of `stopped`, which have ended for good, at
    /// once. Series that another target goes on with do not end. May be called before `run`.
    public func sync(_ targets: [ScrapeTarget], stopped: [ScrapeTarget] = []) {
        let startNs = clock.monotonicNs
        let taken = state.withLock { state -> Taken? in
            guard !state.isEnding else { return nil }
            let generation = state.generation
            let wanted = Set(targets.map { $0.of(generation: generation) })
            let limit = state.plan.configuration.targetLimit
            let refusal = Self.refusal(of: wanted.count, limit: limit)
            for (target, loop) in state.loops {
                loop.isWanted = wanted.contains(target)
                loop.refusal = refusal
            }
            // As targets of this plan: a reload must not end their waiting.
            let heldBefore = Set(state.held.map { $0.of(generation: generation) })
            let isLastOld = state.dropWaiting { !wanted.contains($0) }
            state.refusal = refusal
            state.fleetSize = state.plan.fleet?.note(wanted.count, of: self) ?? .max
            addLoops(for: wanted, heldBefore: heldBefore, &state)
            if !wanted.isEmpty { state.hasHadTargets = true }
            state.passed.setGone(
                state.loops.lazy.filter { !$0.value.isWanted }.map(\.key), nowNs: startNs)
            handOver(state.loops)
            let ended = stopped.map { $0.of(generation: generation) }
                .compactMap { wanted.contains($0) ? nil : state.loops[$0] }
            let intervalMs = state.plan.configuration.scrapeIntervalMs
            let replanned = state.replannedNs.take().map { (sinceNs: $0, intervalMs: intervalMs) }
            return Taken(
                count: wanted.count, due: state.takeWaiting(), ended: ended, refusal: refusal,
                replanned: replanned, isLastOld: isLastOld)
        }
        guard let taken else { return }
        for loop in taken.due { loop.start() }
        for loop in taken.ended { loop.endNow() }
        if taken.isLastOld { whenOldAreOver() }
        if let refusal = taken.refusal {
            metrics.targetLimitExceeded.add()
            logger.error("no target of this job is scraped", metadata: ["err": "\(refusal)"])
        }
        metrics.poolTargets.set(Double(taken.count))
        metrics.poolSyncs.add()
        metrics.syncLength.observe(sinceNs: startNs, clock)
        if let replanned = taken.replanned {
            metrics.reloadLength(ofMs: replanned.intervalMs)
                .observe(Double(clock.monotonicNs &- replanned.sinceNs) / 1e9)
        }
    }

    /// What is to be done with a list of targets once the lock is open.
    private struct Taken {
        var count: Int
        var due: [ScrapeLoop]
        var ended: [ScrapeLoop]
        var refusal: ScrapeError?
        var replanned: (sinceNs: UInt64, intervalMs: Int64)?
        /// Of the loops that a plan with new ones has replaced the last is gone.
        var isLastOld: Bool
    }

    /// Tells the loops of targets that are gone which others have their labels.
    private func handOver(_ loops: [ScrapeTarget: ScrapeLoop]) {
        let gone = loops.values.filter { !$0.isWanted }
        guard !gone.isEmpty else { return }
        let places = Set(gone.map(\.target.labels))
        let heirs = loops.values.filter { places.contains($0.target.labels) && $0.isWanted }
        let byLabels = Dictionary(grouping: heirs, by: \.target.labels)
        for loop in gone {
            if let successors = byLabels[loop.target.labels] { loop.replaced(by: successors) }
        }
    }

    /// Too many targets: all of them fail, as in Prometheus, and none is asked. Nil when they may be scraped.
    private static func refusal(of count: Int, limit: Int) -> ScrapeError? {
        guard limit > 0, count > limit else { return nil }
        return ScrapeError(
            .targetLimit, "target_limit exceeded: the job has \(count) targets, the limit is \(limit)")
    }

    /// Scrapes until the task is cancelled, and returns when nothing is in work any more. No stale markers
    /// are written then: a restart must not end every series. Returns after `end`, too. Called once.
    public func run() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (due, over) = state.withLock { state in
                    state.isRunning = true
                    state.whenOver = continuation
                    return (state.takeWaiting(), state.takeOver())
                }
                for loop in due { loop.start() }
                over?.resume()
            }
        } onCancel: {
            let (loops, over) = state.withLock { state in
                state.isStopping = true
                return (Array(state.loops.values), state.takeOver())
            }
            for loop in loops { loop.stop() }
            over?.resume()
        }
    }

    func mayEnd(_ loop: ScrapeLoop) -> Bool {
        state.withLock { state in
            guard !loop.isWanted else { return false }
            state.loops[loop.target] = nil
            state.passed.ended(loop.target)
            return true
        }
    }

    func others(than loop: ScrapeLoop) -> [ScrapeLoop] {
        state.withLock { state in state.loops.values.filter { $0 !== loop } }
    }

    func gives(
        _ loop: ScrapeLoop, _ now: ScrapeState?, ended: [UInt32], after before: ScrapeState,
        at timestampMs: Int64
    ) {
        let nowNs = clock.monotonicNs
        state.withLock {
            guard $0.passed.isAwaited else { return }
            $0.passed.add(
                before: before, after: now, ended: ended, of: loop.target, loop.engine, at: timestampMs,
                nowNs: nowNs)
        }
    }

    func passed(for loop: ScrapeLoop, andOthers: Bool) -> [PassedSeries.Entry] {
        state.withLock { $0.passed.entries(of: loop.target, andOthers: andOthers) }
    }

    func isOver(_ loop: ScrapeLoop) {
        let (over, isLastOld) = state.withLock { state in
            state.activeCount -= 1
            let isOld = loop.target.generation < state.generation && state.oldCount > 0
            if isOld { state.oldCount -= 1 }
            return (state.takeOver(), isOld && state.oldCount == 0)
        }
        over?.resume()
        if isLastOld { whenOldAreOver() }
    }

    func makeLoop(_ target: ScrapeTarget, _ state: State) -> ScrapeLoop {
        let plan = state.plan
        var configuration = plan.configuration
        configuration.scrapeTimeoutMs = target.timeoutMs ?? configuration.scrapeTimeoutMs
        let engine = ScrapeEngine(
            target: Target(job: configuration.jobName, own: target.labels, external: plan.externalLabels),
            honorLabels: configuration.honorLabels, honorTimestamps: configuration.honorTimestamps,
            exemplars: exemplars, details: details, readsStarts: configuration.readsStartTimestamps,
            addsStartSamples: configuration.addsStartSamples, startFloorMs: plan.startFloorMs,
            histograms: HistogramOptions(configuration.histograms),
            rules: SeriesRules(configuration), tracksStaleness: configuration.trackTimestampsStaleness,
            reportsExtra: configuration.extraScrapeMetrics, timeoutMs: configuration.scrapeTimeoutMs,
            relabelling: MetricRelabelling(
                rules: configuration.metricRelabelRules, externalLabels: plan.externalLabels),
            gate: gate, layouts: layouts, templates: state.templates)
        return ScrapeLoop(
            target: target, engine: engine,
            exchange: ScrapeExchange(configuration, url: target.url, unixSocketPath: target.unixSocketPath),
            context: state.context, fleetSize: state.fleetSize, owner: self,
            takesCurrentPhase: !state.hasHadTargets)
    }
}
