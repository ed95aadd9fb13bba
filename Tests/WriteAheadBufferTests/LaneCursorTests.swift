import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

/// What an agent of version 2 has left is read and carried on.
struct LaneCursorTests {
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
                for stored in try buffer.openStream("a").all() {
                    frames[Int(stored.frame.target.id % 2)].append(stored)
                }
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

    /// Between the lowest and the highest place of a lane the old rule says what is
    /// answered for, and once the mark has passed the highest there are no lanes any more. Each request in
    /// flight is made again as it was.
    @Test(arguments: [1, 3_000, 1 << 20]) func version2IsKilledWithItsLanesApartAndGoneOnWith(
        segmentBytes: Int
    ) throws {
        let left = try Left(segmentBytes: segmentBytes)
        let (frames, far) = (left.frames, left.far)
        do {
            // Killed at once: the rule is in the cursor of version 3, too.
            let buffer = try left.fixture.open()
            _ = try buffer.openDestination("a").reader.next()
        }
        let buffer = try left.fixture.open()
        let destination = try buffer.openDestination("a")
        let reader = destination.reader
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

    @Test func aForgedFileNamesNoSegmentBeyondTheLastAndNoLanesWithoutNumber() {
        let (near, far) = (BufferPosition.start(of: 5), BufferPosition.start(of: 6))
        for (lane, isRead) in [
            (VersionTwoFiles.Lane(answered: near, inFlightEnd: nil), true), (.init(answered: far), false),
            (.init(answered: near, inFlightEnd: far), false),
        ] {
            let snapshot = VersionTwoFiles.snapshot("a", [lane], [:])
            let isNone = LaneCursor(snapshot.span, mostSegment: 5) == nil
            #expect(isNone != isRead)
        }
        let many = [VersionTwoFiles.Lane](repeating: .init(answered: near), count: CursorState.mostLanes + 1)
        let snapshot = VersionTwoFiles.snapshot("a", many, [:])
        let isNone = LaneCursor(snapshot.span) == nil
        #expect(isNone)
        let single = VersionTwoFiles.snapshot("a", [.init(answered: near)], [:])
        guard var cursor = LaneCursor(single.span, mostSegment: 5) else {
            Issue.record("a snapshot is read")
            return
        }
        for change in [
            VersionTwoFiles.sent(lane: 0, end: far),
            VersionTwoFiles.answered(lane: 0, end: far, job: "node", JobOutcome(delivered: 1)),
        ] {
            let isApplied = cursor.apply(change.span)
            #expect(!isApplied)
        }
        #expect(cursor.state?.mark == near && cursor.state?.jobs.isEmpty == true)
    }

    /// A later snapshot in a file is of the same destination, and its mark is not lower.
    @Test func aForgedSnapshotDoesNotGoBack() {
        func cursor(_ name: String, _ offset: UInt64) -> LaneCursor? {
            let places = [offset, 90].map { VersionTwoFiles.Lane(answered: .init(segment: 1, offset: $0)) }
            let snapshot = VersionTwoFiles.snapshot(name, places, [:])
            return LaneCursor(snapshot.span)
        }
        guard let first = cursor("a", 50) else {
            Issue.record("a snapshot is read")
            return
        }
        #expect(cursor("a", 50)?.mayFollow(first) == true && cursor("a", 60)?.mayFollow(first) == true)
        #expect(cursor("a", 49)?.mayFollow(first) == false && cursor("b", 60)?.mayFollow(first) == false)
    }

    @Test func aRequestThatReachesNoFurtherThanTheAnswersIsForgotten() {
        let end = BufferPosition(segment: 1, offset: 200)
        let snapshot = VersionTwoFiles.snapshot("a", [.init(answered: end, inFlightEnd: .start(of: 2))], [:])
        guard var cursor = LaneCursor(snapshot.span) else {
            Issue.record("a snapshot is read")
            return
        }
        #expect(cursor.state?.sent[0]?.end == .start(of: 2))
        let other = VersionTwoFiles.sent(lane: 1, end: end)
        let isKnown = cursor.apply(other.span)
        #expect(!isKnown, "there is one lane")
        let forgets = VersionTwoFiles.sent(lane: 0, end: end)
        let isRead = cursor.apply(forgets.span)
        #expect(isRead && cursor.state?.sent.isEmpty == true)
        for length in 0..<snapshot.count {
            let cut = Array(snapshot[..<length])
            let isNone = LaneCursor(cut.span) == nil
            #expect(isNone)
        }
    }
}
