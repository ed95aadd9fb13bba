import Testing
import WriteAheadBuffer

@testable import RemoteWrite

/// Walks a slot from state to state. An event that does not fit the state fails the test and changes nothing.
struct SlotWalk {
    /// What the state that is reached asks for, to be compared.
    enum Step: Equatable {
        /// `filling`: at most so many samples, up to there.
        case fill(samples: Int, upTo: BufferPosition? = nil)
        /// `ready`.
        case leave
        /// `inFlight`.
        case awaitAnswer
        /// `pausing` or `held`.
        case wait(untilNs: UInt64)
        /// `settling`.
        case settle(RequestVerdict, leaveOutForMs: Int64? = nil)
        case putBack
        /// `stopped`.
        case stop
    }

    typealias Held = SlotStateMachine.Held
    typealias Moment = SlotStateMachine.Moment

    var machine: SlotStateMachine
    private(set) var state: SlotState

    init(_ machine: SlotStateMachine) {
        self.machine = machine
        state = machine.begin()
    }

    var step: Step {
        switch state {
        case .filling(let filling): .fill(samples: filling.samples, upTo: filling.upTo)
        case .ready: .leave
        case .inFlight: .awaitAnswer
        case .pausing(let pausing): .wait(untilNs: pausing.wait.untilNs)
        case .held(let held): .wait(untilNs: held.wait.untilNs)
        case .settling(let settling):
            switch settling.work {
            case .book(let verdict, let leaveOutForMs): .settle(verdict, leaveOutForMs: leaveOutForMs)
            case .putBack: .putBack
            }
        case .stopped: .stop
        }
    }

    var name: String {
        switch state {
        case .filling: "filling"
        case .ready: "ready"
        case .inFlight: "in flight"
        case .pausing: "pausing"
        case .held: "held"
        case .settling: "settling"
        case .stopped: "stopped"
        }
    }

    /// The request that the state is about; nil where there is none.
    var request: Held? {
        switch state {
        case .filling, .stopped: nil
        case .ready(let ready): ready.flight.request
        case .inFlight(let flying): flying.flight.request
        case .pausing(let pausing): pausing.flight.request
        case .held(let held): held.flight.request
        case .settling(let settling): settling.request
        }
    }

    /// The wait of the state; nil where it does not wait.
    var wait: SlotState.Wait? {
        switch state {
        case .pausing(let pausing): pausing.wait
        case .held(let held): held.wait
        case .filling, .ready, .inFlight, .settling, .stopped: nil
        }
    }

    var isSearching: Bool {
        switch state {
        case .filling(let filling): filling.isSearching
        case .ready(let ready): ready.flight.claim.search != nil
        case .inFlight(let flying): flying.flight.claim.search != nil
        case .pausing(let pausing): pausing.flight.claim.search != nil
        case .held(let held): held.flight.claim.search != nil
        case .settling(let settling): settling.claim.search != nil
        case .stopped: false
        }
    }

    /// Another claim is cut than before.
    mutating func claimed(_ location: SourceLocation = #_sourceLocation) {
        guard case .filling(var filling) = state else { return misfits("claimed", location) }
        filling.claimed()
        state = .filling(filling)
    }

    mutating func collected(
        _ request: Held, _ now: Moment, _ location: SourceLocation = #_sourceLocation
    ) -> Step {
        if case .filling(let filling) = state {
            state = filling.collected(request, &machine, now)
        } else {
            misfits("collected", location)
        }
        return step
    }

    mutating func leaves(_ now: Moment, _ location: SourceLocation = #_sourceLocation) -> Step {
        if case .ready(let ready) = state {
            state = ready.leaves(&machine, now)
        } else {
            misfits("leaves", location)
        }
        return step
    }

    /// The gate let it pass after a wait.
    mutating func waited(_ now: Moment, _ location: SourceLocation = #_sourceLocation) -> Step {
        if case .ready(let ready) = state {
            state = ready.waited(&machine, now)
        } else {
            misfits("waited", location)
        }
        return step
    }

    mutating func woke(_ now: Moment, _ location: SourceLocation = #_sourceLocation) -> Step {
        switch state {
        case .pausing(let pausing): state = pausing.woke(&machine, now)
        case .held(let held): state = held.woke(&machine, now)
        case .filling, .ready, .inFlight, .settling, .stopped: misfits("woke", location)
        }
        return step
    }

    mutating func answered(
        _ answer: ReceiverAnswer, succeededElsewhereNs: UInt64? = nil, inFlight: Int = 1, _ now: Moment,
        _ location: SourceLocation = #_sourceLocation
    ) -> Step {
        if case .inFlight(let flying) = state {
            state = flying.answered(
                answer, succeededElsewhereNs: succeededElsewhereNs, inFlight: inFlight, &machine, now)
        } else {
            misfits("answered", location)
        }
        return step
    }

    mutating func messageChanged(_ location: SourceLocation = #_sourceLocation) -> Step {
        if case .inFlight(let flying) = state {
            state = flying.messageChanged(&machine)
        } else {
            misfits("messageChanged", location)
        }
        return step
    }

    mutating func settled(_ now: Moment, _ location: SourceLocation = #_sourceLocation) -> Step {
        if case .settling(let settling) = state {
            state = settling.settled(machine, now)
        } else {
            misfits("settled", location)
        }
        return step
    }

    /// A wait is over, and the request leaves at once.
    mutating func tryAgain(_ now: Moment, _ location: SourceLocation = #_sourceLocation) {
        #expect(woke(now, location) == .leave, sourceLocation: location)
        #expect(leaves(now, location) == .awaitAnswer, sourceLocation: location)
    }

    private func misfits(_ event: String, _ location: SourceLocation) {
        Issue.record("\(event) does not happen in the state \(name)", sourceLocation: location)
    }
}
