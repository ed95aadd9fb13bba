import MetricModel
import Platform
import Synchronization
import Telemetry

/// What the pool does while memory is short.
extension ScrapePool {
    /// While it is on, a series that its target did not have in its last good scrape is left out, and
    /// counted each time that it is exposed; once it is off such series come with the next scrape. A target
    /// that is new has all of its series, as far as there is room. Any thread.
    public var shedsNewSeries: Bool {
        get { gate.shedsNewSeries }
        set { gate.shedsNewSeries = newValue }
    }

    /// Samples of new series that were left out so far because memory is short. Any thread.
    public var memoryShedSamples: UInt64 { metrics.memoryShed.value }

    /// While it is on, targets that come are not scraped; once it is off they are, each at its phase, as far
    /// as there is room for their loops: to be set again and again while targets wait. A target that takes
    /// over from one of the same labels, as after a reload, is not new. Any thread.
    public var holdsNewTargets: Bool {
        get { state.withLock { $0.holdsNew } }
        set {
            let due = state.withLock { state -> [ScrapeLoop] in
                // The keeper of the memory calls this every time that it looks. Mostly no target waits.
                guard state.holdsNew != newValue || !newValue && !state.held.isEmpty else { return [] }
                state.holdsNew = newValue
                // Those of a plan that was replaced go with the list that comes next.
                addLoops(for: state.held.filter { $0.generation == state.generation }, &state)
                return state.takeWaiting()
            }
            for loop in due { loop.start() }
        }
    }

    /// Memory is scarce: what is kept for lines and targets that are gone goes at once. Any thread.
    public func letGoOfThePast() {
        let templates = state.withLock { state in
            state.loops.giveBackRoom()
            state.held.giveBackRoom()
            state.passed.giveBackRoom()
            return state.templates
        }
        templates.sweep()
    }

    /// Targets that are not scraped because of `holdsNewTargets`.
    public var waitingTargets: Int { state.withLock { $0.held.count } }

    /// What a target takes that is scraped, beside its series: its loop, what reads its pages, its request.
    static let loopBytes = 5_000

    /// Makes loops for those of `targets` that have none. While new targets are held, only for those that
    /// take over from others; the rest waits. Those that have waited, also before a reload (`heldBefore`), go
    /// on doing so where there is no room for more loops. Together they take no more than half of the room at
    /// once, as the series of others need some.
    func addLoops(
        for targets: Set<ScrapeTarget>, heldBefore: Set<ScrapeTarget> = [], _ state: inout State
    ) {
        var heldLoopsLeft = gate.room.leftBytes / 2 / Self.loopBytes
        var new: [ScrapeTarget] = []
        for target in targets where state.loops[target] == nil { new.append(target) }
        let elders = new.isEmpty ? [:] : state.elders
        for target in new {
            let elders = elders[target.labels]
            if elders == nil {
                let hasWaited = state.held.contains(target) || heldBefore.contains(target)
                let mayBegin = !state.holdsNew && (!hasWaited || heldLoopsLeft > 0)
                let hasRoom = mayBegin && gate.room.take(Self.loopBytes)
                if !mayBegin || hasWaited && !hasRoom {
                    state.held.insert(target)
                    continue
                }
                if hasWaited { heldLoopsLeft -= 1 }
            }
            state.held.remove(target)
            let loop = makeLoop(target, state)
            loop.refusal = state.refusal
            if let elders { loop.follow(elders) }
            state.loops[target] = loop
            state.waiting.append(loop)
        }
        metrics.waitingTargets.set(Double(state.held.count))
    }
}

extension ScrapePool.State {
    /// By labels, loops of targets that are gone and have not ended.
    var elders: [LabelSet: [ScrapeLoop]] {
        let gone = loops.values.filter { !$0.isWanted }
        guard !gone.isEmpty else { return [:] }
        let unstarted = Set(waiting.map(\.target))
        return Dictionary(grouping: gone.filter { !unstarted.contains($0.target) }, by: \.target.labels)
    }

    /// The loops to be started now.
    mutating func takeWaiting() -> [ScrapeLoop] {
        guard isRunning, !isStopping else { return [] }
        defer { waiting = [] }
        activeCount += waiting.count
        return waiting
    }

    /// Forgets targets that have not begun, which have nothing to end. Whether the last of the loops is gone
    /// that a plan with new ones has replaced.
    mutating func dropWaiting(where isDropped: (ScrapeTarget) -> Bool) -> Bool {
        let dropped = waiting.map(\.target).filter(isDropped) + held.filter(isDropped)
        guard !dropped.isEmpty else { return false }
        let gone = Set(dropped)
        for target in dropped { loops[target] = nil }
        held.subtract(gone)
        waiting.removeAll { gone.contains($0.target) }
        let olds = min(oldCount, dropped.count { $0.generation < generation })
        oldCount -= olds
        return olds > 0 && oldCount == 0
    }
}
