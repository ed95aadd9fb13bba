import Logging
import MetricModel
import Platform
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Requests that fly at once and are answered in any order, on a disk in memory.
struct DestinationReaderTests {
    /// A part of a frame: which one, and which of its samples.
    private struct Part: Hashable {
        let frame: Int
        let samples: Range<Int>
    }

    private struct Flying {
        var parts: [Part]
        var spans: [Range<BufferPosition>]
    }

    /// A sender that cuts parts of any size, and what it knows of each sample.
    private final class Run {
        private(set) var files = PowerLossFiles()
        private let clock = ManualClock()
        private let layout = Layout([TestFrames.chunk("m", count: 12)])
        private let targets = (0..<5).map { TestFrames.target("t\($0)", job: "job\($0 % 2)") }
        private(set) var buffer: WriteAheadBuffer?
        private(set) var destination: BufferDestination?
        private(set) var generator: SeededGenerator
        private var jobs: [String] = []
        private var starts: [Int: StoredFrame] = [:]
        /// Samples of each frame that no answer was given for.
        private(set) var open: [Set<Int>] = []
        /// Read and not sent.
        private var waiting: [Part] = []
        private(set) var flying: [UInt64: Flying] = [:]
        private var nextNumber: UInt64 = 0
        private(set) var mostFlying = 0
        private(set) var mostRanges = 0
        private(set) var kills = 0

        private let recentFrameBytes: Int

        init(seed: UInt64) throws {
            // With every second seed a reader that has caught up takes frames from the appender: some, as few
            // fit.
            recentFrameBytes = seed % 2 == 0 ? 4_096 : 0
            generator = SeededGenerator(seed: seed)
            try start()
        }

        var reader: DestinationReader? { destination?.reader }

