public import Configuration
public import HTTPTransport
public import Logging
public import MetricModel
public import Platform
import Synchronization
public import Telemetry

/// The targets of one job, each with a loop of its own. Thread-safe.
public final class ScrapePool: Sendable {
    private struct State {
        /// Every loop that has not ended, unwanted ones included.
        var loops: [ScrapeTarget: ScrapeLoop] = [:]
        /// Made and not yet started.
        var waiting: [ScrapeLoop] = []
    }

    private let configuration: ScrapeConfiguration
    private let externalLabels: LabelSet
    private let keepsExemplars: Bool
    private let layouts: LayoutInterner
    private let templates = TemplateInterner()
    private let context: ScrapeContext
    private let state = Mutex(State())
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    /// A pool without targets. `offsetSeed` spreads the targets differently for different agents: a hash of
    /// the host's name and the external labels.
    public init(
        configuration: ScrapeConfiguration, externalLabels: LabelSet, http: any HTTPPerforming,
        workers: WorkerPool,
        appender: any FrameAppending, interner: LayoutInterner, clock: any AgentClock,
        registry: MetricRegistry,
        logger: Logger, offsetSeed: UInt64, keepsExemplars: Bool = false
    ) {
        self.configuration = configuration
        self.externalLabels = externalLabels
        self.keepsExemplars = keepsExemplars
        layouts = interner
        var logger = logger
        logger[metadataKey: "scrape_pool"] = "\(configuration.jobName)"
        context = ScrapeContext(
            http: http, workers: workers, appender: appender, clock: clock,
            metrics: ScrapeMetrics(
                registry: registry, job: configuration.jobName, intervalMs: configuration.scrapeIntervalMs),
            logger: logger, intervalMs: configuration.scrapeIntervalMs, offsetSeed: offsetSeed)
        // One wake-up stands for any number of changes: the loops themselves are in `state`.
        (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Makes `targets` the job's targets: starts loops for new ones, leaves those that stay alone, and lets
    /// those that are gone end. May be called before `run`.
    public func sync(_ targets: [ScrapeTarget]) {
        let startNs = context.clock.monotonicNs
        let wanted = Set(targets)
        state.withLock { state in
            for (target, loop) in state.loops { loop.isWanted = wanted.contains(target) }
            for target in wanted where state.loops[target] == nil {
                let loop = makeLoop(target)
                state.loops[target] = loop
                state.waiting.append(loop)
            }
        }
        changed.yield()
        context.metrics.poolTargets.set(Double(wanted.count))
        context.metrics.poolSyncs.add()
        context.metrics.syncLength.observe(Double(context.clock.monotonicNs &- startNs) / 1e9)
    }

    /// Scrapes until the task is cancelled. No stale markers are written then: a restart must not end every
    /// series.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in changes {
                let loops = state.withLock { state in
                    defer { state.waiting = [] }
                    return state.waiting
                }
                for loop in loops {
                    group.addTask { await loop.run { self.mayEnd(loop) } }
                }
            }
        }
    }

    /// The job's targets in the order of their URLs and labels.
    public func targetStates() -> [TargetState] {
        let loops = state.withLock { state in state.loops.values.filter(\.isWanted) }
        return loops.map(\.state).sorted {
            ($0.url, $0.labels.description) < ($1.url, $1.labels.description)
        }
    }

    /// Lets go of a loop that ended its series, unless discovery has brought its target back meanwhile.
    private func mayEnd(_ loop: ScrapeLoop) -> Bool {
        state.withLock { state in
            guard !loop.isWanted else { return false }
            state.loops[loop.target] = nil
            return true
        }
    }

    private func makeLoop(_ target: ScrapeTarget) -> ScrapeLoop {
        var configuration = configuration
        configuration.scrapeTimeoutMs = target.timeoutMs ?? configuration.scrapeTimeoutMs
        let engine = ScrapeEngine(
            target: Target(job: configuration.jobName, own: target.labels, external: externalLabels),
            honorLabels: configuration.honorLabels, honorTimestamps: configuration.honorTimestamps,
            keepsExemplars: keepsExemplars, histograms: HistogramOptions(configuration.histograms),
            rules: SeriesRules(configuration), tracksStaleness: configuration.trackTimestampsStaleness,
            reportsExtra: configuration.extraScrapeMetrics, timeoutMs: configuration.scrapeTimeoutMs,
            layouts: layouts, templates: templates)
        return ScrapeLoop(
            target: target, engine: engine, exchange: ScrapeExchange(configuration, url: target.url),
            context: context)
    }
}
