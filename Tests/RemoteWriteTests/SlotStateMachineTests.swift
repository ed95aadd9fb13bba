import Configuration
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite struct SlotStateMachineTests {
    private typealias Step = SlotWalk.Step
    private static let start = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)

    private func slot(
        retries429: Bool = true, ageMs: Int64 = 0, lessons: DestinationLessons = DestinationLessons()
    ) -> SlotWalk {
        SlotWalk(
            SlotStateMachine(
                queue: QueueConfiguration(
                    maxSamplesPerSend: 2_000, minBackoffMs: 30, maxBackoffMs: 5_000,
                    retryOnHTTP429: retries429),
                age: SampleAge(configuredMs: ageMs, url: "http://receiver/"), seed: 1, lessons: lessons))
    }

    private func sending(
        _ slot: SlotWalk, samples: Int = 100, bytes: Int = 8_000, mayBeStored: Bool = false
    ) -> SlotWalk {
        var slot = slot
        let held = SlotStateMachine.Held(
            sampleCount: samples, bytes: bytes, newestMs: Self.start.wallMs, mayBeStored: mayBeStored)
        #expect(slot.collected(held, Self.start) == .leave)
        #expect(slot.leaves(Self.start) == .awaitAnswer)
        return slot
    }

    private func later(_ ms: Int64) -> SlotStateMachine.Moment {
        .init(
            monotonicNs: Self.start.monotonicNs + UInt64(ms) * 1_000_000, wallMs: Self.start.wallMs + ms)
    }

    private func waitMs(_ step: Step, since: SlotStateMachine.Moment = start) -> Int64? {
        guard case .wait(let untilNs) = step else { return nil }
        return Int64((untilNs - since.monotonicNs) / 1_000_000)
    }

    private func status(
        _ status: Int, _ reason: RefusalReason = .other, retryAfterMs: Int64? = nil, serverMs: Int64? = nil
    ) -> ReceiverAnswer {
        .status(.init(status: status, reason: reason, retryAfterMs: retryAfterMs, serverMs: serverMs))
    }

    @Test(arguments: [200, 202, 204, 299]) func successIsDelivered(code: Int) {
        var slot = sending(slot())
        #expect(slot.answered(status(code), Self.start) == .settle(.delivered))
        #expect(slot.settled(Self.start) == .fill(samples: 2_000))
    }

    @Test(arguments: [400, 402, 406, 409, 410, 411, 418, 422, 431, 451])
    func otherClientErrorsAreNotRetried(code: Int) {
        var slot = sending(slot())
        #expect(
            slot.answered(status(code, .seriesLimit), Self.start)
                == .settle(.refused(reason: "per_user_series_limit")))
    }

    @Test(arguments: [408, 425, 500, 502, 503, 504, 520, 599])
    func failuresAreRetriedWithinTheBackoff(code: Int) {
        var slot = sending(slot())
        var now = Self.start
        for step in [30, 60, 120, 240, 480, 960, 1_920, 3_840, 5_000, 5_000] as [Int64] {
            let next = slot.answered(status(code), now)
            guard let ms = waitMs(next, since: now) else {
                Issue.record("\(code) is waited for")
                return
            }
            #expect(ms >= step - step / 2 - 1 && ms <= step)
            #expect(slot.machine.obstacle == .failing)
            now.monotonicNs += UInt64(ms) * 1_000_000
            slot.tryAgain(now)
        }
        #expect(slot.answered(status(200), now) == .settle(.delivered))
        #expect(slot.machine.obstacle == nil)
    }

    @Test func networkFailureIsRetriedAndMayHaveBeenStored() {
        var slot = sending(slot())
        #expect(waitMs(slot.answered(.unreachable, Self.start)) != nil)
        #expect(slot.request?.mayBeStored == true)
    }

    @Test func jitterDiffersBetweenSeeds() {
        let waits = (0..<20).map { seed in
            let slot = SlotWalk(
                SlotStateMachine(
                    queue: QueueConfiguration(minBackoffMs: 4_000), age: SampleAge(configuredMs: 0, url: ""),
                    seed: UInt64(seed)))
            var flying = sending(slot, samples: 1)
            return waitMs(flying.answered(.unreachable, Self.start)) ?? 0
        }
        #expect(Set(waits).count > 10)
    }

    @Test(arguments: [RefusalReason.outOfOrder, .outsideOrderWindow, .duplicateTimestamp])
    func duplicatesOfARequestSentBeforeAreDelivered(reason: RefusalReason) {
        var resent = sending(slot(), mayBeStored: true)
        #expect(resent.answered(status(400, reason), Self.start) == .settle(.delivered))
        var first = sending(slot())
        #expect(first.answered(status(400, reason), Self.start) == .settle(.refused(reason: reason.rawValue)))
        var lostAnswer = sending(slot())
        #expect(waitMs(lostAnswer.answered(.unreachable, Self.start)) != nil)
        lostAnswer.tryAgain(later(1_000))
        #expect(lostAnswer.answered(status(400, reason), later(1_000)) == .settle(.delivered))
    }

    @Test func resendRefusedForAnotherReasonIsRefused() {
        var slot = sending(slot(), mayBeStored: true)
        #expect(
            slot.answered(status(400, .maxSampleAge), Self.start)
                == .settle(.refused(reason: "greater_than_max_sample_age")))
    }

    @Test(arguments: [401, 403]) func refusedSignatureIsTriedAgainSoonThenSlowly(code: Int) {
        var slot = sending(slot())
        #expect((waitMs(slot.answered(status(code), Self.start)) ?? 9_999) <= 30)
        slot.tryAgain(later(30))
        #expect((waitMs(slot.answered(status(code), Self.start)) ?? 0) >= 2_500)
        for _ in 0..<10 {
            slot.tryAgain(Self.start)
            #expect(waitMs(slot.answered(status(code), Self.start)) != nil)
        }
        slot.tryAgain(Self.start)
        let last = waitMs(slot.answered(status(code), Self.start)) ?? 0
        #expect(last >= 30_000 && last <= 60_000)
        #expect(slot.machine.obstacle == .unauthorized)
    }

    @Test func clockSkewIsLearnedFromARefusalAndForgottenWhenItIsGone() {
        var slot = sending(slot())
        let serverMs = Self.start.wallMs - 600_000
        #expect(waitMs(slot.answered(status(403, serverMs: serverMs), Self.start)) != nil)
        #expect(slot.machine.skewMs == -600_000)
        slot.tryAgain(Self.start)
        let next = slot.answered(status(403, serverMs: Self.start.wallMs - 1_000), Self.start)
        #expect(waitMs(next) != nil)
        #expect(slot.machine.skewMs == 0)
    }

    @Test(arguments: [301, 302, 308, 404, 405, 407, 415]) func wrongPlacesHoldTheRequest(code: Int) {
        var slot = sending(slot())
        #expect((waitMs(slot.answered(status(code), Self.start)) ?? 0) >= 2_500)
        #expect(slot.machine.obstacle == .misconfigured)
        #expect(slot.woke(later(5_000)) == .leave)
    }

    @Test func missingCredentialsHoldTheRequest() {
        var slot = sending(slot())
        #expect((waitMs(slot.answered(.unsigned, Self.start)) ?? 0) >= 2_500)
        #expect(slot.request?.mayBeStored == false)
    }

    @Test func tooLargeIsCutAnewAndASingleSampleIsLetGo() {
        let lessons = DestinationLessons()
        var slot = SlotWalk(
            SlotStateMachine(
                queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: ""), seed: 1,
                lessons: lessons))
        slot = sending(slot, samples: 1_000, bytes: 80_000)
        #expect(slot.answered(status(413), Self.start) == .putBack)
        #expect(slot.machine.sizeChange == .limited(toBytes: 40_000))
        #expect(lessons.limitBytes == 40_000)
        #expect(slot.settled(Self.start) == .fill(samples: 5_000))
        slot = sending(slot, samples: 1, bytes: 80)
        #expect(slot.answered(status(413), Self.start) == .settle(.refused(reason: "too_large")))
        #expect(slot.machine.obstacle == nil)
        #expect(slot.settled(Self.start) == .fill(samples: 5_000))
        slot = sending(slot, samples: 1, bytes: 80)
        #expect(slot.answered(status(413), Self.start) == .settle(.refused(reason: "too_large")))
        #expect(slot.machine.obstacle == .refusingSize)
        #expect(slot.settled(Self.start) == .fill(samples: 5_000))
        let held = SlotStateMachine.Held(
            sampleCount: 1, bytes: 80, newestMs: Self.start.wallMs, mayBeStored: false)
        #expect((waitMs(slot.collected(held, Self.start)) ?? 0) >= 2_500)
        slot.tryAgain(later(5_000))
        #expect(slot.answered(status(200), later(5_000)) == .settle(.delivered))
        #expect(slot.machine.obstacle == nil && lessons.limitBytes == nil)
    }

    /// A slot that has cut `samples` of the log's samples up to number `end`, and sends them where they may
    /// leave.
    private func held(
        _ slot: SlotWalk, samples: Int, upTo end: UInt32, is expected: Step = .leave
    ) -> SlotWalk {
        var slot = slot
        let request = SlotStateMachine.Held(
            sampleCount: samples, newestMs: Self.start.wallMs, mayBeStored: false, end: place(end))
        #expect(slot.collected(request, Self.start) == expected)
        if expected == .leave { #expect(slot.leaves(Self.start) == .awaitAnswer) }
        return slot
    }

    private func place(_ sample: UInt32) -> BufferPosition {
        BufferPosition(segment: 1, offset: 0, sample: sample)
    }

    private let whole = ReceiverAnswer.status(
        .init(status: 400, reason: .outsideOrderWindow, mayHaveTakenNothing: true))

    @Test func aRequestRefusedAsAWholeIsSearchedInHalvesInOrder() {
        var slot = held(slot(), samples: 8, upTo: 8)
        #expect(slot.answered(whole, Self.start) == .putBack)
        #expect(slot.settled(Self.start) == .fill(samples: 4, upTo: place(8)))
        slot = held(slot, samples: 4, upTo: 4)
        #expect(slot.answered(whole, Self.start) == .putBack)
        #expect(slot.settled(Self.start) == .fill(samples: 2, upTo: place(4)))
        slot = held(slot, samples: 2, upTo: 2)
        #expect(slot.answered(status(200), Self.start) == .settle(.delivered))
        #expect(slot.settled(Self.start) == .fill(samples: 1, upTo: place(4)))
        slot = held(slot, samples: 1, upTo: 3)
        #expect(slot.isSearching)
        #expect(
            slot.answered(whole, Self.start)
                == .settle(.refused(reason: "sample_too_old"), leaveOutForMs: 300_000))
        #expect(slot.settled(Self.start) == .fill(samples: 2_000))
        #expect(!slot.isSearching)
    }

    /// What was searched for may have become too old to be sent: the next claim has nothing to do with it.
    @Test func anotherClaimIsNotSearched() {
        var slot = held(slot(), samples: 8, upTo: 8)
        #expect(slot.answered(whole, Self.start) == .putBack)
        #expect(slot.isSearching)
        #expect(slot.settled(Self.start) == .fill(samples: 4, upTo: place(8)))
        #expect(slot.isSearching)
        slot.claimed()
        #expect(!slot.isSearching)
        slot = held(slot, samples: 4, upTo: 4)
        #expect(!slot.isSearching)
        #expect(slot.answered(status(200), Self.start) == .settle(.delivered))
        #expect(slot.settled(Self.start) == .fill(samples: 2_000))
    }

    @Test func aRefusalThatPassesBlamesNobody() {
        var slot = held(slot(), samples: 2, upTo: 2)
        #expect(slot.answered(whole, Self.start) == .putBack)
        #expect(slot.settled(Self.start) == .fill(samples: 1, upTo: place(2)))
        for end: UInt32 in [1, 2] {
            slot = held(slot, samples: 1, upTo: end)
            #expect(slot.answered(status(200), Self.start) == .settle(.delivered))
            #expect(
                slot.settled(Self.start)
                    == (end == 1 ? .fill(samples: 1, upTo: place(2)) : .fill(samples: 2_000)))
        }
        #expect(!slot.isSearching)
    }

    @Test func withoutRequestsLeftTheRestIsBookedUnsentAndLeftOut() {
        var slot = held(slot(), samples: 1 << 20, upTo: 1 << 20)
        var samples: UInt32 = 1 << 20
        var next = slot.answered(whole, Self.start)
        for _ in 0..<11 {
            #expect(next == .putBack)
            let end = place(samples)
            samples /= 2
            #expect(slot.settled(Self.start) == .fill(samples: min(2_000, Int(samples)), upTo: end))
            slot = held(slot, samples: Int(samples), upTo: samples)
            next = slot.answered(whole, Self.start)
        }
        #expect(next == .putBack)
        #expect(slot.settled(Self.start) == .fill(samples: 512, upTo: place(512)))
        slot = held(
            slot, samples: 512, upTo: 512,
            is: .settle(.refused(reason: "sample_too_old"), leaveOutForMs: SlotStateMachine.suspectedMs))
        #expect(slot.settled(Self.start) == .fill(samples: 2_000))
        // The next request is refused as it is until the minute is over.
        slot = held(slot, samples: 8, upTo: 1_000)
        #expect(slot.answered(whole, Self.start) == .settle(.refused(reason: "sample_too_old")))
        #expect(slot.settled(Self.start) == .fill(samples: 2_000))
        slot = held(slot, samples: 8, upTo: 1_008)
        #expect(slot.answered(whole, later(70_000)) == .putBack)
    }

    private func rolledBack(_ reason: RefusalReason) -> ReceiverAnswer {
        .status(.init(status: 400, reason: reason, mayHaveTakenNothing: true))
    }

    @Test(arguments: [RefusalReason.outsideOrderWindow, .duplicateTimestamp, .badRequest])
    func aRequestThatWasRolledBackIsSearchedAlsoAfterATryWithoutAnswer(reason: RefusalReason) {
        var resent = sending(slot(), mayBeStored: true)
        #expect(resent.answered(rolledBack(reason), Self.start) == .putBack)
        for failure in [.unreachable, status(503)] {
            var lostAnswer = sending(slot())
            #expect(waitMs(lostAnswer.answered(failure, Self.start)) != nil)
            lostAnswer.tryAgain(later(1_000))
            #expect(lostAnswer.answered(rolledBack(reason), later(1_000)) == .putBack)
        }
    }

    @Test func aLostAnswerDoesNotMoveASearchToTheWrongHalf() {
        var slot = held(slot(), samples: 8, upTo: 8)
        #expect(slot.answered(whole, Self.start) == .putBack)
        #expect(slot.settled(Self.start) == .fill(samples: 4, upTo: place(8)))
        slot = held(slot, samples: 4, upTo: 4)
        #expect(waitMs(slot.answered(.unreachable, Self.start)) != nil)
        slot.tryAgain(later(1_000))
        #expect(slot.answered(whole, later(1_000)) == .putBack)
        #expect(slot.settled(later(1_000)) == .fill(samples: 2, upTo: place(4)))
    }

    @Test func outOfOrderMeansStoredBeforeOnlyWhereTheRequestSpansTime() {
        for holdsSeriesOnce in [false, true] {
            var slot = slot()
            let request = SlotStateMachine.Held(
                sampleCount: 100, newestMs: Self.start.wallMs, holdsSeriesOnce: holdsSeriesOnce,
                mayBeStored: true
            )
            #expect(slot.collected(request, Self.start) == .leave)
            #expect(slot.leaves(Self.start) == .awaitAnswer)
            #expect(
                slot.answered(rolledBack(.outOfOrder), Self.start)
                    == (holdsSeriesOnce ? .putBack : .settle(.delivered)))
        }
    }

    @Test func throttlingWaitsAsAskedAndSlowsDown() {
        let lessons = DestinationLessons()
        var slot = sending(slot(lessons: lessons))
        #expect(waitMs(slot.answered(status(429, .rateLimited, retryAfterMs: 7_000), Self.start)) == 7_000)
        let paced = lessons.pacePerSecond
        #expect(paced != nil)
        slot.tryAgain(later(7_000))
        #expect(slot.answered(status(200), later(7_100)) == .settle(.delivered))
        #expect((lessons.pacePerSecond ?? 0) > (paced ?? 0))
        // The next request waits for its turn.
        #expect(slot.settled(later(7_100)) == .fill(samples: 2_000))
        let next = slot.collected(
            .init(sampleCount: 1, newestMs: later(7_200).wallMs, mayBeStored: false), later(7_200))
        #expect((waitMs(next, since: later(7_200)) ?? 0) > 0)
    }

    @Test func throttlingIsFinalWhereConfiguredSo() {
        var slot = sending(slot(retries429: false))
        #expect(
            slot.answered(status(429, .rateLimited), Self.start)
                == .settle(.refused(reason: "rate_limited")))
    }

    @Test func seriesLimitDoesNotBlockTheSlotForGood() {
        var slot = sending(slot())
        for _ in 1..<SlotStateMachine.seriesLimitTries {
            #expect(waitMs(slot.answered(status(429, .seriesLimit), Self.start)) != nil)
            slot.tryAgain(Self.start)
        }
        #expect(
            slot.answered(status(429, .seriesLimit), Self.start)
                == .settle(.refused(reason: "per_user_series_limit")))
    }

    @Test func requestThatBreaksTheReceiverIsHalvedOnceOthersSucceed() {
        var slot = sending(slot(), samples: 2)
        for _ in 0..<20 {
            #expect(waitMs(slot.answered(status(500), Self.start)) != nil)
            slot.tryAgain(Self.start)
        }
        let elsewhereNs = Self.start.monotonicNs + 1
        for _ in 1..<SlotStateMachine.poisonTries {
            let next = slot.answered(status(500), succeededElsewhereNs: elsewhereNs, Self.start)
            #expect(waitMs(next) != nil)
            slot.tryAgain(Self.start)
        }
        #expect(slot.answered(status(500), succeededElsewhereNs: elsewhereNs, Self.start) == .putBack)
        #expect(slot.settled(Self.start) == .fill(samples: 1))
        slot = sending(slot, samples: 1)
        for _ in 1..<SlotStateMachine.poisonTries {
            let next = slot.answered(status(500), succeededElsewhereNs: elsewhereNs, Self.start)
            #expect(waitMs(next) != nil)
            slot.tryAgain(Self.start)
        }
        let last = slot.answered(status(500), succeededElsewhereNs: elsewhereNs, Self.start)
        #expect(last == .settle(.refused(reason: "server_error")))
    }

    @Test func requestTooOldIsGivenUpRatherThanSent() {
        var slot = sending(slot(ageMs: 60_000))
        #expect(waitMs(slot.answered(.unreachable, Self.start)) != nil)
        slot.tryAgain(later(60_000))
        #expect(waitMs(slot.answered(.unreachable, later(60_000))) != nil)
        #expect(slot.woke(later(60_001)) == .settle(.givenUp(reason: "too_old")))
    }

    @Test func aDrainEndsAtTheDeadline() {
        var flying = sending(slot())
        flying.machine.drain(untilNs: later(10_000).monotonicNs)
        var failing = flying
        #expect(waitMs(failing.answered(status(503, retryAfterMs: 60_000), Self.start)) == 10_000)
        #expect(failing.woke(later(10_000)) == .stop)
        #expect(flying.answered(status(503), later(10_000)) == .stop)

        var done = sending(slot())
        done.machine.drain(untilNs: later(10_000).monotonicNs)
        #expect(done.answered(status(200), later(9_999)) == .settle(.delivered))
        #expect(done.settled(later(10_000)) == .stop)
    }
}