        private func start() throws {
            let buffer = try WriteAheadBuffer(
                BufferConfiguration(
                    directory: "/b", segmentSizeBytes: 4_096, reserveBytes: 0,
                    recentFrameBytes: recentFrameBytes),
                interner: LayoutInterner(), clock: clock, files: files, registry: MetricRegistry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            self.buffer = buffer
            destination = try buffer.openDestination("a")
            waiting = []
            starts = [:]
        }

        func append() throws {
            let target = targets[generator.below(targets.count)]
            let frame = TestFrames.frame(
                target, layout, at: Int64(open.count), first: Double(open.count * 100))
            try buffer?.append(frame)
            jobs.append(target.job)
            open.append(Set(0..<12))
        }

        func read() throws {
            guard let stored = try reader?.next() else { return }
            let number = Int(stored.frame.values[0]) / 100
            #expect(starts[number] == nil, "a frame is handed out once")
            starts[number] = stored
            let handed = Set(stored.open.joined())
            #expect(handed == open[number], "what is not answered for, and nothing else")
            for range in stored.open {
                // Cut anywhere.
                var from = range.lowerBound
                while from < range.upperBound {
                    let to = min(range.upperBound, from + 1 + generator.below(14))
                    waiting.append(Part(frame: number, samples: from..<to))
                    from = to
                }
            }
        }

        private func spans(_ parts: [Part]) -> [Range<BufferPosition>] {
            parts.compactMap { part in starts[part.frame]?.cover(part.samples) }
        }

        func send() throws {
            // Any of those that wait, as a side queue makes it; in the order of the log.
            let parts = (0..<1 + generator.below(3)).compactMap { _ in
                waiting.isEmpty ? nil : waiting.remove(at: generator.below(min(waiting.count, 20)))
            }.sorted { ($0.frame, $0.samples.lowerBound) < ($1.frame, $1.samples.lowerBound) }
            guard !parts.isEmpty else { return }
            try fly([Flying(parts: parts, spans: spans(parts))], replacing: [])
        }

        private func fly(_ requests: [Flying], replacing: [UInt64]) throws {
            var sent: [UInt64: SentRequest] = [:]
            for number in replacing { flying[number] = nil }
            for request in requests {
                sent[nextNumber] = SentRequest(spans: request.spans, options: nextNumber)
                flying[nextNumber] = request
                nextNumber += 1
            }
            try reader?.willSend(sent, replacing: replacing)
            mostFlying = max(mostFlying, flying.count)
        }

        private func any() -> UInt64? {
            let numbers = flying.keys.sorted()
            return numbers.isEmpty ? nil : numbers[generator.below(numbers.count)]
        }

        /// The receiver refuses it as too large, or for one of its series.
        func split() throws {
            guard let number = any(), let whole = flying[number], whole.parts.count > 1 else { return }
            let middle = 1 + generator.below(whole.parts.count - 1)
            try fly(
                [whole.parts[..<middle], whole.parts[middle...]].map {
                    Flying(parts: Array($0), spans: spans(Array($0)))
                }, replacing: [number])
        }

        func answer() throws {
            guard let number = any(), let request = flying[number] else { return }
            var outcome = Outcomes()
            for part in request.parts {
                outcome.deliver(part.samples.count, of: jobs[part.frame])
                open[part.frame].subtract(part.samples)
            }
            flying[number] = nil
            try reader?.answered([number], ranges: request.spans, outcome: outcome)
            mostRanges = max(mostRanges, reader?.rangeCount ?? 0)
        }

        /// The agent is killed, and another one starts on what it left.
        func kill() throws {
            kills += 1
            files = files.copy()
            try start()
            let sent = reader?.sent ?? [:]
            #expect(sent.keys.sorted() == flying.keys.sorted())
            for (number, request) in sent {
                #expect(request.spans == flying[number]?.spans && request.options == number)
            }
            // Read to the end: each request is found again, sample by sample, and all the others wait.
            try readAll()
            for (number, request) in sent.sorted(by: { $0.key < $1.key }) {
                var found: [Part] = []
                for (frame, stored) in starts.sorted(by: { $0.key < $1.key }) {
                    for samples in reader?.samples(of: request, in: stored) ?? [] {
                        found.append(Part(frame: frame, samples: samples))
                    }
                }
                let expected = flying[number]?.parts ?? []
                let places = { (parts: [Part]) in
                    parts.flatMap { part in part.samples.map { [part.frame, $0] } }
                }
                let (foundPlaces, expectedPlaces) = (places(found), places(expected))
                #expect(foundPlaces == expectedPlaces)
            }
            let held = Set(
                flying.values.flatMap(\.parts).flatMap { part in part.samples.map { [part.frame, $0] } })
            waiting = waiting.flatMap { part in
                part.samples.filter { !held.contains([part.frame, $0]) }.map {
                    Part(frame: part.frame, samples: $0..<$0 + 1)
                }
            }
        }

        func readAll() throws {
            for _ in 0...open.count { try read() }
            let expected = open.indices.filter { !open[$0].isEmpty }
            let isComplete = expected.allSatisfy { starts[$0] != nil }
            #expect(isComplete)
        }

        func checkBooks() {
            let books = buffer?.ledger().destinations["a"] ?? [:]
            var buffered: [String: UInt64] = [:]
            var appended: [String: UInt64] = [:]
            for (frame, samples) in open.enumerated() {
                buffered[jobs[frame], default: 0] += UInt64(samples.count)
                appended[jobs[frame], default: 0] += 12
            }
            for (job, count) in appended {
                #expect(books[job]?.buffered == buffered[job])
                #expect(books[job]?.delivered == count - (buffered[job] ?? 0))
                #expect(books[job]?.dropped.isEmpty == true)
            }
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func manyRequestsFlyAndAreAnsweredInAnyOrderThroughKills(seed: UInt64) throws {
        let run = try Run(seed: seed)
        for step in 0..<1_000 {
            var generator = SeededGenerator(seed: seed &* 7_919 &+ UInt64(step) &+ 1)
            switch generator.below(100) {
            case 0..<25: try run.append()
            case 25..<50: try run.read()
            case 50..<75: try run.send()
            case 75..<80: try run.split()
            // Few answers while there are fewer than thirty in flight.
            case 80..<96: if run.flying.count > 28 || generator.chance(30) { try run.answer() }
            case 96..<98: run.checkBooks()
            case 98: run.buffer?.sync()
            default:
                if run.flying.count >= 20 { try run.kill() }
            }
        }
        #expect(run.mostFlying >= 20 && run.kills > 0 && run.mostRanges > 3, "seed \(seed)")
        try run.kill()
        try run.readAll()
        while !run.flying.isEmpty { try run.answer() }
        for _ in 0..<20_000 where run.open.contains(where: { !$0.isEmpty }) {
            try run.send()
            while !run.flying.isEmpty { try run.answer() }
        }
        let isDone = run.open.allSatisfy(\.isEmpty)
        #expect(isDone, "seed \(seed)")
        run.checkBooks()
        let rest = try run.reader?.next()
        #expect(rest == nil)
        #expect(run.reader?.rangeCount == 0, "the mark has passed everything")
        run.buffer?.removeAnswered()
        let segments = run.files.names.filter { $0.hasSuffix(".segment") }
        #expect(segments.count == 1, "seed \(seed)")
    }

    private func all(_ reader: DestinationReader) throws -> [StoredFrame] {
        var frames: [StoredFrame] = []
        while let stored = try reader.next() { frames.append(stored) }
        return frames
    }

    private func deliver(_ frames: [StoredFrame], _ reader: DestinationReader) throws {
        var outcome = Outcomes()
        for stored in frames { outcome.deliver(stored.open.reduce(0) { $0 + $1.count }, of: "node") }
        try reader.answered(
            [], ranges: frames.flatMap { stored in stored.open.map { stored.cover($0) } }, outcome: outcome)
    }

    /// Retention drops only what nobody has read or answered for; what is in flight is booked by its
    /// answer.
    @Test func retentionLeavesAloneWhatIsAnsweredForOrInFlight() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 1
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        for value in 0..<10 { try buffer.append(fixture.frame(Double(value))) }
        let read = try (0..<6).compactMap { _ in try reader.next() }
        try deliver([read[1], read[3]], reader)
        buffer.enforceRetention()
        #expect(buffer.ledger().destinations["a"]?["node"]?.delivered == 20)
        // A frame is in a segment of its own; the last one's is written to.
        let lost: UInt64 = 30
        try deliver([read[5], read[0], read[2], read[4]], reader)
        let rest = try all(reader)
        try deliver(rest, reader)
        _ = try reader.next()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.dropped == [BufferDropReason.retentionSize: lost] && books.delivered == 100 - lost)
        #expect(books.buffered == 0)
    }

