import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

/// What an agent of version 2 has left is read and carried on.
struct LaneCursorCodingTests {
    /// Killed with its lanes apart and a request of each in flight: what a lane has answered for is not read
    /// again, and each request in flight ends where it did.
    @Test(arguments: [1, 3_000, 1 << 20]) func version2IsKilledWithItsLanesApartAndGoneOnWith(
        segmentBytes: Int
    ) throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = segmentBytes
        let targets = (0..<6).map { TestFrames.target("t\($0):9100") }
        var frames: [[StoredFrame]] = [[], []]
        var omissions: [BufferOmission] = []
        do {
            let buffer = try fixture.open()
            for step in 0..<10 {
                for target in targets { try buffer.append(fixture.frame(Double(step), target: target)) }
            }
            // Nothing is answered here: the cursor is written by hand.
            let destination = try buffer.openDestination("a", lanes: 2)
            for lane in 0..<2 { frames[lane] = try destination.lane(lane).all() }
            omissions = [BufferOmission(start: frames[1][2].start, count: 3, reason: "bad_request")]
        }
        #expect(frames.allSatisfy { $0.count >= 10 })
        let far = frames[0].count - 5
        let jobs = ["node": CursorState.Job(outcome: JobOutcome(delivered: 5))]
        var part = frames[1][0].start
        part.sample = 5
        let file = VersionTwoFiles.cursor(
            "a",
            snapshot: VersionTwoFiles.snapshot(
                "a",
                [.init(answered: frames[0][0].start, inFlightEnd: frames[0][3].end), .init(answered: part)],
                jobs),
            [
                VersionTwoFiles.answered(
                    lane: 0, end: frames[0][far - 1].end, job: "node", JobOutcome(delivered: UInt64(far * 10))
                ),
                VersionTwoFiles.sent(lane: 0, end: frames[0][far + 1].end),
                VersionTwoFiles.sent(lane: 1, end: frames[1][2].end, omissions: omissions),
            ])
        try fixture.overwrite("\(fixture.folder.path)/\(BufferFileName.cursor("a"))", with: file)
        for path in try fixture.segmentPaths {
            try fixture.overwrite(path, with: VersionTwoFiles.withVersion(2, try fixture.bytes(path)))
        }
        // Opened twice: by then the cursor is one of version 3.
        for _ in 0..<2 {
            let buffer = try fixture.open()
            let destination = try buffer.openDestination("a", lanes: 2)
            let lanes = (0..<2).map { destination.lane($0) }
            #expect(lanes[0].inFlightEnd == frames[0][far + 1].end && lanes[0].inFlightOmissions.isEmpty)
            #expect(lanes[1].inFlightEnd == frames[1][2].end && lanes[1].inFlightOmissions == omissions)
        }
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a", lanes: 2)
        let rest = try (0..<2).map { try destination.lane($0).drain() }
        #expect(rest[0].map(\.start) == frames[0][far...].map(\.start))
        #expect(rest[1].map(\.start) == [part] + frames[1][1...].map(\.start))
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
