import MetricModel
import Platform
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

/// What a cursor says was in flight costs no more than what a sender may have had in flight.
struct SentRequestsTests {
    private let clock = ManualClock(wallMs: 1_700_000_000_000)

    @Test func asMuchIsReadBeyondMemoryAsMayBeAndABatchAtLeast() {
        var sent = SentRequests([7: SentRequest(spans: [])], mostBeyondMemory: 100)
        func reads(waiting: Int, _ isMemoryUsedUp: Bool) -> Bool {
            sent.mayRead(waiting: waiting, isMemoryUsedUp: isMemoryUsedUp)
        }
        let few = [10, 50, 109, 110, 5_000].map { reads(waiting: $0, true) }
        #expect(few == [true, true, true, false, false])
        let free = [reads(waiting: 5_000, false), reads(waiting: 5_000, true), reads(waiting: 5_100, true)]
        #expect(free == [true, true, false])
        #expect(sent.takeDamaged() == [7] && sent.isEmpty)
        let claimed = [sent.claimed(8), sent.claimed(7), sent.claimed(7)]
        #expect(claimed == [false, true, false])
    }

    /// 400 frames of one target, each with 100 samples.
    private func store(
        _ memory: MemoryAccount
    ) throws -> (BufferedDestination, first: StoredFrame, last: StoredFrame) {
        let store = BufferedDestination(clock: clock, memory: memory)
        let frame = TestFrames.frame(count: 100, timestampMs: 0)
        store.append(
            (0..<400).map { number in
                Frame(
                    target: frame.target, layout: frame.layout,
                    timestampMs: clock.wallMs + Int64(number) * 1_000, values: frame.values)
            })
        var frames: [StoredFrame] = []
        while let stored = try store.reader.next() { frames.append(stored) }
        return (store, try #require(frames.first), try #require(frames.last))
    }

    /// A forged cursor says of the first frame and the last that they were in one request, or of all that
    /// there is. Everything in between has to wait for it, as it is of the same target: no more of it is read
    /// than may be, all of it is sent as new, and in its order.
    @Test(arguments: [(isWhole: false, batch: 100), (true, 100), (false, 10)])
    func aRequestAcrossTheWholeBufferIsForgotten(isWhole: Bool, batch: Int) throws {
        let memory = MemoryAccount(readingBytes: 64 << 10)
        var (store, first, last) = try store(memory)
        let spans = isWhole ? [first.start..<last.end] : [first.cover(0..<10), last.cover(0..<10)]
        try store.reader.willSend([7: SentRequest(spans: spans, options: 1)])
        store = store.afterCrash()
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(WindowSize(least: 1, most: 1)), views: nil,
            mostSamples: batch, mostBeyondMemory: 5_000, options: 1)
        var (most, sent, isAgain) = (0, [Int64](), false)
        for _ in 0..<10_000 {
            guard case .claim(let claim) = try window.look(samples: batch, nowNs: 0, dueNs: .max) else {
                break
            }
            most = max(most, window.heldBytes)
            isAgain = isAgain || claim.resend != nil
            sent += claim.slices.map(\.frame.timestampMs)
            var outcome = Outcomes()
            for slice in claim.slices { outcome.deliver(slice.sampleCount, of: slice.frame.target.job) }
            try window.book([], claim.slices.map(\.cover), outcome)
            window.release(claim)
        }
        #expect(!isAgain && window.takeDamaged() == 1 && window.takeDamaged() == 0)
        #expect(sent == sent.sorted() && Set(sent).count == 400)
        #expect(store.isAnswered && store.delivered == 40_000 && store.reader.sent.isEmpty)
        // The share is 32 KiB, and 5,000 samples take 40,000 bytes beside what each frame does. What was read
        // of the whole is one claim, whose requests take their bodies one after the other.
        #expect(most < (isWhole ? 400 : 200) << 10, "\(most) bytes")
    }

    /// What a sender had in flight is complete before: it is made again whatever memory it takes.
    @Test func aRequestThatASenderMadeIsMadeAgain() throws {
        let memory = MemoryAccount(readingBytes: 8 << 10)
        var (store, first, _) = try store(memory)
        try store.reader.willSend([7: SentRequest(spans: [first.cover(0..<100)], options: 1)])
        store = store.afterCrash()
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(WindowSize(least: 1, most: 1)), views: nil,
            mostSamples: 100, mostBeyondMemory: 1, options: 1)
        guard case .claim(let claim) = try window.look(samples: 100, nowNs: 0, dueNs: .max) else {
            Issue.record("it leaves first")
            return
        }
        #expect(claim.resend?.number == 7 && claim.sampleCount == 100 && window.takeDamaged() == 0)
    }
}
