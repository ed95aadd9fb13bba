public import Configuration
public import HTTPTransport
public import Logging
public import MetricModel
public import Platform
import Synchronization
public import Telemetry

/// The targets of one job, each with a loop of its own. Thread-safe.
public final class ScrapePool: ScrapeLoopOwner {
    private struct State {
        /// Every loop that has not ended, unwanted ones included.
        var loops: [ScrapeTarget: ScrapeLoop] = [:]
        /// Made before `run`.
        var waiting: [ScrapeLoop] = []
        var isRunning = false
        var isStopping = false
        var passed = PassedSeries()
        /// Loops started and not over.
        var activeCount = 0
        /// `run`, which waits for the last of them.
        var whenOver: CheckedContinuation<Void, Never>?

        /// Whom to tell that all is over; nil while it is not.
        mutating func takeOver() -> CheckedContinuation<Void, Never>? {
            isStopping && activeCount == 0 ? whenOver.take() : nil
        }
    }

    private let configuration: ScrapeConfiguration
    private let externalLabels: LabelSet
    private let keepsExemplars: Bool
    private let startFloorMs: Int64
    private let layouts: LayoutInterner
    private let templates = TemplateInterner()
    private let context: ScrapeContext
    private let state = Mutex(State())

    /// A pool without targets. An `http` that can schedule does so: a task for each scrape costs more.
    /// `offsetSeed` spreads the targets differently for different agents: a hash of the host's name and the
    /// external labels. `startFloorMs` is the newest time of which an earlier run has stored samples: series
    /// that began before are not told anew to begin.
    public init(
        configuration: ScrapeConfiguration, externalLabels: LabelSet, http: any HTTPPerforming,
        workers: WorkerPool,
        appender: any FrameAppending, interner: LayoutInterner, clock: any AgentClock,
        registry: MetricRegistry,
        logger: Logger, offsetSeed: UInt64, keepsExemplars: Bool = false, startFloorMs: Int64 = Int64.min,
        failureLog: ScrapeFailureLog? = nil
    ) {
        self.configuration = configuration
        self.externalLabels = externalLabels
        self.keepsExemplars = keepsExemplars
        self.startFloorMs = startFloorMs
        layouts = interner
        var logger = logger
        logger[metadataKey: "scrape_pool"] = "\(configuration.jobName)"
        let metrics = ScrapeMetrics(registry: registry, clock: clock, job: configuration.jobName)
        context = ScrapeContext(
            http: http as? any HTTPScheduling ?? HTTPTaskScheduler(http, clock: clock), workers: workers,
            appender: appender, clock: clock, metrics: metrics,
            intervalLengths: IntervalLengths(metrics, jobMs: configuration.scrapeIntervalMs),
            logger: logger, intervalMs: configuration.scrapeIntervalMs, offsetSeed: offsetSeed,
            job: configuration.jobName, failureLog: failureLog)
        // There before the first reload, so that a panel of its quantiles is not blank.
        _ = context.metrics.reloadLength(ofMs: configuration.scrapeIntervalMs)
        registry.gauge(
            "prometheus_target_scrape_pool_target_limit",
            help: "Maximum number of targets allowed in this scrape pool.",
            labels: [(name: "scrape_job", value: configuration.jobName)]
        ).set(Double(configuration.targetLimit))
    }

