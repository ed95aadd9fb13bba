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

    @Test func lanesShareTheSize() async {
        let store = BufferedDestination(clock: fixture.clock)
        let (first, second) = (fixture.job("a", onLane: 0), fixture.job("b", onLane: 1))
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
        #expect(ofSecond.isEmpty, "the second lane's first request has the size that the first lane learned")
        #expect(store.isBalanced)
    }

    @Test func aReceiverThatRefusesEverySizeGetsFewRequestsAndTheSamplesAreKept() async {
        let store = BufferedDestination(clock: fixture.clock)
        for lane in [0, 1] as [UInt64] {
            store.append(fixture.frames(20, series: 10, job: fixture.job("a", onLane: lane)))
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
        #expect((after8s ?? 999) <= 30, "requests in the first 8 s: 100 is halved seven times by each lane")
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
}
