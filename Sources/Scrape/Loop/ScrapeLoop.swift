import HTTPTransport
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry

/// Who keeps the loops.
protocol ScrapeLoopOwner: AnyObject, Sendable {
    /// The loop has ended its series. False: discovery has brought its target back meanwhile.
    func mayEnd(_ loop: ScrapeLoop) -> Bool
    /// The job's other loops.
    func others(than loop: ScrapeLoop) -> [ScrapeLoop]
    /// The loop's frame of `timestampMs` was appended: its series are those of `now`, nil for none, and were
    /// those of `before`. Those at the ordinals `ended` of `now` end with that frame.
    func gives(
        _ loop: ScrapeLoop, _ now: ScrapeState?, ended: [UInt32], after before: ScrapeState,
        at timestampMs: Int64)
    /// What targets with the loop's labels, or all, gave since it has been gone, and give no more.
    func passed(for loop: ScrapeLoop, andOthers: Bool) -> [PassedSeries.Entry]
    /// The loop does nothing any more.
    func isOver(_ loop: ScrapeLoop)
}

/// Scrapes one target, tick by tick, as `LoopStateMachine` decides, until it is stopped or the target gone.
///
/// No task: the client's thread begins the exchange when its time has come and hands the answer to a worker,
/// which parses, appends and schedules the next. So a scrape wakes one thread, once, besides the client's.
final class ScrapeLoop: HTTPExchange {
    private struct Shared {
        var state: TargetState
        var machine: LoopStateMachine
        /// Read and replaced by the one worker job that a loop has at a time.
        var scrape: ScrapeState
        /// Loops of targets that have this one's labels, since it is gone.
        var successors: [ScrapeLoop] = []
        /// Of the scrape in flight.
        var timestampMs: Int64 = 0
        var startNs: UInt64 = 0
        /// What the client calls the exchange that is scheduled or in flight.
        var exchangeID: UInt64 = 0
        var refusal: ScrapeError?
        /// Loops that this one takes over from.
        var elders: [Elder] = []
        /// What was said of samples that were left out.
        var leftOut = LeftOutMemory()
    }

    /// A loop that may have ended by now.
    private struct Elder {
        weak var loop: ScrapeLoop?
    }

    let target: ScrapeTarget
    let engine: ScrapeEngine
    private let exchange: ScrapeExchange
    let context: ScrapeContext
    private let intervalLength: DurationMetric
    private let shared: Mutex<Shared>
    private weak let owner: (any ScrapeLoopOwner)?

    /// `fleetSize` is how many targets the agent has. `takesCurrentPhase` has the loop begin with a scrape if
    /// the target's phase is the current one.
    init(
        target: ScrapeTarget, engine: ScrapeEngine, exchange: ScrapeExchange, context: ScrapeContext,
        fleetSize: Int, owner: any ScrapeLoopOwner, takesCurrentPhase: Bool
    ) {
        self.target = target
        self.engine = engine
        self.exchange = exchange
        self.context = context
        self.owner = owner
        let intervalMs = target.intervalMs ?? context.intervalMs
        intervalLength = context.intervalLengths.length(ofMs: intervalMs)
        let schedule = ScrapeSchedule(
            intervalMs: intervalMs,
            targetHash: ScrapeSchedule.hash(targetID: engine.target.id, url: target.url),
            seed: context.offsetSeed, targets: fleetSize, wallMs: context.clock.wallMs,
            takesCurrentPhase: takesCurrentPhase)
        shared = Mutex(
            Shared(
                state: TargetState(url: target.url, labels: target.labels),
                machine: LoopStateMachine(schedule), scrape: engine.makeState()))
    }

    var state: TargetState { shared.withLock { $0.state } }

    /// Of the last scrape that succeeded.
    var metadata: [MetricFamilyMetadata] {
        MetricFamilyMetadata.merged(shared.withLock { $0.scrape.chunks })
    }

