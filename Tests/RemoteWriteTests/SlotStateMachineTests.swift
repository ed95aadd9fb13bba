import Configuration
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite struct SlotStateMachineTests {
    private typealias Action = SlotStateMachine.Action
    private static let start = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)

    private func machine(
        retries429: Bool = true, ageMs: Int64 = 0, lessons: DestinationLessons = DestinationLessons()
    ) -> SlotStateMachine {
        SlotStateMachine(
            queue: QueueConfiguration(
                maxSamplesPerSend: 2_000, minBackoffMs: 30, maxBackoffMs: 5_000, retryOnHTTP429: retries429),
            age: SampleAge(configuredMs: ageMs, url: "http://receiver/"), seed: 1, lessons: lessons)
    }

    private func sending(
        _ machine: SlotStateMachine, samples: Int = 100, bytes: Int = 8_000, mayBeStored: Bool = false
    ) -> SlotStateMachine {
        var machine = machine
        let held = SlotStateMachine.Held(
            sampleCount: samples, bytes: bytes, newestMs: Self.start.wallMs, mayBeStored: mayBeStored)
        #expect(machine.collected(held, Self.start) == .send)
        #expect(machine.leaves(Self.start) == .send)
        return machine
    }

    private func later(_ ms: Int64) -> SlotStateMachine.Moment {
        .init(
            monotonicNs: Self.start.monotonicNs + UInt64(ms) * 1_000_000, wallMs: Self.start.wallMs + ms)
    }

    private func waitMs(_ action: Action, since: SlotStateMachine.Moment = start) -> Int64? {
        guard case .wait(let untilNs) = action else { return nil }
        return Int64((untilNs - since.monotonicNs) / 1_000_000)
    }

    private func status(
        _ status: Int, _ reason: RefusalReason = .other, retryAfterMs: Int64? = nil, serverMs: Int64? = nil
    ) -> ReceiverAnswer {
        .status(.init(status: status, reason: reason, retryAfterMs: retryAfterMs, serverMs: serverMs))
    }

    @Test(arguments: [200, 202, 204, 299]) func successIsDelivered(code: Int) {
        var machine = sending(machine())
        #expect(machine.answered(status(code), succeededElsewhereNs: nil, Self.start) == .settle(.delivered))
        #expect(machine.settled(Self.start) == .collect(samples: 2_000))
    }

    @Test(arguments: [400, 402, 406, 409, 410, 411, 418, 422, 431, 451])
    func otherClientErrorsAreNotRetried(code: Int) {
        var machine = sending(machine())
        #expect(
            machine.answered(status(code, .seriesLimit), succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "per_user_series_limit")))
    }

    @Test(arguments: [408, 425, 500, 502, 503, 504, 520, 599])
    func failuresAreRetriedWithinTheBackoff(code: Int) {
        var machine = sending(machine())
        var now = Self.start
        for step in [30, 60, 120, 240, 480, 960, 1_920, 3_840, 5_000, 5_000] as [Int64] {
            let action = machine.answered(status(code), succeededElsewhereNs: nil, now)
            guard let ms = waitMs(action, since: now) else {
                Issue.record("\(code) is waited for")
                return
            }
            #expect(ms >= step - step / 2 - 1 && ms <= step)
            #expect(machine.obstacle == .failing)
            now.monotonicNs += UInt64(ms) * 1_000_000
            #expect(machine.woke(now) == .send)
        }
        #expect(machine.answered(status(200), succeededElsewhereNs: nil, now) == .settle(.delivered))
        #expect(machine.obstacle == nil)
    }

    @Test func networkFailureIsRetriedAndMayHaveBeenStored() {
        var machine = sending(machine())
        #expect(waitMs(machine.answered(.unreachable, succeededElsewhereNs: nil, Self.start)) != nil)
        #expect(machine.held?.mayBeStored == true)
    }

    @Test func jitterDiffersBetweenSeeds() {
        let waits = (0..<20).map { seed in
            var machine = SlotStateMachine(
                queue: QueueConfiguration(minBackoffMs: 4_000), age: SampleAge(configuredMs: 0, url: ""),
                seed: UInt64(seed))
            _ = machine.collected(.init(sampleCount: 1, newestMs: 0, mayBeStored: false), Self.start)
            return waitMs(machine.answered(.unreachable, succeededElsewhereNs: nil, Self.start)) ?? 0
        }
        #expect(Set(waits).count > 10)
    }

    @Test(arguments: [RefusalReason.outOfOrder, .outsideOrderWindow, .duplicateTimestamp])
    func duplicatesOfARequestSentBeforeAreDelivered(reason: RefusalReason) {
        var resent = sending(machine(), mayBeStored: true)
        #expect(
            resent.answered(status(400, reason), succeededElsewhereNs: nil, Self.start) == .settle(.delivered)
        )
        var first = sending(machine())
        #expect(
            first.answered(status(400, reason), succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: reason.rawValue)))
        var lostAnswer = sending(machine())
        _ = lostAnswer.answered(.unreachable, succeededElsewhereNs: nil, Self.start)
        #expect(lostAnswer.woke(later(1_000)) == .send)
        #expect(
            lostAnswer.answered(status(400, reason), succeededElsewhereNs: nil, later(1_000))
                == .settle(.delivered))
    }

    @Test func resendRefusedForAnotherReasonIsRefused() {
        var machine = sending(machine(), mayBeStored: true)
        #expect(
            machine.answered(status(400, .maxSampleAge), succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "greater_than_max_sample_age")))
    }

    @Test(arguments: [401, 403]) func refusedSignatureIsTriedAgainSoonThenSlowly(code: Int) {
        var machine = sending(machine())
        #expect(
            (waitMs(machine.answered(status(code), succeededElsewhereNs: nil, Self.start)) ?? 9_999) <= 30)
        #expect(machine.woke(later(30)) == .send)
        #expect((waitMs(machine.answered(status(code), succeededElsewhereNs: nil, Self.start)) ?? 0) >= 2_500)
        for _ in 0..<10 { _ = machine.answered(status(code), succeededElsewhereNs: nil, Self.start) }
        let last = waitMs(machine.answered(status(code), succeededElsewhereNs: nil, Self.start)) ?? 0
        #expect(last >= 30_000 && last <= 60_000)
        #expect(machine.obstacle == .unauthorized)
    }

    @Test func clockSkewIsLearnedFromARefusalAndForgottenWhenItIsGone() {
        var machine = sending(machine())
        let serverMs = Self.start.wallMs - 600_000
        _ = machine.answered(status(403, serverMs: serverMs), succeededElsewhereNs: nil, Self.start)
        #expect(machine.skewMs == -600_000)
        _ = machine.answered(
            status(403, serverMs: Self.start.wallMs - 1_000), succeededElsewhereNs: nil, Self.start)
        #expect(machine.skewMs == 0)
    }

    @Test(arguments: [301, 302, 308, 404, 405, 407, 415]) func wrongPlacesHoldTheRequest(code: Int) {
        var machine = sending(machine())
        #expect((waitMs(machine.answered(status(code), succeededElsewhereNs: nil, Self.start)) ?? 0) >= 2_500)
        #expect(machine.obstacle == .misconfigured)
        #expect(machine.woke(later(5_000)) == .send)
    }

    @Test func missingCredentialsHoldTheRequest() {
        var machine = sending(machine())
        #expect((waitMs(machine.answered(.unsigned, succeededElsewhereNs: nil, Self.start)) ?? 0) >= 2_500)
        #expect(machine.held?.mayBeStored == false)
    }

    @Test func tooLargeIsCutAnewAndASingleSampleIsLetGo() {
        let lessons = DestinationLessons()
        var machine = SlotStateMachine(
            queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: ""), seed: 1, lessons: lessons)
        machine = sending(machine, samples: 1_000, bytes: 80_000)
        #expect(machine.answered(status(413), succeededElsewhereNs: nil, Self.start) == .split)
        #expect(machine.sizeChange == .limited(toBytes: 40_000))
        #expect(lessons.limitBytes == 40_000)
        machine = sending(machine, samples: 1, bytes: 80)
        #expect(
            machine.answered(status(413), succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "too_large")))
        #expect(machine.obstacle == nil)
        machine = sending(machine, samples: 1, bytes: 80)
        _ = machine.answered(status(413), succeededElsewhereNs: nil, Self.start)
        #expect(machine.obstacle == .refusingSize)
        let held = SlotStateMachine.Held(
            sampleCount: 1, bytes: 80, newestMs: Self.start.wallMs, mayBeStored: false)
        #expect((waitMs(machine.collected(held, Self.start)) ?? 0) >= 2_500)
        #expect(machine.woke(later(5_000)) == .send)
        _ = machine.answered(status(200), succeededElsewhereNs: nil, later(5_000))
        #expect(machine.obstacle == nil && lessons.limitBytes == nil)
    }

    /// A machine that holds `samples` of the log's samples up to number `end`.
    private func held(
        _ machine: SlotStateMachine, samples: Int, upTo end: UInt32, is expected: Action = .send
    ) -> SlotStateMachine {
        var machine = machine
        let request = SlotStateMachine.Held(
            sampleCount: samples, newestMs: Self.start.wallMs, mayBeStored: false, end: place(end))
        #expect(machine.collected(request, Self.start) == expected)
        return machine
    }

    private func place(_ sample: UInt32) -> BufferPosition {
        BufferPosition(segment: 1, offset: 0, sample: sample)
    }

    private let whole = ReceiverAnswer.status(
        .init(status: 400, reason: .outsideOrderWindow, mayHaveTakenNothing: true))

    @Test func aRequestRefusedAsAWholeIsSearchedInHalvesInOrder() {
        var machine = held(machine(), samples: 8, upTo: 8)
        #expect(machine.answered(whole, succeededElsewhereNs: nil, Self.start) == .split)
        #expect(machine.settled(Self.start) == .collect(samples: 4, upTo: place(8)))
        machine = held(machine, samples: 4, upTo: 4)
        #expect(machine.answered(whole, succeededElsewhereNs: nil, Self.start) == .split)
        #expect(machine.settled(Self.start) == .collect(samples: 2, upTo: place(4)))
        machine = held(machine, samples: 2, upTo: 2)
        #expect(machine.answered(status(200), succeededElsewhereNs: nil, Self.start) == .settle(.delivered))
        #expect(machine.settled(Self.start) == .collect(samples: 1, upTo: place(4)))
        machine = held(machine, samples: 1, upTo: 3)
        #expect(machine.isSearching)
        #expect(
            machine.answered(whole, succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "sample_too_old"), leaveOutForMs: 300_000))
        #expect(machine.settled(Self.start) == .collect(samples: 2_000))
        #expect(!machine.isSearching)
    }

    /// What was searched for may have become too old to be sent: the next claim has nothing to do with it.
    @Test func anotherClaimIsNotSearched() {
        var machine = held(machine(), samples: 8, upTo: 8)
        #expect(machine.answered(whole, succeededElsewhereNs: nil, Self.start) == .split)
        #expect(machine.isSearching)
        machine.claimed()
        #expect(!machine.isSearching)
        #expect(machine.settled(Self.start) == .collect(samples: 2_000))
    }

    @Test func aRefusalThatPassesBlamesNobody() {
        var machine = held(machine(), samples: 2, upTo: 2)
        _ = machine.answered(whole, succeededElsewhereNs: nil, Self.start)
        #expect(machine.settled(Self.start) == .collect(samples: 1, upTo: place(2)))
        for end: UInt32 in [1, 2] {
            machine = held(machine, samples: 1, upTo: end)
            #expect(
                machine.answered(status(200), succeededElsewhereNs: nil, Self.start) == .settle(.delivered))
            _ = machine.settled(Self.start)
        }
        #expect(!machine.isSearching)
    }

    @Test func withoutRequestsLeftTheRestIsBookedUnsentAndLeftOut() {
        var machine = held(machine(), samples: 1 << 20, upTo: 1 << 20)
        var samples: UInt32 = 1 << 20
        var action = machine.answered(whole, succeededElsewhereNs: nil, Self.start)
        for _ in 0..<11 {
            #expect(action == .split)
            let end = place(samples)
            samples /= 2
            #expect(machine.settled(Self.start) == .collect(samples: min(2_000, Int(samples)), upTo: end))
            machine = held(machine, samples: Int(samples), upTo: samples)
            action = machine.answered(whole, succeededElsewhereNs: nil, Self.start)
        }
        #expect(action == .split)
        #expect(machine.settled(Self.start) == .collect(samples: 512, upTo: place(512)))
        machine = held(
            machine, samples: 512, upTo: 512,
            is: .settle(.refused(reason: "sample_too_old"), leaveOutForMs: SlotStateMachine.suspectedMs))
        #expect(machine.settled(Self.start) == .collect(samples: 2_000))
        // The next request is refused as it is until the minute is over.
        machine = held(machine, samples: 8, upTo: 1_000)
        #expect(
            machine.answered(whole, succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "sample_too_old")))
        machine = held(machine, samples: 8, upTo: 1_008)
        #expect(machine.answered(whole, succeededElsewhereNs: nil, later(70_000)) == .split)
    }

    private func rolledBack(_ reason: RefusalReason) -> ReceiverAnswer {
        .status(.init(status: 400, reason: reason, mayHaveTakenNothing: true))
    }

    @Test(arguments: [RefusalReason.outsideOrderWindow, .duplicateTimestamp, .badRequest])
    func aRequestThatWasRolledBackIsSearchedAlsoAfterATryWithoutAnswer(reason: RefusalReason) {
        var resent = sending(machine(), mayBeStored: true)
        #expect(resent.answered(rolledBack(reason), succeededElsewhereNs: nil, Self.start) == .split)
        for failure in [.unreachable, status(503)] {
            var lostAnswer = sending(machine())
            _ = lostAnswer.answered(failure, succeededElsewhereNs: nil, Self.start)
            #expect(lostAnswer.woke(later(1_000)) == .send)
            let action = lostAnswer.answered(
                rolledBack(reason), succeededElsewhereNs: nil, later(1_000))
            #expect(action == .split)
        }
    }

    @Test func aLostAnswerDoesNotMoveASearchToTheWrongHalf() {
        var machine = held(machine(), samples: 8, upTo: 8)
        _ = machine.answered(whole, succeededElsewhereNs: nil, Self.start)
        _ = machine.settled(Self.start)
        machine = held(machine, samples: 4, upTo: 4)
        _ = machine.answered(.unreachable, succeededElsewhereNs: nil, Self.start)
        #expect(machine.woke(later(1_000)) == .send)
        #expect(machine.answered(whole, succeededElsewhereNs: nil, later(1_000)) == .split)
        #expect(machine.settled(later(1_000)) == .collect(samples: 2, upTo: place(4)))
    }

    @Test func outOfOrderMeansStoredBeforeOnlyWhereTheRequestSpansTime() {
        for holdsSeriesOnce in [false, true] {
            var machine = machine()
            let request = SlotStateMachine.Held(
                sampleCount: 100, newestMs: Self.start.wallMs, holdsSeriesOnce: holdsSeriesOnce,
                mayBeStored: true
            )
            #expect(machine.collected(request, Self.start) == .send)
            #expect(
                machine.answered(rolledBack(.outOfOrder), succeededElsewhereNs: nil, Self.start)
                    == (holdsSeriesOnce ? .split : .settle(.delivered)))
        }
    }

    @Test func throttlingWaitsAsAskedAndSlowsDown() {
        let lessons = DestinationLessons()
        var machine = sending(machine(lessons: lessons))
        #expect(
            waitMs(
                machine.answered(
                    status(429, .rateLimited, retryAfterMs: 7_000), succeededElsewhereNs: nil, Self.start))
                == 7_000)
        let paced = lessons.pacePerSecond
        #expect(paced != nil)
        #expect(machine.woke(later(7_000)) == .send && machine.leaves(later(7_000)) == .send)
        #expect(machine.answered(status(200), succeededElsewhereNs: nil, later(7_100)) == .settle(.delivered))
        #expect((lessons.pacePerSecond ?? 0) > (paced ?? 0))
        // The next request waits for its turn.
        let next = machine.collected(
            .init(sampleCount: 1, newestMs: later(7_200).wallMs, mayBeStored: false), later(7_200))
        #expect((waitMs(next, since: later(7_200)) ?? 0) > 0)
    }

    @Test func throttlingIsFinalWhereConfiguredSo() {
        var machine = sending(machine(retries429: false))
        #expect(
            machine.answered(status(429, .rateLimited), succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "rate_limited")))
    }

    @Test func seriesLimitDoesNotBlockTheSlotForGood() {
        var machine = sending(machine())
        for _ in 1..<SlotStateMachine.seriesLimitTries {
            #expect(
                waitMs(machine.answered(status(429, .seriesLimit), succeededElsewhereNs: nil, Self.start))
                    != nil)
        }
        #expect(
            machine.answered(status(429, .seriesLimit), succeededElsewhereNs: nil, Self.start)
                == .settle(.refused(reason: "per_user_series_limit")))
    }

    @Test func requestThatBreaksTheReceiverIsHalvedOnceOthersSucceed() {
        var machine = sending(machine(), samples: 2)
        for _ in 0..<20 {
            #expect(waitMs(machine.answered(status(500), succeededElsewhereNs: nil, Self.start)) != nil)
        }
        let elsewhereNs = Self.start.monotonicNs + 1
        for _ in 1..<SlotStateMachine.poisonTries {
            let action = machine.answered(status(500), succeededElsewhereNs: elsewhereNs, Self.start)
            #expect(waitMs(action) != nil)
        }
        #expect(machine.answered(status(500), succeededElsewhereNs: elsewhereNs, Self.start) == .split)
        machine = sending(machine, samples: 1)
        var action = Action.stop
        for _ in 0..<SlotStateMachine.poisonTries {
            action = machine.answered(status(500), succeededElsewhereNs: elsewhereNs, Self.start)
        }
        #expect(action == .settle(.refused(reason: "server_error")))
    }

    @Test func requestTooOldIsGivenUpRatherThanSent() {
        var machine = sending(machine(ageMs: 60_000))
        _ = machine.answered(.unreachable, succeededElsewhereNs: nil, Self.start)
        #expect(machine.woke(later(60_000)) == .send)
        _ = machine.answered(.unreachable, succeededElsewhereNs: nil, later(60_000))
        #expect(machine.woke(later(60_001)) == .settle(.givenUp(reason: "too_old")))
    }

    @Test func aDrainEndsAtTheDeadline() {
        var failing = sending(machine())
        failing.drain(untilNs: later(10_000).monotonicNs)
        #expect(
            waitMs(failing.answered(status(503, retryAfterMs: 60_000), succeededElsewhereNs: nil, Self.start))
                == 10_000)
        var woken = failing
        #expect(woken.woke(later(10_000)) == .stop)
        #expect(failing.answered(status(503), succeededElsewhereNs: nil, later(10_000)) == .stop)

        var done = sending(machine())
        done.drain(untilNs: later(10_000).monotonicNs)
        #expect(done.answered(status(200), succeededElsewhereNs: nil, later(9_999)) == .settle(.delivered))
        #expect(done.settled(later(10_000)) == .stop)
    }
}
