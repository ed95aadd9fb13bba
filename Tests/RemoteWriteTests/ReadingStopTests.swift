import Configuration
import HTTPTransport
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import RemoteWrite
@testable import WriteAheadBuffer

/// A log that is not read on is a state that everybody sees, and that ends.
struct ReadingStopTests {
    private let clock = ManualClock(wallMs: 1_700_000_000_000)

    private func window(_ store: BufferedDestination, batch: Int, size: Int = 1) -> ShippingWindow {
        ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(WindowSize(least: size, most: size)),
            views: nil,
            mostSamples: batch, options: 1)
    }

    /// One target's.
    private func frames(_ seconds: some Sequence<Int>) -> [Frame] {
        let first = TestFrames.frame(count: 10, timestampMs: 0)
        return seconds.map { second in
            Frame(
                target: first.target, layout: first.layout,
                timestampMs: clock.wallMs + Int64(second) * 1_000, values: first.values)
        }
    }

    private func claim(_ window: ShippingWindow, _ samples: Int) throws -> WaitingSlices.Claim? {
        if case .claim(let claim) = try window.look(samples: samples, nowNs: 0, dueNs: .max) { return claim }
        return nil
    }

    /// Frames of one target alone, one of which flies: the others wait, and no more than may.
    @Test func readingStopsWhileAsMuchWaitsAsMay() throws {
        let store = BufferedDestination(clock: clock)
        store.append(frames(0..<30))
        let window = window(store, batch: 10)
        #expect(window.turns.take(Event()) == .mine)
        let first = try #require(try claim(window, 10))
        _ = window.turns.claimed()
        #expect(window.readingStop == nil)
        let second = try claim(window, 10)
        #expect(second == nil, "its key flies")
        #expect(window.readingStop == .waitingSamples)
        #expect(window.waiting.samples == 80, "four batches for each of two requests")
        try window.book([], first.slices.map(\.cover), Outcomes())
        window.release(first)
        let third = try claim(window, 10)
        #expect(third?.sampleCount == 10)
        #expect(window.readingStop == nil, "there was no need to read")
    }

    @Test func readingStopsWhileTheCursorHoldsAsManyRangesAsItMay() throws {
        let store = BufferedDestination(clock: clock)
        let most = DestinationReader.mostRanges
        store.append(self.frames(0...2 * most))
        var frames: [StoredFrame] = []
        while let stored = try store.reader.next() { frames.append(stored) }
        let covers = frames.map { $0.cover(0..<10) }
        let odd = covers.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        var outcome = Outcomes()
        outcome.deliver(10 * most, of: "node")
        try store.reader.answered([], ranges: odd, outcome: outcome)
        #expect(store.reader.rangeCount == most)
        store.append(self.frames([3 * most]))
        let window = window(store, batch: 10)
        #expect(window.turns.take(Event()) == .mine)
        let claim1 = try claim(window, 10)
        #expect(claim1 == nil && window.readingStop == .answeredRanges)
        var first = Outcomes()
        first.deliver(10, of: "node")
        try store.reader.answered([], ranges: [covers[0]], outcome: first)
        let claim2 = try claim(window, 10)
        #expect(claim2?.sampleCount == 10 && window.readingStop == nil)
    }

    /// What waits and flies, and what readers hold, is charged. Where no more is left, one batch at a time is
    /// read, so that everything is sent in the end.
    @Test func readingStopsWhileMemoryIsUsedUpAndABatchIsReadAllTheSame() throws {
        let memory = MemoryAccount(readingBytes: 64 << 10)
        let store = BufferedDestination(clock: clock, memory: memory)
        let targets = (0..<100).map { number in
            TestFrames.frame(
                TestFrames.target([Label("instance", "\(number)"), Label("job", "node")]), count: 10,
                timestampMs: clock.wallMs)
        }
        store.append(targets)
        let window = window(store, batch: 50, size: 2)
        let others = MemoryHold(memory, .reading)
        #expect(window.turns.take(Event()) == .mine)
        let first = try #require(try claim(window, 50))
        _ = window.turns.claimed()
        #expect(first.sampleCount == 50 && window.readingStop == nil)
        #expect(memory.usedBytes(of: .reading) > 50 * 8)
        others.set(64 << 10)
        #expect(window.turns.take(Event()) == .mine)
        let second = try claim(window, 50)
        #expect(second == nil && window.readingStop == .memory)
        window.turns.give()
        try window.book([], first.slices.map(\.cover), Outcomes())
        window.release(first)
        #expect(window.turns.take(Event()) == .mine)
        let third = try claim(window, 50)
        #expect(third?.sampleCount == 50 && window.readingStop == nil)
        _ = window.turns.claimed()
        others.set(0)
        #expect(window.turns.take(Event()) == .mine)
        let fourth = try claim(window, 50)
        #expect(fourth?.sampleCount == 50 && window.readingStop == nil, "read on at once")
    }

    /// A request without an answer holds up the only target there is. It is seen on the page, among the
    /// metrics and in the log, and is over with the answer.
    @Test func itIsShownAndSaidOnce() async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(40, series: 10))
        let receiver = FakeReceiver(otherwise: .error(.connect))
        let queue = QueueConfiguration(
            maxShards: 2, minShards: 2, maxSamplesPerSend: 10, batchSendDeadlineMs: 50)
        let writer = fixture.writer(store, receiver, queue: queue)
        let name = "narthex_remote_write_reading_stopped{remote_name=\"main\",url=\"\(writer.status().url)\""
        func shown(_ reason: String) -> Double? { fixture.metric("\(name),reason=\"\(reason)\"") }
        #expect(shown("waiting_samples") == 0 && shown("answered_ranges") == 0)
        func retries() -> Double? { fixture.metric("prometheus_remote_storage_enqueue_retries_total{") }
        #expect(writer.status().readingStop == nil && retries() == 0)
        var hasStopped = false
        await fixture.run(
            writer,
            between: {
                guard writer.status().readingStop == .waitingSamples, !hasStopped else { return }
                hasStopped = true
                #expect(shown("waiting_samples") == 1 && shown("answered_ranges") == 0)
                receiver.answer(.status(200))
            }, until: { store.isAnswered })
        #expect(hasStopped && writer.status().readingStop == nil && shown("waiting_samples") == 0)
        #expect((retries() ?? 0) >= 1)
        #expect(fixture.said.all("the log is not read on").count == 1)
        #expect(fixture.said.all("the log is read on").count == 1)
    }

    /// Each time that the side queue becomes full is counted, however long it stays so.
    @Test func aSideQueueThatFillsIsCountedOnce() {
        var log = WindowLog()
        let stops: [ReadingStop?] = [
            nil, .waitingSamples, .waitingSamples, nil, .memory, .waitingSamples, .answeredRanges,
        ]
        #expect(stops.map { log.hasFilled($0) } == [false, true, false, false, false, true, false])
    }

    /// A stop that comes and goes is said once a minute.
    @Test func aStopThatComesAndGoesIsSaidOnceAMinute() {
        let said = SaidLines()
        var log = WindowLog()
        for second in 0..<90 {
            log.looked(second % 2 == 0 ? .answeredRanges : nil, said.logger, wallMs: Int64(second) * 1_000)
        }
        #expect(said.all("the log is not read on").count == 2)
        #expect(said.all("the log is read on").count == 2)
    }

    /// What was in flight under another configuration is made again with other bytes: it is said, once.
    @Test func aChangedConfigurationIsSaidWithTheFirstRequestMadeAgain() {
        let said = SaidLines()
        var log = WindowLog()
        log.madeAgain(SentRequest(spans: [], options: 7), options: 7, said.logger)
        log.madeAgain(SentRequest(spans: [], options: 0), options: 7, said.logger)
        #expect(said.all.isEmpty)
        for _ in 0..<3 { log.madeAgain(SentRequest(spans: [], options: 8), options: 7, said.logger) }
        #expect(said.all("the configuration of this destination has changed").count == 1)
    }
}