    /// The ordinal of the series to be named in the log for what a scrape left out; nil when nothing is to be
    /// said.
    func shown(of samples: LeftOutSamples) -> UInt32? {
        let nowNs = context.clock.monotonicNs
        return shared.withLock { $0.leftOut.shown(of: samples, nowNs: nowNs) }
    }

    func changeState<Result>(_ body: (inout TargetState) -> Result) -> Result {
        shared.withLock { body(&$0.state) }
    }

    /// Whether discovery has the target; the loop sees it at its next tick.
    var isWanted: Bool {
        get { shared.withLock { $0.machine.isWanted } }
        set {
            change { shared in
                shared.machine.isWanted = newValue
                if newValue { shared.successors = [] }
            }
        }
    }

    /// What the last scrape left.
    var scrape: ScrapeState { shared.withLock { $0.scrape } }

    /// The target is gone and these have its labels now: what they go on with gets no stale marker.
    func replaced(by successors: [ScrapeLoop]) {
        let waitMs = successors.map(\.longestWaitMs).max() ?? 0
        // Looked at before the lock is taken: a loop holds no other's while it has its own.
        let known = shared.withLock { $0.successors }
        let given = known.filter(\.hasGiven)
        let fresh = successors.filter { one in !known.contains { $0 === one } }
        change { shared in
            shared.machine.replaced(waitMs: waitMs, startsAnew: given.isEmpty && !fresh.isEmpty)
            // Those that were replaced themselves before their first scrape have nothing to tell.
            shared.successors =
                known.filter { one in
                    successors.contains { $0 === one } || given.contains { $0 === one }
                } + fresh
        }
    }

    /// The loops of targets that are gone, from which this one takes over: their series are not new.
    func follow(_ elders: [ScrapeLoop]) {
        let elders = elders.map { Elder(loop: $0) }
        shared.withLock { $0.elders = elders }
    }

    /// The series of the target before this loop took over from others: those of the loop that gave some
    /// last, since a loop that was replaced before its first scrape has none. Nil once this one has series.
    private func elderSeries(_ state: ScrapeState) -> KnownSeries? {
        guard state.chunks.isEmpty else { return nil }
        // Looked at without the lock: a loop holds no other's while it has its own.
        let elders = shared.withLock { $0.elders }
        return elders.compactMap(\.loop).map { (loop: $0, scrape: $0.scrape) }
            .filter { $0.scrape.seriesCount > $0.scrape.holes.count }
            .max {
                ($0.loop.target.generation, $0.scrape.lastTimestampMs)
                    < ($1.loop.target.generation, $1.scrape.lastTimestampMs)
            }
            .map { KnownSeries($0.scrape, $0.loop.engine.schema) }
    }

    /// Whether anything of the target was ever appended.
    private var hasGiven: Bool { scrape.lastTimestampMs != Int64.min }

    /// Within so long a scrape that is due has been concluded.
    private var longestWaitMs: Int64 {
        (target.intervalMs ?? context.intervalMs) + exchange.request.timeoutMs
    }

    /// Changes what the loop is to do, and ends what it waits for if that has lost its sense.
    private func change(_ body: (inout Shared) -> Void) {
        let id = shared.withLock { shared in
            body(&shared)
            return shared.machine.isCalledOff || shared.machine.isStopped ? shared.exchangeID : nil
        }
        if let id { context.http.cancel(id) }
    }

    /// While set, the target counts as failed for this reason and is not asked.
    var refusal: ScrapeError? {
        get { shared.withLock { $0.refusal } }
        set { shared.withLock { $0.refusal = newValue } }
    }

    /// Waits for the first tick. Once.
    func start() {
        let now = context.now
        carryOut(
            shared.withLock { shared in
                shared.machine.hasGiven = false
                return shared.machine.begin(now)
            })
    }

    /// Ends the loop without a marker; the owner hears when it is over.
    func stop() { change { $0.machine.stop() } }

