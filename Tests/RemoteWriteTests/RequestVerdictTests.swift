import Configuration
import Testing

@testable import RemoteWrite

/// Which requests are given up for a failure, and which are not.
struct RequestVerdictTests {
    private static let start = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)
    private let failing = ReceiverAnswer.status(.init(status: 502))

    private func ready(
        _ lessons: DestinationLessons = DestinationLessons(), samples: Int
    ) -> SlotWalk {
        var slot = SlotWalk(
            SlotStateMachine(
                queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: "http://receiver/"),
                seed: 1,
                lessons: lessons))
        let held = SlotStateMachine.Held(
            sampleCount: samples, newestMs: Self.start.wallMs, mayBeStored: false)
        #expect(slot.collected(held, Self.start) == .leave)
        return slot
    }

    private func sending(
        _ lessons: DestinationLessons = DestinationLessons(), samples: Int
    ) -> SlotWalk {
        var slot = ready(lessons, samples: samples)
        #expect(slot.leaves(Self.start) == .awaitAnswer)
        return slot
    }

    /// Fails one try more, `elsewhereNs` after it began another request was stored, and makes the next.
    private func fail(
        _ slot: inout SlotWalk, _ now: inout SlotStateMachine.Moment, storedElsewhere: Bool
    ) -> SlotWalk.Step {
        let elsewhereNs = storedElsewhere ? now.monotonicNs + 1 : Self.start.monotonicNs + 1
        now.monotonicNs += 1_000_000
        let next = slot.answered(failing, succeededElsewhereNs: elsewhereNs, now)
        now.monotonicNs += 10_000_000_000
        if case .wait = next { slot.tryAgain(now) }
        return next
    }

    @Test func anOutageOfAllSlotsIsNobodysFault() {
        var slot = sending(samples: 2)
        let beforeNs = Self.start.monotonicNs - 1
        for _ in 0..<100 {
            guard case .wait = slot.answered(failing, succeededElsewhereNs: beforeNs, Self.start) else {
                Issue.record("it is tried again")
                return
            }
            slot.tryAgain(Self.start)
        }
    }

    /// A hundred tries fail while nobody is stored; then the receiver is back, and one more fails.
    @Test(arguments: [1, 100]) func whatFailedInAnOutageDoesNotCountBehindIt(samples: Int) {
        var slot = ready(samples: samples)
        var now = Self.start
        now.monotonicNs += 1_000_000_000
        #expect(slot.waited(now) == .leave && slot.leaves(now) == .awaitAnswer)
        for _ in 0..<100 {
            guard case .wait = fail(&slot, &now, storedElsewhere: false) else {
                Issue.record("an outage is nobody's fault")
                return
            }
        }
        for number in 1..<SlotStateMachine.poisonTries {
            guard case .wait = fail(&slot, &now, storedElsewhere: true) else {
                Issue.record("\(number) failures while others are stored")
                return
            }
        }
        let last = fail(&slot, &now, storedElsewhere: true)
        #expect(last == (samples > 1 ? .putBack : .settle(.refused(reason: "server_error"))))
    }

    /// The known series of the next request are taken: it need not wait.
    @Test func aLimitOnSeriesSlowsNobodyDown() {
        let lessons = DestinationLessons(WindowSize(least: 1, most: 50))
        for _ in 0..<100 { lessons.roundTrip(ns: 2_000_000_000, inFlight: lessons.windowSize) }
        var slot = sending(lessons, samples: 100)
        let answer = ReceiverAnswer.status(.init(status: 429, reason: .seriesLimit))
        var now = Self.start
        var tries = 1
        while case .wait(let untilNs) = slot.answered(answer, inFlight: 4, now),
            tries < 10
        {
            now.monotonicNs = untilNs
            slot.tryAgain(now)
            tries += 1
        }
        #expect(tries <= 2)
        #expect(lessons.pacePerSecond == nil && lessons.windowSize == 50)
    }
}
