import Configuration
import Testing

@testable import RemoteWrite

/// The first refusals of a receiver that is sent 2.0 and has stored nothing, and what a drain tries again.
@Suite struct SlotStateMachineHeldTests {
    private typealias Action = SlotStateMachine.Action
    private static let start = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)
    private static let later = SlotStateMachine.Moment(
        monotonicNs: 7_000_000_000, wallMs: 1_700_000_006_000)

    private func sending(
        isSent20: Bool = true, isGivenCredentials: Bool = false, mayBeStored: Bool = false
    ) -> SlotStateMachine {
        var machine = SlotStateMachine(
            queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: "http://receiver/"), seed: 1,
            receiver: .init(isGivenCredentials: isGivenCredentials, isSent20: isSent20))
        let held = SlotStateMachine.Held(
            sampleCount: 6, bytes: 600, newestMs: Self.start.wallMs, mayBeStored: mayBeStored)
        #expect(machine.collected(held, Self.start) == .send)
        #expect(machine.leaves(Self.start) == .send)
        return machine
    }

    /// A refusal that names nothing that the receiver has looked at.
    private func status(_ status: Int, _ reason: RefusalReason = .other) -> ReceiverAnswer {
        .status(.init(status: status, reason: reason, mayHaveTakenNothing: status == 400))
    }

    private func isHeld(_ action: Action) -> Bool {
        guard case .wait(let untilNs) = action else { return false }
        return untilNs >= Self.start.monotonicNs + 2_500_000_000
    }

    @Test(arguments: [400, 413]) func aFirstRefusalIsNotBelieved(code: Int) {
        var machine = sending()
        #expect(isHeld(machine.answered(status(code), succeededElsewhereNs: nil, Self.start)))
        #expect(machine.obstacle == .refusing)
        #expect(machine.woke(Self.later) == .send && machine.leaves(Self.later) == .send)
        #expect(machine.answered(status(code), succeededElsewhereNs: nil, Self.later) == .split)
    }

    /// What was in flight when the agent ended may be stored, and still a receiver may refuse all there is.
    @Test(arguments: [400, 413]) func aFirstRefusalAfterARestartIsNotBelieved(code: Int) {
        var machine = sending(mayBeStored: true)
        #expect(isHeld(machine.answered(status(code), succeededElsewhereNs: nil, Self.start)))
        #expect(machine.woke(Self.later) == .send && machine.leaves(Self.later) == .send)
        #expect(machine.answered(status(code), succeededElsewhereNs: nil, Self.later) == .split)
    }

    @Test(arguments: [400, 413]) func underADrainWhatWasRefusedStaysInTheBuffer(code: Int) {
        var waits = sending()
        #expect(isHeld(waits.answered(status(code), succeededElsewhereNs: nil, Self.start)))
        waits.drain(untilNs: Self.later.monotonicNs + 10_000_000_000)
        #expect(waits.woke(Self.later) == .stop)
        var flies = sending()
        flies.drain(untilNs: Self.later.monotonicNs + 10_000_000_000)
        #expect(flies.answered(status(code), succeededElsewhereNs: nil, Self.later) == .stop)
    }

    @Test(arguments: [400, 413]) func aReceiverThatHasStoredIsBelieved(code: Int) {
        var machine = sending()
        #expect(machine.answered(status(code), succeededElsewhereNs: 1, Self.start) == .split)
    }

    @Test(arguments: [400, 413]) func aReceiverOf10IsBelieved(code: Int) {
        var machine = sending(isSent20: false)
        #expect(machine.answered(status(code), succeededElsewhereNs: nil, Self.start) == .split)
    }

    /// What an earlier try may have stored is refused as a duplicate.
    @Test func aSecondTryIsBelieved() {
        var machine = sending(mayBeStored: true)
        let answer = machine.answered(status(400, .outOfOrder), succeededElsewhereNs: nil, Self.start)
        #expect(answer == .settle(.delivered))
    }

    /// A receiver that names what it refuses, or has written the rest, has looked at the samples.
    @Test func aRefusalOfASeriesIsBelieved() {
        var machine = sending()
        let named = ReceiverAnswer.status(.init(status: 400, reason: .seriesLimit))
        #expect(
            machine.answered(named, succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "per_user_series_limit")))
    }

    @Test func withoutCredentialsA401IsNotTriedAgainSoon() {
        var without = sending()
        #expect(isHeld(without.answered(status(401), succeededElsewhereNs: nil, Self.start)))
        var with = sending(isGivenCredentials: true)
        #expect(!isHeld(with.answered(status(401), succeededElsewhereNs: nil, Self.start)))
    }

    @Test(arguments: [401, 404]) func aDrainTriesOnceWhatTheOperatorHasToMend(code: Int) {
        var machine = sending()
        #expect(isHeld(machine.answered(status(code), succeededElsewhereNs: nil, Self.start)))
        machine.drain(untilNs: Self.later.monotonicNs + 10_000_000_000)
        #expect(machine.woke(Self.later) == .send && machine.leaves(Self.later) == .send)
        #expect(machine.answered(status(code), succeededElsewhereNs: nil, Self.later) == .stop)
    }
}
