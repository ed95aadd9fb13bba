import Logging
import Platform
import Scrape
import Synchronization
import Telemetry

/// Keeps the agent's resident memory below its ceiling: looks at it several times a second, and takes the
/// steps of `MemoryPressure` and takes them back.
///
/// What counts as used is the whole resident memory, pages of the program among them, though the kernel may
/// take those back: the agent cannot run without most of them, they are bounded by the size of the program,
/// and the sum is the number that everybody sees. What the cgroup is charged with is no measure: it counts
/// pages of the buffer's files, which may be most of it and go whenever memory is needed. What response
/// bodies have held within the last 10 to 20 s and do not hold now counts as used as well (`BodiesToCome`).
///
/// A thread of its own looks, so that neither workers that wait for a disk nor busy tasks hold it up.
/// Without a ceiling there is no such thread.
final class MemoryKeeper: Sendable {
    private struct State {
        var pressure = MemoryPressure()
        var growth = SeriesGrowth()
        /// Jobs that shed, in the order in which they began.
        var shedding: [String] = []
        /// Jobs that the log told of since no step was in force.
        var said: Set<String> = []
        /// Of jobs that shed and that the log did not tell of, what they had refused before.
        var unsaid: [String: UInt64] = [:]
        var shedNs: UInt64 = 0
        var givingBack = GivingBack()
        var afterStorm = AfterStorm()
        /// Resident bytes at the last look, without pages of the program, which come back each time.
        var ownBytes: UInt64 = 0
        /// A step has begun, and the next time that memory is given back connections close as well.
        var isToRelax = false
        /// Connections were closed in this storm: those that came since are the storm's as well.
        var hasClosed = false
        /// When the jobs were last found to have enough series for refusing some to help; nil for not.
        var enoughNs: UInt64?
        /// The memory is above the mark of the fourth step with hardly a series.
        var isTooSmall = false
        /// When the room was last filled while it is too small.
        var filledNs: UInt64 = 0
        var hasSaidTooSmall = false
        var hasSaidFault = false
        var isEnded = false
        var bodies = BodiesToCome()
        /// Bytes that bodies are expected to take again, as the last look has found. They count as used.
        var bodiesBytes: UInt64 = 0
        /// Of this look, for the log.
        var lines: [LogRelay.Line] = []

        mutating func say(_ level: Logger.Level, _ text: String, _ metadata: Logger.Metadata) {
            lines.append(LogRelay.Line(level: level, text: text, metadata: metadata))
        }

        mutating func takeLines() -> [LogRelay.Line] {
            defer { lines = [] }
            return lines
        }
    }

    /// Bodies may always hold so much, so that one at a time goes on. The least of an account without a
    /// ceiling, too.
    static let leastBodiesBytes = 8 << 20
    /// How long a job that sheds has to be of help before another does as well.
    static let nextJobNs: UInt64 = 5_000_000_000
    /// As long as all jobs together have fewer series nothing of theirs is refused: it would not help, and an
    /// agent whose ceiling is too low would scrape nothing at all.
    static let leastSeries = 1_000
    /// What these series may take within `nextJobNs`, however much is in use.
    static let leastRoomBytes = 1 << 20
    /// Of the ceiling, what all targets together may keep without room.
    static let reserveShare: UInt64 = 128
    static let leastReserveBytes = 256 << 10
    /// How long it is taken for granted that jobs which had enough series still have them.
    static let enoughNs: UInt64 = 10_000_000_000

    let ceiling: MemoryCeiling?
    /// What new series take from.
    let room: MemoryRoom
    private let account: MemoryAccount
    private let bodiesBytes: Int
    private let leastSeries: Int
    /// Nobody may read the log at the moment, and no step waits for that.
    private let log: LogRelay
    private let steps: [Counter]
    private let state = Mutex(State())
    /// Of the last step in force, for those who must not wait for a look to end.
    private let step = Atomic<Int>(0)

    /// Keeps `account` and what runs below `ceiling`; does nothing without one. Looks once it has begun.
    init(
        _ ceiling: MemoryCeiling?, account: MemoryAccount, registry: MetricRegistry, logger: Logger,
        leastSeries: Int = leastSeries, runsLog: @escaping LogRelay.Run = LogRelay.onThread
    ) {
        self.ceiling = ceiling
        self.account = account
        log = LogRelay(logger, run: runsLog)
        let reserveBytes = Int(clamping: (ceiling?.bytes ?? 0) / Self.reserveShare)
        room = MemoryRoom(reserveBytes: max(Self.leastReserveBytes, reserveBytes))
        self.leastSeries = leastSeries
        bodiesBytes = account.limitBytes(of: .bodies)
        steps = MemoryPressure.Step.allCases.map { step in
            registry.counter(
                "narthex_memory_steps_total",
                help: "How often a step against the ceiling on memory began, by its number.",
                labels: [("step", String(step.rawValue))])
        }
    }

