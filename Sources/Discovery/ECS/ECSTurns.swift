import Platform
import Synchronization

/// Lets so many at a time do something. Who takes long counts no more after a while, so that what never
/// comes back holds nobody up. Of those that wait, the one goes next whose kind had the fewest turns: a
/// cluster with one definition does not wait for another's three hundred. Thread-safe.
final class ECSTurns: Sendable {
    private struct Waiting {
        let id: UInt64
        let key: String
        let turn = Event()
    }

    private struct State {
        /// Since when each has its turn.
        var holders: [UInt64: UInt64] = [:]
        var waiting: [Waiting] = []
        /// How many turns each kind had since nobody waited.
        var served: [String: Int] = [:]
        var nextID: UInt64 = 0

        mutating func admit(_ index: Int, nowNs: UInt64) -> Waiting {
            let next = waiting.remove(at: index)
            holders[next.id] = nowNs
            served[next.key, default: 0] += 1
            return next
        }
    }

    private let limit: Int
    private let patienceNs: UInt64
    private let clock: any AgentClock
    private let state = Mutex(State())

    init(limit: Int, patienceMs: UInt64, clock: any AgentClock) {
        precondition(limit > 0, "somebody has a turn")
        self.limit = limit
        patienceNs = patienceMs * 1_000_000
        self.clock = clock
    }

    /// Runs `body` when it is its turn; a cancelled task does not wait.
    func perform<Value>(of key: String, _ body: () async -> Value) async -> Value {
        let id = await take(key)
        defer { giveBack(id) }
        return await body()
    }

    private func take(_ key: String) async -> UInt64 {
        let nowNs = clock.monotonicNs
        // An event to wait for, unless there is room at once.
        let (id, turn): (UInt64, Event?) = state.withLock { state in
            state.nextID += 1
            if state.waiting.isEmpty, state.holders.count < limit {
                state.holders[state.nextID] = nowNs
                state.served[key, default: 0] += 1
                return (state.nextID, nil)
            }
            let own = Waiting(id: state.nextID, key: key)
            state.waiting.append(own)
            return (own.id, own.turn)
        }
        guard let turn else { return id }
        admit()
        while !turn.isSignalled {
            // While there is room for somebody, `admit` has let this one or another in.
            let oldestNs = state.withLock { $0.holders.values.min() } ?? clock.monotonicNs
            let outcome = await turn.wait(untilNs: oldestNs + patienceNs, clock: clock)
            if outcome == .cancelled { letPass(id) }
            admit()
        }
        return id
    }

    /// Lets `id` have a turn, if it waits, whoever has one.
    private func letPass(_ id: UInt64) {
        let nowNs = clock.monotonicNs
        let own = state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.admit($0, nowNs: nowNs) }
        }
        own?.turn.signal()
    }

    private func giveBack(_ id: UInt64) {
        state.withLock { $0.holders[id] = nil }
        admit()
    }

    private func admit() {
        let nowNs = clock.monotonicNs
        let admitted = state.withLock { state in
            state.holders = state.holders.filter { nowNs < $0.value + patienceNs }
            var admitted: [Waiting] = []
            while state.holders.count < limit {
                let next = state.waiting.indices.min {
                    state.served[state.waiting[$0].key, default: 0]
                        < state.served[state.waiting[$1].key, default: 0]
                }
                guard let next else { break }
                admitted.append(state.admit(next, nowNs: nowNs))
            }
            if state.waiting.isEmpty { state.served = [:] }
            return admitted
        }
        for waiter in admitted { waiter.turn.signal() }
    }
}
