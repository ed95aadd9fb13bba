import Configuration
import HTTPTransport
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

/// A receiver far away, which answers in any order, or not at all.
@Suite(.serialized) struct ShippingWindowTests {
    /// Answers when the test says so. It keeps what it has stored, and whether each series came in order.
    private final class FarReceiver: HTTPPerforming {
        private struct State {
            var waiting: [(number: Int, answer: Event)] = []
            var answers: [Int: Int] = [:]
            var count = 0
            var mostInFlight = 0
            var newest: [String: Int64] = [:]
            var stored: [String: Set<Int64>] = [:]
            var faults: [String] = []
            /// Bodies that this life of the sender was told to be stored.
            var answered: Set<[UInt8]> = []
        }

        private let state = Mutex(State())

        var inFlight: Int { state.withLock { $0.waiting.count } }
        var mostInFlight: Int { state.withLock { $0.mostInFlight } }
        var faults: [String] { state.withLock { $0.faults } }
        /// Another sender begins.
        func beginLife() { state.withLock { $0.answered = [] } }
        var storedCount: Int { state.withLock { $0.stored.values.reduce(0) { $0 + $1.count } } }

        /// Answers one of those in flight; which of them is up to `random`.
        func answerOne(_ random: inout SplitMix64, status: Int = 200) {
            let event = state.withLock { state -> Event? in
                guard !state.waiting.isEmpty else { return nil }
                let chosen = state.waiting.remove(at: Int(random.next() % UInt64(state.waiting.count)))
                state.answers[chosen.number] = status
                return chosen.answer
            }
            event?.signal()
        }

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            let samples = (try? ReferenceCodec.samples(ofBody: request.body)) ?? []
            let event = Event()
            let number = state.withLock { state in
                state.count += 1
                state.waiting.append((state.count, event))
                state.mostInFlight = max(state.mostInFlight, state.waiting.count)
                // What is in flight together, or in one request, never holds a series twice.
                var seen: Set<String> = []
                for sample in samples where !seen.insert("\(LabelSet(sample.labels))").inserted {
                    state.faults.append("twice in one request: \(sample.labels)")
                }
                return state.count
            }
            let outcome = await event.wait()
            guard outcome == .signalled else { throw HTTPError(.cancelled, "cancelled") }
            let status = state.withLock { state in
                let status = state.answers[number] ?? 500
                guard status == 200 else { return status }
                if !state.answered.insert(request.body).inserted {
                    state.faults.append("a request that was answered came again in the same life")
                }
                for sample in samples {
                    let series = "\(LabelSet(sample.labels))"
                    if let newest = state.newest[series], newest >= sample.timestampMs {
                        let isKnown = state.stored[series]?.contains(sample.timestampMs) ?? false
                        // Sent again after a crash: it is stored already.
                        if !isKnown { state.faults.append("out of order: \(series) \(sample.timestampMs)") }
                        continue
                    }
                    state.newest[series] = sample.timestampMs
                    state.stored[series, default: []].insert(sample.timestampMs)
                }
                return status
            }
            return HTTPResponse(status: status, headers: HTTPHeaders([]), body: HTTPBody([]))
        }
    }

    private let clock = ManualClock(wallMs: 1_700_000_000_000)
    private let said = SaidLines()

    private func writer(_ store: BufferedDestination, _ receiver: FarReceiver, shards: Int) -> RemoteWriter {
        RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://receiver.example/api/v1/write", name: "main",
                queue: QueueConfiguration(
                    maxShards: shards, minShards: shards, maxSamplesPerSend: 25, batchSendDeadlineMs: 50)),
            destination: store.destination, http: receiver, credentials: nil, region: nil,
            workers: WorkerPool(name: "test", threads: 2), clock: clock, registry: MetricRegistry(),
            logger: said.logger)
    }

    private func frames(_ intervals: Int, targets: Int) -> [Frame] {
        (0..<intervals).flatMap { interval in
            (0..<targets).map { number in
                TestFrames.frame(
                    TestFrames.target(
                        job: "j\(number % 3)", [Label("instance", "\(number)"), Label("job", "j")]),
                    count: 10, timestampMs: clock.wallMs - 600_000 + Int64(interval) * 15_000)
            }
        }
    }

    /// No sample stands in two of these requests.
    private func expectApart(_ sent: [UInt64: SentRequest], _ comment: Comment) {
        let spans = sent.values.flatMap(\.spans).sorted { $0.lowerBound < $1.lowerBound }
        let overlaps = zip(spans, spans.dropFirst()).filter { $0.upperBound > $1.lowerBound }
        #expect(overlaps.isEmpty, comment)
    }

    /// Killed again and again with twenty requests and more in flight, which are answered in any order,
    /// some of them with an error, and some stored although the answer never came.
    @Test(arguments: 1...3 as ClosedRange<UInt64>) func nothingIsLostOrOutOfOrderThroughKills(seed: UInt64)
        async
    {
        var random = SplitMix64(seed: seed)
        var store = BufferedDestination(clock: clock)
        store.append(frames(12, targets: 80))
        let receiver = FarReceiver()
        for kill in 0..<4 {
            receiver.beginLife()
            expectApart(store.reader.sent, "seed \(seed), life \(kill)")
            let writer = writer(store, receiver, shards: 30)
            let running = Task { await writer.run() }
            var answersLeft = kill < 3 ? 40 : Int.max
            for _ in 0..<4_000_000 {
                if clock.sleeperCount > 0 { clock.advance(ms: 5) }
                await Task.yield()
                if store.isAnswered { break }
                // The window is let fill before anything is answered.
                guard receiver.inFlight > (kill < 3 ? 20 : 0) || random.next() % 4_096 == 0 else { continue }
                if answersLeft == 0 { break }
                guard receiver.inFlight > 0 else { continue }
                answersLeft -= 1
                receiver.answerOne(&random, status: random.next() % 10 == 0 ? 503 : 200)
            }
            let next = kill < 3 ? store.afterCrash() : store
            running.cancel()
            await running.value
            store = next
        }
        #expect(receiver.faults.prefix(3) == [], "seed \(seed)")
        #expect(receiver.mostInFlight >= 20, "seed \(seed)")
        #expect(store.delivered == 9_600 && store.dropped.isEmpty && store.isBalanced, "seed \(seed)")
        #expect(receiver.storedCount == 9_600, "seed \(seed)")
    }

    /// The list is full of ranges behind a request in flight: its answer is waited for, and no append.
    @Test func aFullListOfRangesIsWaitedForLikeAnAnswer() throws {
        let store = BufferedDestination(clock: clock)
        let count = 2 * DestinationReader.mostRanges
        store.append([
            TestFrames.frame(count: count, timestampMs: 1), TestFrames.frame(count: 1, timestampMs: 2),
        ])
        let stored = try #require(try store.reader.next())
        try store.reader.answered(
            [], ranges: (0..<count / 2).map { stored.cover(2 * $0 + 1..<2 * $0 + 2) }, outcome: Outcomes())
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(), views: nil, mostSamples: 25, options: 0)
        guard case .nothing(let isWaiting) = try window.look(samples: 25, nowNs: 0, dueNs: 0) else {
            Issue.record("nothing is read")
            return
        }
        #expect(isWaiting)
    }

    /// One request is never answered; everything that has none of its keys is delivered.
    @Test func aSlowRequestHoldsUpItsOwnKeysOnly() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(4, targets: 40))
        let receiver = FakeReceiver()
        receiver.judge { samples in
            samples.contains { $0.labels.contains(Label("instance", "0")) } ? .hang : nil
        }
        let queue = QueueConfiguration(
            maxShards: 8, minShards: 8, maxSamplesPerSend: 20, batchSendDeadlineMs: 50)
        let writer = RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://receiver.example/", name: "main", queue: queue),
            destination: store.destination, http: receiver, credentials: nil, region: nil,
            workers: WorkerPool(name: "test", threads: 2), clock: clock, registry: MetricRegistry(),
            logger: said.logger)
        let running = Task { await writer.run() }
        // The request with the first target holds the second one's first frame, too.
        for _ in 0..<1_000_000 {
            if store.delivered >= 1_600 - 80 { break }
            if clock.sleeperCount > 0 { clock.advance(ms: 5) }
            await Task.yield()
        }
        #expect(store.delivered == 1_600 - 80)
        #expect(store.reader.sent.count == 1 && store.isBalanced)
        running.cancel()
        await running.value
    }

    /// A request in flight before holds a frame far behind, and all between has to follow it: it is read
    /// up to its end, however much waits.
    @Test func aRequestWhosePartsLieFarApartIsMadeAgain() async throws {
        var store = BufferedDestination(clock: clock)
        let far = (0..<200).map { interval in
            TestFrames.frame(
                TestFrames.target(job: "a", [Label("instance", "a"), Label("job", "a")]), count: 10,
                timestampMs: clock.wallMs - 600_000 + Int64(interval) * 1_000)
        }
        store.append(far + frames(1, targets: 1))
        var ends: [Range<BufferPosition>] = []
        while let stored = try store.reader.next() { ends.append(stored.cover(0..<10)) }
        try store.reader.willSend([7: SentRequest(spans: [ends[0], ends[200]])])
        store = store.afterCrash()
        let receiver = FakeReceiver()
        let fixture = WriterFixture(clock: clock)
        let queue = QueueConfiguration(
            maxShards: 1, minShards: 1, maxSamplesPerSend: 25, batchSendDeadlineMs: 50)
        await fixture.run(fixture.writer(store, receiver, queue: queue)) { store.isAnswered }
        #expect(store.delivered == 2_010 && store.isBalanced)
        #expect(receiver.sizes.first == 20 && receiver.sizes.count == 200)
    }

    /// As lanes leave it that stood far apart: more lies between than waits else.
    @Test func whatWasInFlightGoesBeforeAnyOtherHoweverFarApart() async throws {
        var store = BufferedDestination(clock: clock)
        store.append(frames(40, targets: 4))
        var covers: [Range<BufferPosition>] = []
        while let stored = try store.reader.next() { covers.append(stored.cover(0..<10)) }
        // Of the second target all but the last frame is answered for, and that is in flight.
        var outcome = Outcomes()
        outcome.deliver(390, of: "j1")
        try store.reader.answered([], ranges: (0..<39).map { covers[$0 * 4 + 1] }, outcome: outcome)
        try store.reader.willSend([
            7: SentRequest(spans: [covers[0]]), 8: SentRequest(spans: [covers[157]]),
        ])
        store = store.afterCrash()
        let (fixture, receiver) = (WriterFixture(clock: clock), FakeReceiver())
        let queue = QueueConfiguration(
            maxShards: 50, minShards: 1, maxSamplesPerSend: 25, batchSendDeadlineMs: 50)
        await fixture.run(fixture.writer(store, receiver, queue: queue)) { store.isAnswered }
        #expect(receiver.sizes.prefix(2) == [10, 10])
        #expect(store.delivered == 1_600 && store.isBalanced)
    }

    /// However quickly one of them is answered.
    @Test func whatIsCutAnewLeavesWhenAllThatWasInFlightHasLeft() throws {
        var store = BufferedDestination(clock: clock)
        store.append(frames(1, targets: 4))
        var covers: [Range<BufferPosition>] = []
        while let stored = try store.reader.next() { covers.append(stored.cover(0..<10)) }
        try store.reader.willSend([
            7: SentRequest(spans: [covers[1]]), 8: SentRequest(spans: [covers[2]]),
            9: SentRequest(spans: [covers[3]]),
        ])
        store = store.afterCrash()
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(WindowSize(least: 8, most: 8)), views: nil,
            mostSamples: 10, options: 0)
        func look() throws -> WaitingSlices.Claim? {
            #expect(window.turns.take(Event()) == .mine)
            switch try window.look(samples: 10, nowNs: 0, dueNs: .max) {
            case .claim(let claim):
                _ = window.turns.claimed()
                return claim
            case .nothing(let isWaiting): #expect(isWaiting)
            case .short: Issue.record("all of it is due")
            }
            window.turns.give()
            return nil
        }
        let claims = try (0..<3).map { _ in try #require(try look()) }
        #expect(claims.map { $0.resend?.number } == [7, 8, 9])
        let early = try look()
        #expect(early == nil, "none has left")
        window.left(claims[0])
        window.release(claims[0])
        let later = try look()
        #expect(later == nil, "one has left, and is answered")
        window.left(claims[2])
        // Its samples had become too old meanwhile.
        window.release(claims[1])
        let next = try look()
        #expect(next?.slices.map(\.cover) == [covers[0]] && next?.resend == nil)
    }

    /// `batch_send_deadline` counts from the oldest sample, also where a target is scraped more often.
    @Test func nothingLeavesBeforeItsDeadlineUnlessItIsABatch() async {
        let store = BufferedDestination(clock: clock)
        let (fixture, receiver) = (WriterFixture(clock: clock), FakeReceiver())
        let queue = QueueConfiguration(
            maxShards: 4, minShards: 1, maxSamplesPerSend: 100, batchSendDeadlineMs: 60_000)
        let startMs = clock.wallMs
        var left: [Int64] = []
        var appended = 0
        await fixture.run(fixture.writer(store, receiver, queue: queue)) {
            // A frame of 10 samples every ten seconds.
            while appended < 6, clock.wallMs >= startMs + Int64(appended) * 10_000 {
                store.append([frames(appended + 1, targets: 1)[appended]])
                appended += 1
            }
            while left.count < receiver.requests.count { left.append(clock.wallMs - startMs) }
            return left.count == 6
        }
        // Each a minute after it was scraped, as no two of a target stand in one request.
        for (index, leftMs) in left.enumerated() {
            let dueMs = 60_000 + Int64(index) * 10_000
            #expect(leftMs >= dueMs && leftMs < dueMs + 2_000, "request \(index)")
        }
    }

    /// A full disk: what retention took cannot be booked, and fewer samples than a batch leave all the same.
    @Test func aCursorThatCannotBeWrittenKeepsNothingFromLeaving() throws {
        let store = BufferedDestination(clock: clock, segmentBytes: 1, keptBytes: 1)
        store.append(frames(1, targets: 3))
        store.failCursor(1_000, after: 0)
        store.buffer.enforceRetention()
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(), views: nil, mostSamples: 25, options: 0)
        guard case .claim(let claim) = try window.look(samples: 25, nowNs: 0, dueNs: .max) else {
            Issue.record("nothing is claimed")
            return
        }
        #expect(claim.sampleCount == 10, "the other two went with their segments")
    }

    /// What the disk does not take of the cursor counts in memory.
    @Test func aNoteThatCannotBeWrittenIsKept() throws {
        let store = BufferedDestination(clock: clock)
        store.append(frames(1, targets: 3))
        var requests: [SentRequest] = []
        while let stored = try store.reader.next() {
            requests.append(SentRequest(spans: [stored.cover(0..<10)]))
        }
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(), views: nil, mostSamples: 10, options: 0)
        store.failCursor(1_000, after: 0)
        try window.note([1: requests[0]], replacing: [])
        try window.note([2: requests[1]], replacing: [])
        #expect(store.reader.sent.keys.sorted() == [1, 2])
        // Cut in parts, and the first of them once more.
        for (number, replaced) in [(3, 1), (4, 3)] as [(UInt64, UInt64)] {
            try window.note([number: requests[0], number + 10: requests[2]], replacing: [replaced])
        }
        #expect(store.reader.sent.keys.sorted() == [2, 4, 13, 14])
        try window.book([4], requests[0].spans, Outcomes())
        #expect(store.reader.sent.keys.sorted() == [2, 13, 14] && !window.hasUnbooked)
        // A crash brings back the cursor before, and once it is written the one that is.
        let before = store.afterCrash()
        #expect(before.reader.sent.isEmpty)
        store.failCursor(0, after: 0)
        store.keep()
        let after = store.afterCrash()
        #expect(after.reader.sent == store.reader.sent && !after.reader.sent.isEmpty)
    }

    /// A damaged file says of a sample that two requests hold it: it is sent once.
    @Test func whatTwoRequestsAreSaidToHoldIsSentOnce() async throws {
        var store = BufferedDestination(clock: clock)
        store.append(frames(1, targets: 3))
        var covers: [Range<BufferPosition>] = []
        while let stored = try store.reader.next() { covers.append(stored.cover(0..<10)) }
        let first = covers[0].lowerBound..<covers[1].upperBound
        try store.reader.willSend([7: SentRequest(spans: [first]), 8: SentRequest(spans: [covers[1]])])
        store = store.afterCrash()
        let (fixture, receiver) = (WriterFixture(clock: clock), FakeReceiver())
        await fixture.run(fixture.writer(store, receiver)) { store.isAnswered && store.reader.sent.isEmpty }
        #expect(receiver.sizes == [20, 10] && store.isBalanced)
    }
}