    /// The same where the sender is another one afterwards: it gets what is left, and what is gone with the
    /// segments is booked.
    @Test func afterARewindWhatRetentionTookIsBookedOnce() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 1
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a")
        let reader = destination.reader
        for value in 0..<10 { try buffer.append(fixture.frame(Double(value))) }
        let read = try (0..<6).compactMap { _ in try reader.next() }
        try deliver([read[1], read[3]], reader)
        buffer.enforceRetention()
        destination.rewind()
        let rest = try all(reader)
        try deliver(rest, reader)
        _ = try reader.next()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == 20 + UInt64(rest.count) * 10)
        #expect(books.dropped == [BufferDropReason.retentionSize: 80 - UInt64(rest.count) * 10])
        #expect(books.buffered == 0)
    }

    /// The cursor is as if the disk had taken the answer; a place that was not handed out changes nothing.
    @Test func anAnswerThatCannotBeWrittenCountsInMemory() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a")
        let reader = destination.reader
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        let read = try all(reader)
        let before = try fixture.bytes(destination.logPath)
        fixture.files.fail { operation, path in
            operation == .write && path.contains("cursor") ? .init(errno: 5) : nil
        }
        try deliver([read[1]], reader)
        #expect(destination.cursor.answered.ranges == [read[1].lead..<read[1].end])
        fixture.files.fail(nil)
        // Behind what it lacks nothing is written before the whole cursor is.
        try deliver([read[2]], reader)
        #expect(try fixture.bytes(destination.logPath) == before && destination.isInDoubt)
        try destination.sync()
        #expect(try CursorLog.read(destination.logPath, files: fixture.files).state == destination.cursor)
        #expect(!destination.isInDoubt)
        let now = destination.cursor
        #expect(throws: BufferError.self, "nobody has got so far") {
            try reader.answered(
                [], ranges: [read[2].start..<BufferPosition(segment: 9, offset: 0)], outcome: Outcomes())
        }
        #expect(destination.cursor == now)
    }

    /// What cannot be decoded is booked when the mark passes it, and not while an earlier frame has no
    /// answer.
    @Test func whatIsDamagedIsBookedWhenTheMarkPassesIt() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            for value in 0..<4 { try buffer.append(fixture.frame(Double(value))) }
        }
        let path = try #require(try fixture.segmentPaths.first)
        var bytes = try fixture.bytes(path)
        let stored = try all(try fixture.open().openDestination("other").reader)
        bytes[Int(stored[1].end.offset) - 6] ^= 0x40
        try fixture.overwrite(path, with: bytes)
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        let read = try all(reader)
        // The frame after it lacks its base.
        #expect(read.map(\.frame.values[0]) == [0])
        #expect(buffer.ledger().destinations["a"]?["node"]?.dropped.isEmpty == true)
        try deliver(read, reader)
        _ = try reader.next()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == 10 && books.dropped == [BufferDropReason.damaged: 30])
    }

    @Test func whatCameSinceTheLastLookEndsAWaitAtOnce() async throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        #expect(try reader.next() == nil)
        try buffer.append(fixture.frame(1))
        // The clock stands still.
        await reader.waitForMore(until: .max)
    }

    @Test func aWaitEndsWithAnAppendADeadlineOrACancel() async throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        #expect(try reader.next() == nil)
        let clock = fixture.clock
        let deadlineNs = clock.monotonicNs + 5_000_000
        let waiting = Task { await reader.waitForMore(until: deadlineNs) }
        while clock.sleeperCount == 0 { await Task.yield() }
        clock.advance(ms: 5)
        await waiting.value
        let second = Task { await reader.waitForMore(until: .max) }
        while clock.sleeperCount == 0 { await Task.yield() }
        try buffer.append(fixture.frame(1))
        await second.value
        #expect(try reader.next() != nil)
        #expect(try reader.next() == nil)
        let third = Task { await reader.waitForMore(until: .max) }
        third.cancel()
        await third.value
    }
}
