import Configuration
import Testing

@testable import RemoteWrite

/// The first refusals of a receiver that is sent 2.0 and has stored nothing, and what a drain tries again.
@Suite struct SlotStateMachineHeldTests {
    private static let start = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)
    private static let later = SlotStateMachine.Moment(
        monotonicNs: 7_000_000_000, wallMs: 1_700_000_006_000)

    private func sending(
        isSent20: Bool = true, isGivenCredentials: Bool = false, mayBeStored: Bool = false
    ) -> SlotWalk {
        var slot = SlotWalk(
            SlotStateMachine(
                queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: "http://receiver/"),
                seed: 1,
                receiver: .init(isGivenCredentials: isGivenCredentials, isSent20: isSent20)))
        let held = SlotStateMachine.Held(
            sampleCount: 6, bytes: 600, newestMs: Self.start.wallMs, mayBeStored: mayBeStored)
        #expect(slot.collected(held, Self.start) == .leave)
        #expect(slot.leaves(Self.start) == .awaitAnswer)
        return slot
    }

    /// A refusal that names nothing that the receiver has looked at.
    private func status(_ status: Int, _ reason: RefusalReason = .other) -> ReceiverAnswer {
        .status(.init(status: status, reason: reason, mayHaveTakenNothing: status == 400))
    }

    private func isHeld(_ step: SlotWalk.Step) -> Bool {
        guard case .wait(let untilNs) = step else { return false }
        return untilNs >= Self.start.monotonicNs + 2_500_000_000
    }

    @Test(arguments: [400, 413]) func aFirstRefusalIsNotBelieved(code: Int) {
        var slot = sending()
        #expect(isHeld(slot.answered(status(code), Self.start)))
        #expect(slot.machine.obstacle == .refusing)
        slot.tryAgain(Self.later)
        #expect(slot.answered(status(code), Self.later) == .putBack)
    }

    /// What was in flight when the agent ended may be stored, and still a receiver may refuse all there is.
    @Test(arguments: [400, 413]) func aFirstRefusalAfterARestartIsNotBelieved(code: Int) {
        var slot = sending(mayBeStored: true)
        #expect(isHeld(slot.answered(status(code), Self.start)))
        slot.tryAgain(Self.later)
        #expect(slot.answered(status(code), Self.later) == .putBack)
    }

    @Test(arguments: [400, 413]) func underADrainWhatWasRefusedStaysInTheBuffer(code: Int) {
        var waits = sending()
        #expect(isHeld(waits.answered(status(code), Self.start)))
        waits.machine.drain(untilNs: Self.later.monotonicNs + 10_000_000_000)
        #expect(waits.woke(Self.later) == .stop)
        var flies = sending()
        flies.machine.drain(untilNs: Self.later.monotonicNs + 10_000_000_000)
        #expect(flies.answered(status(code), Self.later) == .stop)
    }

    @Test(arguments: [400, 413]) func aReceiverThatHasStoredIsBelieved(code: Int) {
        var slot = sending()
        #expect(slot.answered(status(code), succeededElsewhereNs: 1, Self.start) == .putBack)
    }

    @Test(arguments: [400, 413]) func aReceiverOf10IsBelieved(code: Int) {
        var slot = sending(isSent20: false)
        #expect(slot.answered(status(code), Self.start) == .putBack)
    }

    /// What an earlier try may have stored is refused as a duplicate.
    @Test func aSecondTryIsBelieved() {
        var slot = sending(mayBeStored: true)
        let answer = slot.answered(status(400, .outOfOrder), Self.start)
        #expect(answer == .settle(.delivered))
    }

    /// A receiver that names what it refuses, or has written the rest, has looked at the samples.
    @Test func aRefusalOfASeriesIsBelieved() {
        var slot = sending()
        let named = ReceiverAnswer.status(.init(status: 400, reason: .seriesLimit))
        #expect(
            slot.answered(named, Self.start)
                == .settle(.refused(reason: "per_user_series_limit")))
    }

    @Test func withoutCredentialsA401IsNotTriedAgainSoon() {
        var without = sending()
        #expect(isHeld(without.answered(status(401), Self.start)))
        var with = sending(isGivenCredentials: true)
        #expect(!isHeld(with.answered(status(401), Self.start)))
    }

    @Test(arguments: [401, 404]) func aDrainTriesOnceWhatTheOperatorHasToMend(code: Int) {
        var slot = sending()
        #expect(isHeld(slot.answered(status(code), Self.start)))
        slot.machine.drain(untilNs: Self.later.monotonicNs + 10_000_000_000)
        slot.tryAgain(Self.later)
        #expect(slot.answered(status(code), Self.later) == .stop)
    }
}
