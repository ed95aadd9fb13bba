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

/// A buffer that is not read on is a state that everybody sees, and that ends.
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
        #expect(window.readingStop == .waitingSamples && !window.hasRead, "there was no need to read")
        #expect(window.turns.take(Event()) == .mine)
        _ = window.turns.claimed()
        let fourth = try claim(window, 10)
        #expect(fourth == nil, "its key flies")
        #expect(window.readingStop == .waitingSamples && window.hasRead, "one frame found room")
    }

    /// A look that finds all it takes in memory does not say whether the buffer may be read on.
    @Test func aLookThatHasNoNeedToReadLeavesAStopAsItIs() throws {
        let store = BufferedDestination(clock: clock)
        let others = targets(1)
        store.append(frames(0..<1) + others + frames(1..<40))
        let window = window(store, batch: 30)
        #expect(window.turns.take(Event()) == .mine)
        #expect(try claim(window, 10)?.sampleCount == 10)
        _ = window.turns.claimed()
        // The other target's samples are not due, so more is read, until no more may wait.
        guard case .short = try window.look(samples: 30, nowNs: 1_000, dueNs: 0) else {
            Issue.record("they are not due")
            return
        }
        #expect(window.readingStop == .waitingSamples && window.hasRead)
        #expect(try claim(window, 10)?.slices.first?.frame.target.id == others[0].target.id)
        #expect(window.readingStop == .waitingSamples && !window.hasRead)
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

    private func targets(_ count: Int) -> [Frame] {
        (0..<count).map { number in
            TestFrames.frame(
                TestFrames.target([Label("instance", "\(number)"), Label("job", "node")]), count: 10,
                timestampMs: clock.wallMs)
        }
    }

    /// Claims until there is none, for as many slots.
    private func claims(_ window: ShippingWindow, _ samples: Int) throws -> [WaitingSlices.Claim] {
        var claims: [WaitingSlices.Claim] = []
        while claims.count < 100, window.turns.take(Event()) == .mine {
            guard let claim = try claim(window, samples) else {
                window.turns.give()
                break
            }
            _ = window.turns.claimed()
            claims.append(claim)
        }
        return claims
    }

    /// What waits and flies is charged to the destination's share, which several requests fit into however
    /// little memory there is. Where no more is left, one batch at a time is read, so that everything is sent
    /// in the end.
    @Test func readingStopsWhileItsShareOfMemoryIsUsedUpAndABatchIsReadAllTheSame() throws {
        let memory = MemoryAccount(readingBytes: 8 << 10)
        let store = BufferedDestination(clock: clock, memory: memory)
        store.append(targets(200))
        let window = window(store, batch: 50, size: 20)
        let first = try claims(window, 50)
        #expect(first.count >= 2 && first.count <= 5, "\(first.count) requests")
        #expect(window.readingStop == .memory)
        for claim in first {
            try window.book([], claim.slices.map(\.cover), Outcomes())
            window.release(claim)
        }
        let second = try claims(window, 50)
        #expect(second.count >= 2)
        var left = 2_000 - (first + second).reduce(0) { $0 + $1.sampleCount }
        for claim in second { window.release(claim) }
        for _ in 0..<200 where left > 0 {
            let next = try claims(window, 50)
            left -= next.reduce(0) { $0 + $1.sampleCount }
            for claim in next { window.release(claim) }
        }
        #expect(left == 0)
    }

    /// What another destination holds, and what readers do, takes nothing from this one.
    @Test func anotherThatUsesTheAccountUpStopsNobody() throws {
        let memory = MemoryAccount(readingBytes: 256 << 10)
        let store = BufferedDestination(clock: clock, memory: memory)
        store.append(targets(100))
        let others = MemoryHold(memory, .reading)
        others.set(256 << 10)
        let another = WindowHold(memory, mostSamples: 10)
        another.set(parts: 0, bodyBytes: 256 << 10)
        let window = window(store, batch: 50, size: 10)
        let claims = try claims(window, 50)
        #expect(claims.count == 10 && window.readingStop == nil)
    }

    /// A part of a frame holds all of it, until the last part is answered for.
    @Test func aFrameIsChargedOnceUntilItsLastPartIsAnsweredFor() throws {
        let memory = MemoryAccount(readingBytes: 8 << 20)
        let store = BufferedDestination(clock: clock, memory: memory)
        let window = window(store, batch: 1_000, size: 20)
        store.append([TestFrames.frame(count: 10_000, timestampMs: clock.wallMs)])
        var flying = try claims(window, 1_000)
        #expect(flying.count == 10)
        // The frame once, and what ten requests take.
        #expect(window.heldBytes == 80_000 + 10 * 40_000)
        #expect(memory.usedBytes(of: .reading) >= window.heldBytes)
        while flying.count > 1 { window.release(flying.removeLast()) }
        func look() throws { _ = try window.look(samples: 1_000, nowNs: 0, dueNs: .max) }
        try look()
        #expect(window.heldBytes == 80_000 + 40_000, "one part flies")
        window.release(flying.removeLast())
        try look()
        #expect(window.heldBytes == 0)
    }

    /// Many requests of the life before lie far apart: what lies between is read as far as memory allows.
    @Test func whatWasInFlightIsReadAsFarAsMemoryAllows() throws {
        let memory = MemoryAccount(readingBytes: 64 << 10)
        var store = BufferedDestination(clock: clock, memory: memory)
        store.append(targets(2_000))
        var last: StoredFrame?
        while let stored = try store.reader.next() { last = stored }
        let cover = try #require(last).cover(0..<10)
        try store.reader.willSend([7: SentRequest(spans: [cover], options: 1)])
        store = store.afterCrash()
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(WindowSize(least: 1, most: 10_000)),
            views: nil, mostSamples: 25, mostFlying: 10_000, options: 1)
        var most = 0
        var isResent = false
        for _ in 0..<1_000 where !isResent {
            guard let claim = try claim(window, 25) else { break }
            most = max(most, window.heldBytes)
            isResent = claim.resend?.number == 7
            try window.book([], claim.slices.map(\.cover), Outcomes())
            window.release(claim)
        }
        #expect(isResent && most < 64 << 10, "\(most) bytes")
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
                guard writer.status().readingStop == .waitingSamples, !hasStopped,
                    fixture.said.all("the buffer is not read on").count == 1
                else { return }
                hasStopped = true
                #expect(shown("waiting_samples") == 1 && shown("answered_ranges") == 0)
                receiver.answer(.status(200))
            }, until: { store.isAnswered })
        #expect(hasStopped && writer.status().readingStop == nil && shown("waiting_samples") == 0)
        #expect((retries() ?? 0) >= 1)
        #expect(fixture.said.all("the buffer is not read on").count == 1)
        #expect(fixture.said.all("the buffer is read on").count == 1)
    }

    /// Each time that the side queue becomes full is counted, however long it stays so.
    @Test func aSideQueueThatFillsIsCountedOnce() {
        var log = WindowLog()
        let stops: [ReadingStop?] = [
            nil, .waitingSamples, .waitingSamples, nil, .memory, .waitingSamples, .answeredRanges,
        ]
        #expect(stops.map { log.hasFilled($0) } == [false, true, false, false, false, true, false])
    }

    /// `looked` once a second, for each letter: `s` where reading has stopped, `-` where it goes on.
    private func look(_ looks: String, _ log: inout WindowLog, _ said: SaidLines) {
        for (second, letter) in looks.enumerated() {
            log.looked(
                letter == "s" ? .answeredRanges : nil, said.logger, nowNs: UInt64(second) * 1_000_000_000)
        }
    }

    /// Nobody is told of a stop that the next answer ends, however often it comes back.
    @Test(arguments: ["sssss-", "s-s-s-s-s-s-s-s-", "ssss-ssss-ssss-"]) func aShortStopIsSilent(
        looks: String
    ) {
        let said = SaidLines()
        var log = WindowLog()
        look(String(repeating: looks, count: 20), &log, said)
        #expect(said.all.isEmpty)
    }

    @Test func aStopThatLastsIsSaidAfterFiveSecondsAndOnce() {
        let said = SaidLines()
        var log = WindowLog()
        look("-sssss", &log, said)
        #expect(said.all.isEmpty, "it has lasted four seconds")
        var another = WindowLog()
        look("-" + String(repeating: "s", count: 200), &another, said)
        #expect(said.all("the buffer is not read on").count == 1)
        #expect(said.all("reason=answered_ranges").count == 1)
        another.looked(nil, said.logger, nowNs: 300_000_000_000)
        #expect(said.all("the buffer is read on").count == 1 && said.all.count == 2)
    }

    /// A stop that lasts, and comes and goes, is said once a minute.
    @Test func aStopThatComesAndGoesIsSaidOnceAMinute() {
        let said = SaidLines()
        var log = WindowLog()
        look(String(repeating: "sssssss-", count: 12), &log, said)
        #expect(said.all("the buffer is not read on").count == 2)
        #expect(said.all("the buffer is read on").count == 2)
    }

    /// A receiver that is merely slow: each of its answers makes room, which is full again after a frame.
    @Test func aStopWithSomethingReadInBetweenIsAnotherOne() {
        let said = SaidLines()
        var log = WindowLog()
        func look(_ seconds: Range<Int>, hasRead: Bool) {
            for second in seconds {
                log.looked(
                    .waitingSamples, hasRead: hasRead, said.logger, nowNs: UInt64(second) * 1_000_000_000)
            }
        }
        look(0..<100, hasRead: true)
        #expect(said.all.isEmpty)
        look(100..<110, hasRead: false)
        #expect(said.all("the buffer is not read on").count == 1 && said.all.count == 1)
        look(110..<111, hasRead: true)
        #expect(said.all("the buffer is read on").count == 1 && said.all.count == 2)
        let filled = [false, false, true].map { log.hasFilled(.waitingSamples, hasRead: $0) }
        #expect(filled == [true, false, true])
    }

    /// What the log says can be read without knowing what a log is to this program, and says what ends it.
    @Test(arguments: ReadingStop.allCases) func eachStopSaysWhatEndsIt(stop: ReadingStop) {
        #expect(stop.sentence.hasPrefix("the buffer is ") && !stop.sentence.contains("the log"))
        #expect(stop.sentence.contains("for this destination") && stop.sentence.contains(" when the "))
    }

    @Test func requestsThatWereGivenUpAreSaid() {
        let said = SaidLines()
        let log = WindowLog()
        log.foundDamaged(0, said.logger)
        #expect(said.all.isEmpty)
        log.foundDamaged(3, said.logger)
        #expect(said.all("their samples are sent as new requests=3").count == 1)
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