    /// Ends the target's series now: discovery knows that there is nothing more to come. A scrape in flight
    /// is called off. Where other targets may go on with them they end as if it did not know.
    func endNow() {
        change { shared in
            shared.machine.sharesSeries = engine.sharesSeries(shared.scrape)
            shared.machine.targetEnded()
        }
    }

    /// Ends the target's series now: the job is gone, so that nobody goes on with them.
    func endWithJob() { change { $0.machine.jobEnded() } }

    // MARK: - On the client's thread

    func begin() -> HTTPRequest? {
        let now = context.now
        let (action, refusal) = shared.withLock { shared in
            if !shared.machine.isWanted {
                shared.machine.sharesSeries = engine.sharesSeries(shared.scrape)
            }
            let action = shared.machine.due(now)
            if case .scrape(let timestampMs, _) = action {
                shared.timestampMs = timestampMs
                shared.startNs = now.monotonicNs
            }
            return (action, shared.refusal)
        }
        guard case .scrape(_, let sinceLastNs) = action else {
            carryOut(action)
            return nil
        }
        if let sinceLastNs { intervalLength.observe(seconds: Double(sinceLastNs) / 1e9) }
        if let refusal {
            context.workers.post { self.conclude(nil, .text, refusal) }
            return nil
        }
        return exchange.request
    }

    func end(_ result: Result<HTTPResponse, HTTPError>) {
        // An agent that stops has not seen its target fail, nor has one whose target has ended.
        if case .failure(let error) = result, error.code == .cancelled || error.code == .shutDown {
            let now = context.now
            carryOut(
                shared.withLock { shared in
                    if error.code == .shutDown { shared.machine.stop() }
                    shared.machine.hasGiven = shared.scrape.lastTimestampMs != Int64.min
                    return shared.machine.calledOff(now)
                })
            return
        }
        context.workers.post { self.work(result) }
    }

    private func carryOut(_ action: LoopStateMachine.Action) {
        switch action {
        case .scrape: preconditionFailure("a scrape begins when the client says that its time has come")
        case .wait(let untilNs):
            let id = context.http.schedule(self, atNs: untilNs)
            let isStopped = shared.withLock { shared in
                // By now the next may have been scheduled, with a higher number.
                shared.exchangeID = max(shared.exchangeID, id)
                return shared.machine.isStopped || shared.machine.isCalledOff
            }
            if isStopped { context.http.cancel(id) }
        case .end(let timestampMs): context.workers.post { self.endSeries(at: timestampMs) }
        case .finish: owner?.isOver(self)
        }
    }

    // MARK: - On a worker

    /// Reads the answer and concludes the scrape.
    private func work(_ result: Result<HTTPResponse, HTTPError>) {
        switch result {
        case .success(let response):
            switch exchange.verdict(on: response) {
            case .read(let format, let body): conclude(body, format, nil)
            case .refused(let error): conclude(nil, .text, error)
            }
        case .failure(let error): conclude(nil, .text, exchange.reason(for: error))
        }
    }

    /// Appends the frame of the body, or of the failure, and schedules the next scrape.
    private func conclude(_ body: HTTPBody?, _ format: ExpositionFormat, _ failure: ScrapeError?) {
        let (state, timestampMs, startNs, isStopped) = shared.withLock {
            ($0.scrape, $0.timestampMs, $0.startNs, $0.machine.isStopped)
        }
        guard !isStopped else {
            owner?.isOver(self)
            return
        }
        let outcome = outcome(of: body, format, failure, state, timestampMs, startNs)
        note(outcome, timestampMs: timestampMs)
        // Before the state that others look at changes.
        if !outcome.ended.isEmpty || !outcome.state.hasChunks(of: state) {
            owner?.gives(self, outcome.state, ended: outcome.ended, after: state, at: timestampMs)
        }
        let now = context.now
        carryOut(
            shared.withLock { shared in
                shared.scrape = outcome.state
                shared.machine.hasGiven = outcome.state.lastTimestampMs != Int64.min
                return shared.machine.scraped(now)
            })
    }

