import MetricModel
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

    /// While it is on, targets that come are not scraped; once it is off they are, each at its phase. A
    /// target that takes over from one of the same labels, as after a reload, is not new. Any thread.
    public var holdsNewTargets: Bool {
        get { state.withLock { $0.holdsNew } }
        set {
            let due = state.withLock { state in
                state.holdsNew = newValue
                return takeWaiting(&state)
            }
            for loop in due { loop.start() }
        }
    }

    /// Targets that are not scraped because of `holdsNewTargets`.
    public var waitingTargets: Int { state.withLock { $0.held.count } }

    /// The loops to be started now.
    func takeWaiting(_ state: inout State) -> [ScrapeLoop] {
        let elders = state.waiting.isEmpty ? [:] : state.elders
        for loop in state.waiting {
            if let elder = elders[loop.target.labels] { loop.follow(elder) }
        }
        let due = state.takeWaiting(elders)
        metrics.waitingTargets.set(Double(state.held.count))
        return due
    }
}

extension ScrapePool.State {
    /// By labels, loops of targets that are gone and have not ended.
    var elders: [LabelSet: ScrapeLoop] {
        let unstarted = Set(waiting.map(\.target))
        var result: [LabelSet: ScrapeLoop] = [:]
        for (target, loop) in loops where !loop.isWanted && !unstarted.contains(target) {
            result[target.labels] = loop
        }
        return result
    }

    /// Takes those of `waiting` out that are to be started now; `elders` are those that they may follow.
    mutating func takeWaiting(_ elders: [LabelSet: ScrapeLoop]) -> [ScrapeLoop] {
        let rest = holdsNew ? waiting.filter { elders[$0.target.labels] == nil } : []
        held = Set(rest.map(\.target))
        guard isRunning, !isStopping else { return [] }
        let due = waiting.filter { !held.contains($0.target) }
        waiting = rest
        activeCount += due.count
        return due
    }

    /// Forgets loops that have not begun, which have nothing to end. Whether the last of the loops is gone
    /// that a plan with new ones has replaced.
    mutating func dropWaiting(where isDropped: (ScrapeLoop) -> Bool) -> Bool {
        let dropped = waiting.filter(isDropped)
        guard !dropped.isEmpty else { return false }
        for loop in dropped {
            loops[loop.target] = nil
            held.remove(loop.target)
        }
        let gone = Set(dropped.map(\.target))
        waiting.removeAll { gone.contains($0.target) }
        let olds = min(oldCount, dropped.count { $0.target.generation < generation })
        oldCount -= olds
        return olds > 0 && oldCount == 0
    }
}