    /// The number of the last step in force; zero for none. Any thread; does not wait.
    var stepNumber: Int { step.load(ordering: .sequentiallyConsistent) }

    /// Begins to look, on a thread of its own, until `end`; at the start of the process, which ends when no
    /// thread can be made. Called once.
    func begin(_ means: Means, clock: any AgentClock) {
        guard ceiling != nil else { return }
        SystemThread.startOrExit(name: "memory") { [self] in
            while !state.withLock({ $0.isEnded }) {
                SystemThread.pause(ms: look(means, nowNs: clock.monotonicNs))
            }
        }
    }

    /// No look begins any more, and none is under way once it returns. The thread ends within a second.
    func end() { state.withLock { $0.isEnded = true } }

    /// Gives a pool that a reload makes the present state, before it has a target. Waits for nothing: it is
    /// called while the running jobs are locked. What changes meanwhile the next look tells the pool.
    func prepare(_ job: Job) {
        if stepNumber >= MemoryPressure.Step.newTargetsWait.rawValue { job.setHoldsNewTargets(true) }
    }

    /// Looks once and acts, and waits for no log. Returns in how many milliseconds to look again.
    func look(_ means: Means, nowNs: UInt64) -> Int {
        guard let limit = ceiling?.bytes else { return 1_000 }
        let (pauseMs, lines) = state.withLock { state in
            let pauseMs = state.isEnded ? 1_000 : look(means, &state, limit, nowNs: nowNs)
            return (pauseMs, state.takeLines())
        }
        log.write(lines)
        return pauseMs
    }

    private func look(_ means: Means, _ state: inout State, _ limit: UInt64, nowNs: UInt64) -> Int {
        let bodies = account.takePeakBytes(of: .bodies)
        state.bodiesBytes = state.bodies.observed(
            peakBytes: bodies.peak, usedBytes: bodies.used, nowNs: nowNs)
        guard var used = used(means, &state) else {
            lift(&state, means)
            return 1_000
        }
        if state.growth.isDue(nowNs: nowNs) { state.growth.note(sizes(means.jobs()), nowNs: nowNs) }
        // Memory that is free in the process counts as used until it has gone back. So it goes before
        // anything is refused.
        let shedMark = MemoryPressure.Step.newSeriesAreShed.markBytes(ceilingBytes: limit)
        let ownBytes = state.ownBytes
        var hasGivenBack = false
        let isUrgent = used >= shedMark && !state.pressure.isInForce(.newSeriesAreShed)
        // Below the mark of a step that is in force it helps that step to end.
        let isFalling = state.pressure.step.map { used < $0.markBytes(ceilingBytes: limit) } ?? false
        if isFalling || used >= MemoryPressure.Step.memoryGoesBack.markBytes(ceilingBytes: limit),
            state.givingBack.isDue(
                usedBytes: used, ceilingBytes: limit, isUrgent: isUrgent, nowNs: nowNs)
        {
            observe(min(used, max(1, shedMark) - 1), &state, means, nowNs: nowNs)
            let before = used
            used = giveBack(before, &state, means)
            state.givingBack.done(fromBytes: before, toBytes: used, ceilingBytes: limit, nowNs: nowNs)
            hasGivenBack = true
        }
        observe(used, &state, means, nowNs: nowNs)
        let hasStep = state.pressure.step != nil
        if state.afterStorm.isDue(usedBytes: state.ownBytes, hasStep: hasStep, nowNs: nowNs) {
            // Not twice at one look, unless connections are to close now.
            if !hasGivenBack || state.isToRelax { used = giveBack(used, &state, means) }
            state.afterStorm.done(fromBytes: ownBytes, toBytes: state.ownBytes, nowNs: nowNs)
        }
        hold(used, &state, means, nowNs: nowNs)
        return MemoryPressure.nextLookMs(usedBytes: used, ceilingBytes: limit)
    }

    /// Returns what is in use then.
    private func giveBack(_ used: UInt64, _ state: inout State, _ means: Means) -> UInt64 {
        if state.isToRelax {
            state.isToRelax = false
            means.relax()
        }
        means.giveBack()
        return self.used(means, &state) ?? used
    }