    /// What one scrape came to.
    struct Outcome {
        var state: ScrapeState
        var error: ScrapeError?
        var prepared: ScrapeEngine.Prepared?
        var durationSeconds: Double
        /// As `Prepared` has them; none where its frame was not appended.
        var ended: [UInt32] = []
    }

    /// Parses and appends, on a worker thread. The state moves on only when the frame was appended.
    private func outcome(
        of body: HTTPBody?, _ format: ExpositionFormat, _ failure: ScrapeError?, _ state: ScrapeState,
        _ timestampMs: Int64, _ startNs: UInt64
    ) -> Outcome {
        func seconds() -> Double { Double(context.clock.monotonicNs &- startNs) / 1e9 }
        var outcome = Outcome(state: state, error: failure, prepared: nil, durationSeconds: 0)
        do {
            var prepared: ScrapeEngine.Prepared?
            if let body, failure == nil {
                do {
                    let elder = elderSeries(state)
                    // Lines of text unfold to nothing that has no bound of its own.
                    let memory =
                        format == .protobuf
                        ? PageMemory(bodyBytes: body.count) { body.charge(readInto: $0) } : nil
                    prepared = try body.withSpan {
                        try engine.scraped(
                            $0, format: format, at: timestampMs, after: state, elder: elder, memory: memory,
                            durationSeconds: seconds)
                    }
                } catch let error as ScrapeError where error.code != .clock {
                    outcome.error = error
                }
                // A body may be a hundred megabytes, and appending its frame takes memory, too.
                body.letGo()
            }
            let final =
                try prepared
                ?? engine.failed(
                    at: timestampMs, after: state, durationSeconds: seconds(), error: outcome.error,
                    bodySizeBytes: outcome.error?.code == .bodyTooLarge ? -1 : body?.count ?? 0)
            outcome.prepared = final
            if let zeros = final.zeros { try context.appender.append(zeros) }
            try context.appender.append(final.frame)
            outcome.state = final.next
            outcome.ended = final.ended
        } catch let error as ScrapeError {
            outcome.error = error
        } catch {
            outcome.error = ScrapeError(.append, "the frame was not appended: \(error)")
        }
        outcome.durationSeconds = seconds()
        return outcome
    }

    /// Ends the target's series, and then the loop, unless the target is back.
    private func endSeries(at timestampMs: Int64) {
        let (state, successors) = shared.withLock { ($0.scrape, $0.successors) }
        do {
            // After a last scrape that came late the tick may lie before it.
            let markedMs = max(
                timestampMs, state.lastTimestampMs == Int64.min ? timestampMs : state.lastTimestampMs + 1)
            let sharesSeries = engine.sharesSeries(state)
            let others = sharesSeries ? owner?.others(than: self) ?? [] : []
            let given = (successors + others).map { (engine: $0.engine, state: $0.scrape) }
            // Read after what the others give now: what leaves that in between is here.
            let passed = owner?.passed(for: self, andOthers: sharesSeries) ?? []
            let goingOn = SeriesGoingOn(
                state, engine, others: given + passed.map { ($0.engine, $0.scrape) })
            if let prepared = try engine.removed(at: markedMs, after: state, goingOn: goingOn) {
                try context.appender.append(prepared.frame)
                // Others that are gone may have the series, too: one marker is enough.
                if sharesSeries { owner?.gives(self, nil, ended: [], after: state, at: markedMs) }
                shared.withLock { $0.scrape = prepared.next }
            }
        } catch {
            context.logger.warning(
                "stale markers of a removed target were not appended; its series end by themselves",
                metadata: ["target": "\(target.url)", "err": "\(error)"])
        }
        let now = context.now
        let mayEnd = owner?.mayEnd(self) ?? true
        carryOut(mayEnd ? .finish : shared.withLock { $0.machine.cameBack(now) })
    }
}
