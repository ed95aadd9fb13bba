import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

/// What an agent of version 2 has left is read and carried on.
struct LaneCursorCodingTests {
    /// A directory as version 2 leaves it when it is killed with its lanes apart and a request of each in
    /// flight.
    private struct Left {
        let fixture: BufferFixture
        /// Of each lane, all its frames.
        var frames: [[StoredFrame]] = [[], []]
        /// What the request of lane 1 leaves out.
        let omissions: [BufferOmission]
        /// How many frames lane 0 has answered for.
        let far: Int
        /// Where lane 1 stands: in the middle of its first frame.
        let part: BufferPosition

        init(segmentBytes: Int) throws {
            fixture = try BufferFixture()
            fixture.segmentSizeBytes = segmentBytes
            let targets = (0..<6).map { TestFrames.target("t\($0):9100") }
            do {
                let buffer = try fixture.open()
                for step in 0..<10 {
                    for target in targets { try buffer.append(fixture.frame(Double(step), target: target)) }
                }
                // Nothing is answered here: the cursor is written by hand.
                let destination = try buffer.openDestination("a", lanes: 2)
                for lane in 0..<2 { frames[lane] = try destination.lane(lane).all() }
            }
            #expect(frames.allSatisfy { $0.count >= 10 })
            omissions = [BufferOmission(start: frames[1][2].start, count: 3, reason: "bad_request")]
            far = frames[0].count - 5
            var part = frames[1][0].start
            part.sample = 5
            self.part = part
            let file = VersionTwoFiles.cursor(
                "a",
                snapshot: VersionTwoFiles.snapshot(
                    "a",
                    [
                        .init(answered: frames[0][0].start, inFlightEnd: frames[0][3].end),
                        .init(answered: part),
                    ],
                    ["node": CursorState.Job(outcome: JobOutcome(delivered: 5))]),
                [
                    VersionTwoFiles.answered(
                        lane: 0, end: frames[0][far - 1].end, job: "node",
                        JobOutcome(delivered: UInt64(far * 10))),
                    VersionTwoFiles.sent(lane: 0, end: frames[0][far + 1].end),
                    VersionTwoFiles.sent(lane: 1, end: frames[1][2].end, omissions: omissions),
                ])
            try fixture.overwrite("\(fixture.folder.path)/\(BufferFileName.cursor("a"))", with: file)
            for path in try fixture.segmentPaths {
                try fixture.overwrite(path, with: VersionTwoFiles.withVersion(2, try fixture.bytes(path)))
            }
        }
    }

    /// What a lane has answered for is not read again, and each request in flight ends where it did.
    @Test(arguments: [1, 3_000, 1 << 20]) func version2IsKilledWithItsLanesApartAndGoneOnWith(
        segmentBytes: Int
    ) throws {
        let left = try Left(segmentBytes: segmentBytes)
        let (frames, far) = (left.frames, left.far)
        // Opened twice: by then the cursor is one of version 3.
        for _ in 0..<2 {
            let buffer = try left.fixture.open()
            let destination = try buffer.openDestination("a", lanes: 2)
            let lanes = (0..<2).map { destination.lane($0) }
            #expect(lanes[0].inFlightEnd == frames[0][far + 1].end && lanes[0].inFlightOmissions.isEmpty)
            #expect(lanes[1].inFlightEnd == frames[1][2].end && lanes[1].inFlightOmissions == left.omissions)
        }
        let buffer = try left.fixture.open()
        let destination = try buffer.openDestination("a", lanes: 2)
        let rest = try (0..<2).map { try destination.lane($0).drain() }
        #expect(rest[0].map(\.start) == frames[0][far...].map(\.start))
        #expect(rest[1].map(\.start) == [left.part] + frames[1][1...].map(\.start))
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == 600 && books.dropped.isEmpty && books.buffered == 0)
    }

    /// The same by one reader: between the lowest and the highest place of a lane the old rule says what is
    /// answered for, and once the mark has passed the highest there are no lanes any more.
    @Test(arguments: [1, 3_000, 1 << 20]) func oneReaderGoesOnWhereLanesHaveLeftOff(segmentBytes: Int) throws
    {
        let left = try Left(segmentBytes: segmentBytes)
        let (frames, far) = (left.frames, left.far)
        do {
            // Killed at once: the rule is in the cursor of version 3, too.
            let buffer = try left.fixture.open()
            _ = try buffer.openDestination("a").reader?.next()
        }
        let buffer = try left.fixture.open()
        let destination = try buffer.openDestination("a")
        let reader = try #require(destination.reader)
        var read: [StoredFrame] = []
        while let stored = try reader.next() { read.append(stored) }
        let expected = (frames[0][far...] + frames[1]).sorted { $0.start < $1.start }
        #expect(read.map(\.end) == expected.map(\.end))
        #expect(read.first { $0.end == frames[1][0].end }?.open == [5..<10])
        #expect(read.map(\.open).filter { $0 != [0..<10] }.count == 1)
        let sent = reader.sent
        #expect(sent[0]?.omissions == [] && sent[1]?.omissions == left.omissions)
        for (number, lane) in [(UInt64(0), frames[0][far...(far + 1)]), (1, frames[1][0...2])] {
            let request = try #require(sent[number])
            let held = read.filter { !reader.samples(of: request, in: $0).isEmpty }
            #expect(held.map(\.end) == lane.map(\.end), "request \(number)")
        }
        var outcome = Outcomes()
        for stored in read { outcome.deliver(stored.open.reduce(0) { $0 + $1.count }, of: "node") }
        let ranges = read.reversed().map { $0.cover($0.open[0]) }
        try reader.willSend([2: SentRequest(spans: ranges.reversed())], replacing: [0, 1])
        try reader.answered([2], ranges: ranges, outcome: outcome)
        #expect(destination.cursor.lanes.isEmpty && destination.cursor.answered.isEmpty)
        #expect(destination.cursor.mark == read.last?.end)
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == 600 && books.dropped.isEmpty && books.buffered == 0)
    }

    @Test func aRequestThatReachesNoFurtherThanTheAnswersIsForgotten() {
        let end = BufferPosition(segment: 1, offset: 200)
        let snapshot = VersionTwoFiles.snapshot("a", [.init(answered: end, inFlightEnd: .start(of: 2))], [:])
        guard var state = LaneCursorCoding.state(snapshot.span) else {
            Issue.record("a snapshot is read")
            return
        }
        #expect(state.sent(ofLane: 0)?.end == .start(of: 2))
        let forgets = VersionTwoFiles.sent(lane: 0, end: end)
        guard let change = LaneCursorCoding.change(forgets.span, of: state) else {
            Issue.record("a change is read")
            return
        }
        let isKnown = state.apply(change)
        #expect(isKnown && state.sent.isEmpty)
        let other = VersionTwoFiles.sent(lane: 1, end: end)
        let unknown = LaneCursorCoding.change(other.span, of: state)
        #expect(unknown == nil, "there is one lane")
        for length in 0..<snapshot.count {
            let cut = Array(snapshot[..<length])
            let read = LaneCursorCoding.state(cut.span)
            #expect(read == nil)
        }
    }
}