    private func used(_ means: Means, _ state: inout State) -> UInt64? {
        switch means.resident() {
        case .success(let memory):
            state.ownBytes = memory.anonymousBytes
            return memory.totalBytes + state.bodiesBytes
        case .failure(let error):
            if !state.hasSaidFault {
                state.hasSaidFault = true
                state.say(
                    .error, "the ceiling on memory cannot be kept: the resident memory cannot be read",
                    ["error": "\(error)"])
            }
            return nil
        }
    }

    /// Ends all steps, as without a ceiling: nothing would end them while the memory cannot be read.
    private func lift(_ state: inout State, _ means: Means) {
        guard room.leftBytes != .max else { return }
        state.pressure = MemoryPressure()
        state.shedding = []
        state.hasClosed = false
        step.store(0, ordering: .sequentiallyConsistent)
        room.set(leftBytes: .max)
        limitBodies(toBytes: bodiesBytes, means)
        // Once, and whichever steps were in force: targets may still have waited for room.
        tell(means.jobs(), state)
    }

    /// Tells the machine of the memory in use, and does once what its steps do when they begin and end.
    private func observe(_ used: UInt64, _ state: inout State, _ means: Means, nowNs: UInt64) {
        guard let limit = ceiling?.bytes else { return }
        let actions = state.pressure.observed(usedBytes: used, ceilingBytes: limit, nowNs: nowNs)
        // The step is stored before the jobs are told of it. A reload may make a pool meanwhile: either the
        // pool reads the new step when it is made, or it is on the list of jobs that are told.
        step.store(state.pressure.step?.rawValue ?? 0, ordering: .sequentiallyConsistent)
        var hasRelaxed = false
        for action in actions {
            switch action {
            case .begins(let step, let isFirst):
                steps[step.rawValue - 1].add()
                if isFirst { warn(step.sentence, step.rawValue, used, &state) }
                if step == .connectionsClose {
                    means.relax()
                    hasRelaxed = true
                }
                if step >= .connectionsClose { state.hasClosed = true }
                state.isToRelax = !hasRelaxed && step > .connectionsClose
            case .ends(let step):
                if step == .bodiesWait { limitBodies(toBytes: bodiesBytes, means) }
                if step == .newSeriesAreShed { state.shedding = [] }
                if step >= .newSeriesAreShed { tell(means.jobs(), state) }
            case .isOver:
                (state.said, state.unsaid) = ([], [:])
                state.hasSaidTooSmall = false
                // Connections that only the storm needed would stay for minutes. Where the first step was
                // enough they stay: it comes and goes often, and each new connection costs a handshake.
                state.isToRelax = state.hasClosed
                state.hasClosed = false
                state.say(
                    .info, "memory is far enough below its ceiling again: nothing waits for it or is refused",
                    metadata(0, used, state))
            }
        }
    }

    /// Does what the steps in force do at each look.
    private func hold(_ used: UInt64, _ state: inout State, _ means: Means, nowNs: UInt64) {
        guard let limit = ceiling?.bytes else { return }
        let left = state.pressure.leftBytes(usedBytes: used, ceilingBytes: limit)
        if state.pressure.isInForce(.bodiesWait) {
            // What bodies may take does not count against them.
            let others = used - min(used, state.bodiesBytes)
            let half = limit > others ? Int(clamping: (limit - others) / 2) : 0
            limitBodies(toBytes: min(bodiesBytes, max(Self.leastBodiesBytes, half)), means)
        }
        guard state.pressure.isInForce(.newSeriesAreShed) else {
            state.isTooSmall = false
            room.set(leftBytes: left)
            // Targets may wait for the room that there is now.
            for job in means.jobs() { job.setHoldsNewTargets(false) }
            return
        }
        let jobs = means.jobs()
        if hasFewSeries(jobs, &state, nowNs: nowNs) {
            goOn(left, used, &state, nowNs: nowNs)
        } else {
            state.isTooSmall = false
            room.set(leftBytes: left)
            let isAbove = used >= MemoryPressure.Step.newSeriesAreShed.markBytes(ceilingBytes: limit)
            let isNext = isAbove && nowNs >= state.shedNs && nowNs - state.shedNs >= Self.nextJobNs
            if state.shedding.isEmpty || isNext { shedNext(jobs, &state, nowNs: nowNs) }
            tellWhoRefuses(jobs, used, &state)
        }
        // At each look: a reload may have brought other pools.
        tell(jobs, state)
    }

    /// One more job sheds, unless all do.
    private func shedNext(_ jobs: [Job], _ state: inout State, nowNs: UInt64) {
        let sizes = sizes(jobs)
        state.shedNs = nowNs
        guard let name = state.growth.fastest(of: sizes, except: state.shedding) else { return }
        state.shedding.append(name)
        if state.said.contains(name) { return }
        state.unsaid[name] = jobs.first { $0.name == name }?.refusedSamples()
    }

