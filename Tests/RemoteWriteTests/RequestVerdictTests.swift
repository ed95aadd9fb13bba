import Configuration
import Testing

@testable import RemoteWrite

/// Which requests are given up for a failure, and which are not.
struct RequestVerdictTests {
    private static let start = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)
    private let failing = ReceiverAnswer.status(.init(status: 502))

    private func sending(
        _ lessons: DestinationLessons = DestinationLessons(), samples: Int
    ) -> SlotStateMachine {
        var machine = SlotStateMachine(
            queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: "http://receiver/"), seed: 1,
            lessons: lessons)
        let held = SlotStateMachine.Held(
            sampleCount: samples, newestMs: Self.start.wallMs, mayBeStored: false)
        #expect(machine.collected(held, Self.start) == .send && machine.leaves(Self.start) == .send)
        return machine
    }

    /// Fails one try more, `elsewhereNs` after it began another request was stored, and makes the next.
    private func fail(
        _ machine: inout SlotStateMachine, _ now: inout SlotStateMachine.Moment, storedElsewhere: Bool
    ) -> SlotStateMachine.Action {
        let elsewhereNs = storedElsewhere ? now.monotonicNs + 1 : Self.start.monotonicNs + 1
        now.monotonicNs += 1_000_000
        let action = machine.answered(failing, succeededElsewhereNs: elsewhereNs, now)
        now.monotonicNs += 10_000_000_000
        if case .wait = action { #expect(machine.woke(now) == .send && machine.leaves(now) == .send) }
        return action
    }

    @Test func anOutageOfAllSlotsIsNobodysFault() {
        var machine = sending(samples: 2)
        let beforeNs = Self.start.monotonicNs - 1
        for _ in 0..<100 {
            guard case .wait = machine.answered(failing, succeededElsewhereNs: beforeNs, Self.start) else {
                Issue.record("it is tried again")
                return
            }
        }
    }

    /// A hundred tries fail while nobody is stored; then the receiver is back, and one more fails.
    @Test(arguments: [1, 100]) func whatFailedInAnOutageDoesNotCountBehindIt(samples: Int) {
        var machine = sending(samples: samples)
        var now = Self.start
        now.monotonicNs += 1_000_000_000
        #expect(machine.woke(now) == .send && machine.leaves(now) == .send)
        for _ in 0..<100 {
            guard case .wait = fail(&machine, &now, storedElsewhere: false) else {
                Issue.record("an outage is nobody's fault")
                return
            }
        }
        for number in 1..<SlotStateMachine.poisonTries {
            guard case .wait = fail(&machine, &now, storedElsewhere: true) else {
                Issue.record("\(number) failures while others are stored")
                return
            }
        }
        let last = fail(&machine, &now, storedElsewhere: true)
        #expect(last == (samples > 1 ? .split : .settle(.refused(reason: "server_error"))))
    }

    /// The known series of the next request are taken: it need not wait.
    @Test func aLimitOnSeriesSlowsNobodyDown() {
        let lessons = DestinationLessons(WindowSize(least: 1, most: 50))
        for _ in 0..<100 { lessons.roundTrip(ns: 2_000_000_000, inFlight: lessons.windowSize) }
        var machine = sending(lessons, samples: 100)
        let answer = ReceiverAnswer.status(.init(status: 429, reason: .seriesLimit))
        var now = Self.start
        var tries = 1
        while case .wait(let untilNs) = machine.answered(answer, succeededElsewhereNs: nil, inFlight: 4, now),
            tries < 10
        {
            now.monotonicNs = untilNs
            #expect(machine.woke(now) == .send && machine.leaves(now) == .send)
            tries += 1
        }
        #expect(tries <= 2)
        #expect(lessons.pacePerSecond == nil && lessons.windowSize == 50)
    }
}
