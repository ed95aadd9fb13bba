internal import Platform
import Synchronization

/// Stops the window while the destination itself is in the way: no connection, refused credentials, a
/// wrong path, a receiver that asks for less. One request, the probe, is tried again then, and the others
/// wait for its answer, so that fifty requests do not mean fifty back-offs and handshakes.
///
/// Only a final answer to the probe opens the gate: one to a request that left before says nothing about
/// now. A slot is the probe until its try fails, or it has no request any more: then the one that waits
/// longest is the next, as any refusal may be about one request's body.
final class DestinationGate: Sendable {
    fileprivate enum Stand: Equatable {
        /// Every slot may send.
        case open
        /// No slot is the probe. The one that waits longest becomes it, at `notBeforeNs`.
        case closed(notBeforeNs: UInt64)
        /// `slot` alone may send, from `notBeforeNs` on.
        case probing(slot: Int, notBeforeNs: UInt64)
    }

    fileprivate struct State {
        var stand = Stand.open
        /// Slots that wait to become the probe, longest first.
        var waiting: [Int] = []
        /// Of probes that fail one after the other, whichever slots they are.
        var backoff: Backoff
        /// The same of probes that fail for what an operator has to mend: credentials, the URL.
        var slowBackoff = Backoff(
            firstMs: SlotStateMachine.slowFirstMs, mostMs: SlotStateMachine.slowMostMs)
        var random: SplitMix64
        var isGivenUp = false
        /// Whether people have to mend what has closed it, or kept it closed, last.
        var isSlow = false
        /// When the gate was opened last, on the monotonic clock.
        var openedNs: UInt64 = 0
    }

    private let state: Mutex<State>
    private let changed = Event()

    /// With the back-offs of the configuration.
    init(firstMs: Int64, mostMs: Int64, seed: UInt64) {
        state = Mutex(
            State(backoff: Backoff(firstMs: firstMs, mostMs: mostMs), random: SplitMix64(seed: seed)))
    }

    /// Whether the window stands still.
    var isClosed: Bool { state.withLock { $0.stand != .open } }
    /// How many slots wait at the gate now.
    var waiterCount: Int { changed.waiterCount }

    /// A try of the slot's request failed. It is to be tried again at `untilNs`, which heeds what the
    /// receiver asked for; `isSlow` when waiting alone does not mend what is in the way. `leftNs` is when the
    /// request left, where its answer is not to close a gate that was opened since.
    func failed(
        _ slot: Int, _ scope: AnswerScope, untilNs: UInt64, nowNs: UInt64, leftNs: UInt64 = .max,
        isSlow: Bool = false
    ) {
        let isGivenOn = state.withLock { state in
            if state.stand == .open, leftNs < state.openedNs { return false }
            if scope != .request { state.isSlow = isSlow }
            switch (state.stand, scope) {
            case (.open, .request), (.closed, .request): return false
            case (.open, .destination):
                // With `isSlow` the slot itself waits for long. Others were answered until now, so one of
                // them becomes the probe before.
                state.stand =
                    isSlow
                    ? .closed(notBeforeNs: state.nextTryNs(untilNs, nowNs, isSlow: true))
                    : .probing(slot: slot, notBeforeNs: untilNs)
                return isSlow
            case (.open, .unclear):
                state.stand = .closed(notBeforeNs: state.nextTryNs(untilNs, nowNs))
                return false
            case (.closed(let notBeforeNs), .destination), (.closed(let notBeforeNs), .unclear):
                state.stand = .closed(notBeforeNs: max(notBeforeNs, untilNs))
                return false
            case (.probing(let probe, let notBeforeNs), _) where probe != slot:
                // It left before the gate was closed. What it says of the destination holds all the same.
                guard scope != .request else { return false }
                state.stand = .probing(slot: probe, notBeforeNs: max(notBeforeNs, untilNs))
                return false
            case (.probing(_, let notBeforeNs), .destination), (.probing(_, let notBeforeNs), .unclear):
                // What is refused may be this one's body, whatever the answer says: the next may try.
                let nextNs = state.nextTryNs(untilNs, nowNs, isSlow: isSlow)
                state.stand = .closed(notBeforeNs: max(notBeforeNs, nextNs))
                return true
            case (.probing(_, let notBeforeNs), .request):
                state.stand = .closed(notBeforeNs: notBeforeNs)
                return true
            }
        }
        if isGivenOn { changed.signal() }
    }

    /// The receiver gave a final answer to the slot's request: the gate opens if that is the probe.
    func answered(_ slot: Int, nowNs: UInt64) {
        let opens = state.withLock { state in
            guard case .probing(slot, _) = state.stand else { return false }
            state.stand = .open
            state.openedNs = nowNs
            state.backoff.reset()
            state.slowBackoff.reset()
            return true
        }
        if opens { changed.signal() }
    }