    /// A job without new series refuses nothing, and is not named.
    private func tellWhoRefuses(_ jobs: [Job], _ used: UInt64, _ state: inout State) {
        for job in jobs where state.shedding.contains(job.name) {
            guard let before = state.unsaid[job.name] else { continue }
            let refused = job.refusedSamples()
            // A job that a reload removes and another adds again counts from zero.
            state.unsaid[job.name] = refused > before ? nil : refused
            guard refused > before else { continue }
            state.said.insert(job.name)
            warnOf(job.name, sizes(jobs), job.widestLabel(), used, &state)
        }
    }

    private func hasFewSeries(_ jobs: [Job], _ state: inout State, nowNs: UInt64) -> Bool {
        if let since = state.enoughNs, nowNs >= since, nowNs - since < Self.enoughNs { return false }
        let hasFew = sizes(jobs).reduce(0) { $0 + $1.series } < leastSeries
        state.enoughNs = hasFew ? nil : nowNs
        return hasFew
    }

    /// Nothing is refused for now, but the first series come in slowly, and it is said why there are no more.
    private func goOn(_ left: Int, _ used: UInt64, _ state: inout State, nowNs: UInt64) {
        let isDue = nowNs >= state.filledNs && nowNs - state.filledNs >= Self.nextJobNs
        if !state.isTooSmall || isDue { state.filledNs = nowNs }
        let least = state.filledNs == nowNs ? Self.leastRoomBytes : min(room.leftBytes, Self.leastRoomBytes)
        room.set(leftBytes: max(left, least))
        state.isTooSmall = true
        state.shedding = []
        guard !state.hasSaidTooSmall else { return }
        state.hasSaidTooSmall = true
        state.say(
            .error,
            "the ceiling on memory is too low: the agent is near it with fewer than \(leastSeries) series, "
                + "which are taken all the same",
            metadata(state.pressure.step?.rawValue ?? 0, used, state))
    }

    private func limitBodies(toBytes bytes: Int, _ means: Means) {
        guard account.limitBytes(of: .bodies) != bytes else { return }
        account.setLimit(of: .bodies, toBytes: bytes)
        means.bodiesLimitChanged()
    }

    private func tell(_ jobs: [Job], _ state: State) {
        let holds = state.pressure.isInForce(.newTargetsWait) && !state.isTooSmall
        for job in jobs {
            job.setShedsNewSeries(state.shedding.contains(job.name))
            job.setHoldsNewTargets(holds)
        }
    }

    private func sizes(_ jobs: [Job]) -> [SeriesGrowth.Size] { jobs.map { ($0.name, $0.activeSeries()) } }

    private func warnOf(
        _ name: String, _ sizes: [SeriesGrowth.Size], _ label: WidestLabel?, _ used: UInt64,
        _ state: inout State
    ) {
        var metadata = metadata(MemoryPressure.Step.newSeriesAreShed.rawValue, used, state)
        metadata["scrape_job"] = "\(name)"
        metadata["series"] = .stringConvertible(sizes.first { $0.job == name }?.series ?? 0)
        if let label {
            metadata["label"] = "\(label.name)"
            metadata["label_values"] = .stringConvertible(label.values)
            metadata["series_examined"] = .stringConvertible(label.series)
        }
        state.say(
            .warning,
            "memory is near its ceiling: new series of this job are refused, and those that are known go on",
            metadata)
    }

    private func warn(_ sentence: String, _ step: Int, _ used: UInt64, _ state: inout State) {
        state.say(.warning, "memory is near its ceiling: \(sentence)", metadata(step, used, state))
    }

    private func metadata(_ step: Int, _ used: UInt64, _ state: State) -> Logger.Metadata {
        [
            "step": .stringConvertible(step),
            "resident_bytes": .stringConvertible(used - min(used, state.bodiesBytes)),
            "bodies_to_come_bytes": .stringConvertible(state.bodiesBytes),
            "ceiling_bytes": .stringConvertible(ceiling?.bytes ?? 0),
        ]
    }
}

extension MemoryPressure.Step {
    /// What the step does, for the log.
    fileprivate var sentence: String {
        switch self {
        case .bodiesWait: "fewer response bodies are received at a time, and scrapes may be late"
        case .connectionsClose: "idle connections close, and caches are emptied"
        case .memoryGoesBack: "free memory goes back to the kernel"
        case .newSeriesAreShed: "new series of the job that grows fastest are refused"
        case .newTargetsWait: "targets that are new wait, and new series of all jobs are refused"
        }
    }
}