    /// Makes `targets` the job's targets: starts loops for new ones, leaves those that stay alone, and lets
    /// those that are gone end: at their next tick, or those of `stopped`, which have ended for good, at
    /// once. Series that another target goes on with do not end. May be called before `run`.
    public func sync(_ targets: [ScrapeTarget], stopped: [ScrapeTarget] = []) {
        let startNs = context.clock.monotonicNs
        let wanted = Set(targets)
        let refusal = refusal(of: wanted.count)
        let (due, ended) = state.withLock { state in
            for (target, loop) in state.loops {
                loop.isWanted = wanted.contains(target)
                loop.refusal = refusal
            }
            for target in wanted where state.loops[target] == nil {
                let loop = makeLoop(target)
                loop.refusal = refusal
                state.loops[target] = loop
                state.waiting.append(loop)
            }
            state.passed.setGone(
                state.loops.lazy.filter { !$0.value.isWanted }.map(\.key), nowNs: startNs)
            handOver(state.loops)
            let ended = stopped.compactMap { wanted.contains($0) ? nil : state.loops[$0] }
            return (takeWaiting(&state), ended)
        }
        for loop in due { loop.start() }
        for loop in ended { loop.endNow() }
        context.metrics.poolTargets.set(Double(wanted.count))
        context.metrics.poolSyncs.add()
        context.metrics.syncLength.observe(sinceNs: startNs, context.clock)
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
    private func refusal(of count: Int) -> ScrapeError? {
        let limit = configuration.targetLimit
        guard limit > 0, count > limit else { return nil }
        context.metrics.targetLimitExceeded.add()
        let error = ScrapeError(
            .targetLimit, "target_limit exceeded: the job has \(count) targets, the limit is \(limit)")
        context.logger.error(
            "no target of this job is scraped", metadata: ["err": "\(error)"])
        return error
    }

    /// Scrapes until the task is cancelled, and returns when nothing is in work any more. No stale markers
    /// are written then: a restart must not end every series. Called once.
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

    /// The job's targets in the order of their URLs and labels.
    public func targetStates() -> [TargetState] {
        let loops = state.withLock { state in state.loops.values.filter(\.isWanted) }
        return loops.map(\.state).sorted {
            ($0.url, $0.labels.description) < ($1.url, $1.labels.description)
        }
    }

    /// What the job's targets have now. Quick: no series and no text is looked at.
    public var size: ScrapePoolSize {
        let loops = state.withLock { state in state.loops.values.filter(\.isWanted) }
        return loops.reduce(into: ScrapePoolSize()) { $0.add($1.scrape) }
    }

    /// A target and what it says about its metric families; empty before its first good scrape.
    public struct DescribedTarget: Sendable {
        public let labels: LabelSet
        /// Made when it is called, of what the last good scrape left.
        public let metadata: @Sendable () -> [MetricFamilyMetadata]
    }

    /// The job's targets in the order of their URLs and labels.
    public var targets: [DescribedTarget] {
        let loops = state.withLock { state in state.loops.values.filter(\.isWanted) }
        return loops.sorted {
            ($0.target.url, $0.target.labels.description) < ($1.target.url, $1.target.labels.description)
        }.map { loop in DescribedTarget(labels: loop.target.labels) { loop.metadata } }
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
        _ loop: ScrapeLoop, _ chunks: [TemplateChunk], after before: [TemplateChunk], at timestampMs: Int64
    ) {
        guard state.withLock({ $0.passed.isAwaited }) else { return }
        let now = Set(chunks.map { ObjectIdentifier($0) })
        let passed = before.filter { !now.contains(ObjectIdentifier($0)) }
        guard !passed.isEmpty else { return }
        let nowNs = context.clock.monotonicNs
        state.withLock {
            $0.passed.add(passed, of: loop.target, loop.engine, at: timestampMs, nowNs: nowNs)
        }
    }

    func passed(for loop: ScrapeLoop, andOthers: Bool) -> [PassedSeries.Entry] {
        state.withLock { $0.passed.entries(of: loop.target, andOthers: andOthers) }
    }

    func isOver(_ loop: ScrapeLoop) {
        let over = state.withLock { state in
            state.activeCount -= 1
            return state.takeOver()
        }
        over?.resume()
    }

    private func makeLoop(_ target: ScrapeTarget) -> ScrapeLoop {
        var configuration = configuration
        configuration.scrapeTimeoutMs = target.timeoutMs ?? configuration.scrapeTimeoutMs
        let engine = ScrapeEngine(
            target: Target(job: configuration.jobName, own: target.labels, external: externalLabels),
            honorLabels: configuration.honorLabels, honorTimestamps: configuration.honorTimestamps,
            keepsExemplars: keepsExemplars, readsStarts: configuration.readsStartTimestamps,
            startFloorMs: startFloorMs, histograms: HistogramOptions(configuration.histograms),
            rules: SeriesRules(configuration), tracksStaleness: configuration.trackTimestampsStaleness,
            reportsExtra: configuration.extraScrapeMetrics, timeoutMs: configuration.scrapeTimeoutMs,
            relabelling: MetricRelabelling(
                rules: configuration.metricRelabelRules, externalLabels: externalLabels),
            layouts: layouts, templates: templates)
        return ScrapeLoop(
            target: target, engine: engine,
            exchange: ScrapeExchange(configuration, url: target.url, unixSocketPath: target.unixSocketPath),
            context: context, owner: self)
    }
}