    /// The slot has no request, or ends.
    func leave(_ slot: Int) {
        let wasProbe = state.withLock { state in
            guard case .probing(slot, let notBeforeNs) = state.stand else { return false }
            state.stand = .closed(notBeforeNs: notBeforeNs)
            return true
        }
        if wasProbe { changed.signal() }
    }

    /// Whether nobody waits at the gate any more.
    var isGivenUp: Bool { state.withLock { $0.isGivenUp && $0.stand != .open } }

    /// Under a drain: the destination has refused the last try. `pass` returns `never` from now on where the
    /// gate is closed.
    func giveUp() {
        state.withLock { state in
            state.isGivenUp = true
            if state.stand == .open { state.stand = .closed(notBeforeNs: 0) }
        }
        changed.signal()
    }

    /// A drain begins; it ends at `deadlineNs`. The next try is made at once where people have to mend what
    /// is in the way, and where the back-off would end only after the drain. Any other back-off is waited
    /// for, as by a slot (`SlotStateMachine.leavesBackoff`).
    func hurry(untilNs deadlineNs: UInt64) {
        state.withLock { state in
            func hurried(_ notBeforeNs: UInt64) -> UInt64 {
                state.isSlow || notBeforeNs >= deadlineNs ? 0 : notBeforeNs
            }
            switch state.stand {
            case .open: break
            case .closed(let notBeforeNs): state.stand = .closed(notBeforeNs: hurried(notBeforeNs))
            case .probing(let slot, let notBeforeNs):
                state.stand = .probing(slot: slot, notBeforeNs: hurried(notBeforeNs))
            }
        }
        changed.signal()
    }

    /// What `pass` did.
    enum Passage: Sendable {
        case atOnce
        /// Time has passed meanwhile.
        case afterWaiting
        /// The deadline, the cancellation of the task or `giveUp` came first.
        case never
    }

    /// Returns when the slot may send: at once while the gate is open; else once its request is the probe
    /// and the destination's back-off is over.
    /// `deadlineNs` is asked for anew after each change, so that a drain that begins meanwhile is heeded.
    func pass(
        _ slot: Int, untilNs deadlineNow: @autoclosure () -> UInt64?, clock: any AgentClock
    ) async -> Passage {
        var hasWaited = false
        while true {
            let seen = changed.count
            let deadlineNs = deadlineNow()
            if let deadlineNs, clock.monotonicNs >= deadlineNs { return leaveWaiting(slot) }
            if isGivenUp { return leaveWaiting(slot) }
            let ask = state.withLock { $0.ask(slot, clock.monotonicNs) }
            if case .pass = ask { return hasWaited ? .afterWaiting : .atOnce }
            hasWaited = true
            var untilNs = deadlineNs
            if case .wait(let notBeforeNs?) = ask { untilNs = min(deadlineNs ?? notBeforeNs, notBeforeNs) }
            let outcome =
                if let untilNs {
                    await changed.wait(after: seen, untilNs: untilNs, clock: clock)
                } else {
                    await changed.wait(after: seen)
                }
            if outcome == .cancelled { return leaveWaiting(slot) }
        }
    }

    private func leaveWaiting(_ slot: Int) -> Passage {
        state.withLock { state in state.waiting.removeAll { $0 == slot } }
        changed.signal()
        return .never
    }
}

extension DestinationGate.State {
    fileprivate enum Reply {
        case pass
        /// Until the gate changes, or at the latest until this moment.
        case wait(untilNs: UInt64?)
    }

    /// The slot would send.
    fileprivate mutating func ask(_ slot: Int, _ nowNs: UInt64) -> Reply {
        switch stand {
        case .open:
            waiting.removeAll { $0 == slot }
            return .pass
        case .probing(slot, let notBeforeNs):
            return nowNs >= notBeforeNs ? .pass : .wait(untilNs: notBeforeNs)
        case .probing:
            if !waiting.contains(slot) { waiting.append(slot) }
            return .wait(untilNs: nil)
        case .closed(let notBeforeNs):
            if !waiting.contains(slot) { waiting.append(slot) }
            guard waiting[0] == slot else { return .wait(untilNs: nil) }
            guard nowNs >= notBeforeNs else { return .wait(untilNs: notBeforeNs) }
            waiting.removeFirst()
            stand = .probing(slot: slot, notBeforeNs: notBeforeNs)
            return .pass
        }
    }

    /// When the next probe may leave.
    fileprivate mutating func nextTryNs(_ untilNs: UInt64, _ nowNs: UInt64, isSlow: Bool = false) -> UInt64 {
        let waitMs = isSlow ? slowBackoff.nextMs(&random) : backoff.nextMs(&random)
        return max(untilNs, nowNs + UInt64(waitMs) * 1_000_000)
    }
}
