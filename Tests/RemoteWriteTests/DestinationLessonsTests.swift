import Configuration
import MetricModel
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

/// What a destination's receiver teaches, seen from the receiver.
@Suite(.serialized) struct DestinationLessonsTests {
    private let fixture = WriterFixture()

    @Test func theSizeIsLearnedOnceAndSaid() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(40, series: 105))
        let receiver = FakeReceiver()
        receiver.judge { $0.count > 40 ? .status(413, body: "too big") : nil }
        await fixture.run(fixture.writer(store, receiver)) { store.delivered == 4_200 }
        let sent = receiver.sizes.reduce(0, +)
        #expect(receiver.sizes.filter { $0 > 40 }.count <= 8)
        #expect(sent < 4_200 * 4, "samples sent for 4200 delivered")
        #expect(fixture.said.all("refused a request as too large").count == 1)
        #expect(store.isBalanced)
    }

    @Test func slotsShareTheSize() async {
        let store = BufferedDestination(clock: fixture.clock)
        let (first, second) = ("a", "b")
        store.append(fixture.frames(20, series: 100, job: first))
        let receiver = FakeReceiver()
        receiver.judge { $0.count > 40 ? .status(413) : nil }
        let queue = QueueConfiguration(maxSamplesPerSend: 1_000)
        var isAppended = false
        await fixture.run(
            fixture.writer(store, receiver, queue: queue),
            between: {
                if store.delivered(first) == 2_000, !isAppended {
                    isAppended = true
                    store.append(fixture.frames(1, series: 400, job: second))
                }
            }, until: { store.delivered(second) >= 400 })
        let ofSecond = receiver.sizes.drop { $0 != 400 }
        #expect(ofSecond.isEmpty, "the second job's first request has the size that the first job's taught")
        #expect(store.isBalanced)
    }

    @Test func aReceiverThatRefusesEverySizeGetsFewRequestsAndTheSamplesAreKept() async {
        let store = BufferedDestination(clock: fixture.clock)
        for job in ["a", "b"] {
            store.append(fixture.frames(20, series: 10, job: job))
        }
        let receiver = FakeReceiver(otherwise: .status(413))
        let queue = QueueConfiguration(maxSamplesPerSend: 100, batchSendDeadlineMs: 100)
        let startMs = fixture.clock.wallMs
        var after8s: Int?
        var after600s: Int?
        await fixture.run(
            fixture.writer(store, receiver, queue: queue),
            between: {
                let passedMs = fixture.clock.wallMs - startMs
                if passedMs >= 8_000, after8s == nil { after8s = receiver.requests.count }
                if passedMs >= 600_000, after600s == nil {
                    after600s = receiver.requests.count
                    receiver.answer(.status(200))
                }
            }, until: { store.isAnswered })
        #expect((after8s ?? 999) <= 30, "requests in the first 8 s: 100 is halved seven times a target")
        #expect((after600s ?? 999) <= 70, "requests in ten minutes")
        let lost = store.dropped["too_large"] ?? 0
        #expect(lost > 0 && lost <= 50, "single samples are let go at the pace of the requests")
        #expect(store.delivered == 400 - lost)
        #expect(store.isBalanced)
        #expect(fixture.said.all("refuses even a single sample").count >= 1)
    }

    @Test func oneSeriesTooLargeByItselfLeavesTheOthersTheirSize() async {
        let target = TestFrames.target()
        let chunk = TestFrames.chunk(
            (0..<200).map { number in
                [Label("__name__", "m\(number)")]
                    + (number == 77 ? [Label("huge", String(repeating: "x", count: 60_000))] : [])
            }, target)
        let store = BufferedDestination(clock: fixture.clock)
        store.append(
            (0..<10).map {
                Frame(
                    target: target, layout: Layout([chunk]), timestampMs: fixture.clock.wallMs + Int64($0),
                    values: Array(repeating: 1, count: 200))
            })
        let receiver = FakeReceiver()
        receiver.judge { samples in
            let bytes = samples.reduce(0) { $0 + $1.labels.reduce(40) { $0 + $1.value.utf8.count } }
            return bytes > 50_000 ? .status(413) : nil
        }
        let queue = QueueConfiguration(maxSamplesPerSend: 200)
        await fixture.run(fixture.writer(store, receiver, queue: queue)) {
            store.isAnswered
        }
        #expect(store.dropped == ["too_large": 10])
        #expect(store.delivered == 1_990)
        #expect(receiver.requests.count <= 80, "requests for ten frames of 200 series")
        #expect(store.isBalanced)
    }

    private func slots(_ count: Int, _ lessons: DestinationLessons) -> [SlotWalk] {
        (0..<count).map { _ in
            SlotWalk(
                SlotStateMachine(
                    queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: "http://receiver/"),
                    seed: 1, lessons: lessons))
        }
    }

    private let held = SlotStateMachine.Held(sampleCount: 1, newestMs: 0, mayBeStored: false)

    private func later(_ seconds: UInt64) -> SlotStateMachine.Moment {
        .init(monotonicNs: (1 + seconds) * 1_000_000_000, wallMs: 0)
    }

    /// Requests that are due and wait for the destination's probe take none of the probe's turns.
    @Test func thePaceIsTakenByWhatLeavesAlone() {
        let lessons = DestinationLessons()
        var slots = slots(50, lessons)
        #expect(slots[0].collected(held, later(0)) == .leave && slots[0].leaves(later(0)) == .awaitAnswer)
        for number in 0..<10 as Range<UInt64> {
            let now = later(number * 20)
            if number > 0 { slots[0].tryAgain(now) }
            _ = slots[0].answered(.status(.init(status: 429)), now)
        }
        #expect(lessons.pacePerSecond == Pace.least)
        for index in 1..<50 { #expect(slots[index].collected(held, later(1_000)) == .leave) }
        slots[0].tryAgain(later(1_000))
        #expect(slots[1].waited(later(1_000)) == .wait(untilNs: later(1_010).monotonicNs))
    }

    /// Several are found due at once, and one of them may leave.
    @Test func ofSeveralThatAreDueAtOnceThePaceLetsOneLeave() {
        let lessons = DestinationLessons()
        var slots = slots(3, lessons)
        lessons.throttled(inFlight: 1, lowersPace: true, later(0).monotonicNs)
        for index in 0..<3 { #expect(slots[index].collected(held, later(0)) == .leave) }
        #expect(slots[0].leaves(later(0)) == .awaitAnswer)
        for index in 1..<3 {
            #expect(slots[index].leaves(later(0)) == .wait(untilNs: later(2).monotonicNs))
        }
        slots[1].tryAgain(later(2))
    }

    /// Three of fifty that may fly do: it is they that are halved.
    @Test(arguments: [429, 503]) func aWindowIsHalvedFromWhatFlies(status: Int) {
        let lessons = DestinationLessons(WindowSize(least: 1, most: 50))
        for _ in 0..<100 { lessons.roundTrip(ns: 2_000_000_000, inFlight: lessons.windowSize) }
        #expect(lessons.windowSize == 50)
        var slot = slots(1, lessons)[0]
        #expect(slot.collected(held, later(0)) == .leave && slot.leaves(later(0)) == .awaitAnswer)
        _ = slot.answered(.status(.init(status: status)), inFlight: 3, later(0))
        #expect(lessons.windowSize == 1)
    }
}
