import Configuration
public import Logging
public import MetricModel
public import Platform
import Synchronization
public import Telemetry

/// The targets of one job, each with a loop of its own. Thread-safe.
public final class ScrapePool: ScrapeLoopOwner {
    private struct State {
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
        /// Made before `run`.
        var waiting: [ScrapeLoop] = []
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
    private let metrics: ScrapeMetrics
    private let targetLimit: Gauge
    private let whenOldAreOver: @Sendable () -> Void
    private let room: MemoryRoom
    private let state: Mutex<State>

    /// A pool without targets. `whenOldAreOver` is called when the last of the loops is over that a plan with
    /// new loops has replaced: what they knew of their series is free then.
    public init(
        _ plan: ScrapePlan, workers: WorkerPool, appender: any FrameAppending, interner: LayoutInterner,
        clock: any AgentClock, registry: MetricRegistry, logger: Logger,
        exemplars: FrameSwitch = FrameSwitch(false), details: FrameSwitch = FrameSwitch(false),
        room: MemoryRoom = MemoryRoom(), whenOldAreOver: @escaping @Sendable () -> Void = {}
    ) {
        self.room = room
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
                state.oldCount = state.loops.count
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
        let (loops, over) = state.withLock { state in
            state.isEnding = true
            state.plan.fleet?.leave(self)
            // What has not begun has nothing to end.
            for loop in state.waiting { state.loops[loop.target] = nil }
            state.waiting = []
            for loop in state.loops.values { loop.isWanted = false }
            state.passed.setGone(state.loops.keys, nowNs: clock.monotonicNs)
            return (Array(state.loops.values), state.takeOver())
        }
        for loop in loops { loop.endWithJob() }
        over?.resume()
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
            let fleetSize = state.plan.fleet?.note(wanted.count, of: self) ?? .max
            for target in wanted where state.loops[target] == nil {
                let loop = makeLoop(target, state, fleetSize: fleetSize)
                loop.refusal = refusal
                state.loops[target] = loop
                state.waiting.append(loop)
            }
            if !wanted.isEmpty { state.hasHadTargets = true }
            state.passed.setGone(
                state.loops.lazy.filter { !$0.value.isWanted }.map(\.key), nowNs: startNs)
            handOver(state.loops)
            let ended = stopped.map { $0.of(generation: generation) }
                .compactMap { wanted.contains($0) ? nil : state.loops[$0] }
            let intervalMs = state.plan.configuration.scrapeIntervalMs
            let replanned = state.replannedNs.take().map { (sinceNs: $0, intervalMs: intervalMs) }
            return Taken(
                count: wanted.count, due: takeWaiting(&state), ended: ended, refusal: refusal,
                replanned: replanned)
        }
        guard let taken else { return }
        for loop in taken.due { loop.start() }
        for loop in taken.ended { loop.endNow() }
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
                    return (takeWaiting(&state), state.takeOver())
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

    /// The loops to be started now.
    private func takeWaiting(_ state: inout State) -> [ScrapeLoop] {
        guard state.isRunning, !state.isStopping else { return [] }
        defer { state.waiting = [] }
        state.activeCount += state.waiting.count
        return state.waiting
    }

    /// What the job's targets say about their metric families, each family once with the last word: that of
    /// the last target in the order of their URLs and labels. Lines that targets share are read once.
    public var families: [MetricMetadata] {
        let loops = loopsInOrder
        var seen: Set<ObjectIdentifier> = []
        var packed: [[UInt8]] = []
        // From the last target to the first, so that a chunk which several have counts where the last of them
        // has it.
        for loop in loops.reversed() {
            // The state holds the chunks, so that none of them takes the identity of another meanwhile.
            for chunk in loop.scrape.chunks.reversed() where seen.insert(ObjectIdentifier(chunk)).inserted {
                if !chunk.metadata.isEmpty { packed.append(chunk.metadata) }
            }
        }
        packed.reverse()
        return MetricFamilyMetadata.merged(packed).map {
            MetricMetadata(
                family: $0.family, kind: MetricMetadata.Kind(word: $0.type) ?? .unknown, help: $0.help,
                unit: $0.unit)
        }
    }

    /// The job's targets in the order of their URLs and labels.
    public func targetStates() -> [TargetState] {
        let loops = state.withLock { state in state.loops.values.filter(\.isWanted) }
        return loops.map(\.state).sorted { Self.stands(($0.url, $0.labels), before: ($1.url, $1.labels)) }
    }

    /// What the job's targets have now. Quick: no series and no text is looked at.
    public var size: ScrapePoolSize {
        let loops = state.withLock { state in state.loops.values.filter(\.isWanted) }
        return loops.reduce(into: ScrapePoolSize()) { $0.add($1.scrape) }
    }

    /// What the targets keep of their lines now; a look at each chunk of them.
    public var lineMemory: LineMemory {
        let (templates, loops) = state.withLock { ($0.templates, Array($0.loops.values)) }
        var memory = templates.size
        memory.targets = loops.count
        for loop in loops { memory.addOwn(loop.scrape) }
        return memory
    }

    /// A target and what it says about its metric families; empty before its first good scrape.
    public struct DescribedTarget: Sendable {
        public let labels: LabelSet
        /// Made when it is called, of what the last good scrape left.
        public let metadata: @Sendable () -> [MetricFamilyMetadata]
    }

    /// The job's targets in the order of their URLs and labels.
    public var targets: [DescribedTarget] {
        loopsInOrder.map { loop in DescribedTarget(labels: loop.target.labels) { loop.metadata } }
    }

    private var loopsInOrder: [ScrapeLoop] {
        state.withLock { state in state.loops.values.filter(\.isWanted) }.sorted {
            Self.stands(($0.target.url, $0.target.labels), before: ($1.target.url, $1.target.labels))
        }
    }

    /// By URLs, then by labels. These are written out only where two targets have the same URL: a text is
    /// much work for each comparison of a sort.
    private static func stands(
        _ one: (url: String, labels: LabelSet), before other: (url: String, labels: LabelSet)
    ) -> Bool {
        guard one.url == other.url else { return one.url < other.url }
        return one.labels.description < other.labels.description
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

    private func makeLoop(_ target: ScrapeTarget, _ state: State, fleetSize: Int) -> ScrapeLoop {
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
            layouts: layouts, templates: state.templates)
        return ScrapeLoop(
            target: target, engine: engine,
            exchange: ScrapeExchange(configuration, url: target.url, unixSocketPath: target.unixSocketPath),
            context: state.context, fleetSize: fleetSize, owner: self,
            takesCurrentPhase: !state.hasHadTargets)
    }
}
