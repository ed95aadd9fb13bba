import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

/// Files that state more samples than there can be: refused where they are read, and never an overflow.
@Suite struct SampleCountTests {
    private static let salt: UInt32 = 0x5A17_5A17
    private static let most = SampleCount.limit

    @Test func sumsEndAtABound() {
        #expect(SampleCount.sum(2, 3) == 5)
        #expect(SampleCount.sum(.max, 1) == UInt64(Int64.max))
        #expect(SampleCount.sum(UInt64(Int64.max), 1) == UInt64(Int64.max))
        #expect(SampleCount.rest(10, -5, 3, 4) == 8)
        #expect(SampleCount.rest(.max, .min) == .max)
        #expect(SampleCount.rest(0, .max, .max, .max) == .min)
    }

    private func payload(_ fill: (inout RecordBuffer) -> Void) -> [UInt8] {
        var buffer = RecordBuffer()
        fill(&buffer)
        return buffer.bytes
    }

    @Test(arguments: [0, 1]) func aCountThatCannotBeIsNoCount(more: UInt64) {
        let isGood = more == 0
        var ledger = LedgerRecord()
        ledger.jobs["j"] = JobTotal(appended: Self.most, failed: Self.most + more)
        #expect((LedgerRecord(payload { ledger.put(into: &$0) }.span) != nil) == isGood)

        var state = CursorState(name: "d", mark: .start(of: 1))
        state.jobs["j"] = .init(
            baseAppended: -Int64(Self.most), baseFailed: Int64(Self.most + more),
            outcome: JobOutcome(delivered: Self.most, dropped: ["a": Self.most]))
        #expect((CursorCoding.state(payload { CursorCoding.put(state, into: &$0) }.span) != nil) == isGood)
        let change = CursorChange.answered(
            upTo: .start(of: 1),
            outcome: ["j": JobOutcome(delivered: Self.most, dropped: ["a": Self.most + more])])
        #expect((CursorCoding.change(payload { CursorCoding.put(change, into: &$0) }.span) != nil) == isGood)

        var offset = 0
        let prefix = FramePrefix(
            sequence: 0, layout: 0, timestampMs: 0, jobBefore: Self.most + more, sampleCount: .max)
        #expect((FramePrefix(payload { prefix.put(into: &$0) }.span, &offset) != nil) == isGood)
    }

    /// A whole directory of the greatest counts there may be: it is opened, read and booked.
    @Test func theGreatestCountsOverflowNothing() throws {
        let fixture = try BufferFixture()
        try write(fixture, BufferFileName.segment(1), .segment, 1) { segment in
            var ledger = LedgerRecord()
            ledger.jobs["job"] = JobTotal(appended: Self.most, failed: Self.most)
            put(.ledger, into: &segment) { ledger.put(into: &$0) }
            let target = TestFrames.target("t", job: "job")
            put(.target, into: &segment) { StatementCoding.put(target, into: &$0) }
            for before in [Self.most, 0, Self.most, 0, Self.most] {
                let prefix = FramePrefix(
                    sequence: 0, layout: 0, timestampMs: 1, jobBefore: before, sampleCount: .max)
                put(.frame, into: &segment) { prefix.put(into: &$0) }
            }
        }
        try write(fixture, BufferFileName.cursor("d"), .cursorLog, BufferFileName.hash("d")) { log in
            var state = CursorState(name: "d", mark: .start(of: 1))
            state.jobs["job"] = .init(
                baseAppended: -Int64(Self.most), baseFailed: -Int64(Self.most),
                outcome: JobOutcome(delivered: Self.most))
            put(.snapshot, into: &log) { CursorCoding.put(state, into: &$0) }
            for _ in 0..<2_000 {
                let change = CursorChange.answered(
                    upTo: .start(of: 1),
                    outcome: ["job": JobOutcome(delivered: Self.most, dropped: ["r": Self.most])])
                put(.progress, into: &log) { CursorCoding.put(change, into: &$0) }
            }
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("d")
        #expect(try stream.drain().isEmpty)
        let books = try #require(buffer.ledger().destinations["d"]?["job"])
        #expect(books.delivered == UInt64(Int64.max))
        #expect(books.dropped["r"] == UInt64(Int64.max))
        #expect(books.scraped == UInt64(Int64.max))
        try buffer.append(fixture.frame(1))
        #expect(try stream.drain().count == 1)
        try buffer.close()
    }

    /// Every sum is right, and the layout asks for a label that the target has not: damage like any other.
    @Test func aFrameThatContradictsItselfIsDamage() throws {
        let fixture = try BufferFixture()
        var builder = LayoutChunkBuilder()
        for index in 0..<3 { builder.appendTargetLabel(index) }
        builder.endSeries()
        let chunk = builder.finish()
        try write(fixture, BufferFileName.segment(1), .segment, 1) { segment in
            put(.ledger, into: &segment) { LedgerRecord().put(into: &$0) }
            put(.target, into: &segment) { StatementCoding.put(TestFrames.target(), into: &$0) }
            put(.chunk, into: &segment) { StatementCoding.put(chunk, into: &$0) }
            put(.layout, into: &segment) { StatementCoding.put(layout: [0], into: &$0) }
            let prefix = FramePrefix(sequence: 0, layout: 0, timestampMs: 1, jobBefore: 0, sampleCount: 1)
            put(.frame, flags: RecordHeader.selfContained, into: &segment) { buffer in
                prefix.put(into: &buffer)
                ColumnCodec.encode([1], starts: [0, 1], base: [], bases: .none, into: &buffer)
            }
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("d")
        #expect(try stream.drain().isEmpty)
        let books = try #require(buffer.ledger().destinations["d"]?["node"])
        #expect(books.dropped == [BufferDropReason.damaged: 1])
        try buffer.close()
    }

    private func put(
        _ type: RecordType, flags: UInt8 = 0, into buffer: inout RecordBuffer,
        _ fill: (inout RecordBuffer) -> Void
    ) {
        let start = buffer.begin(type, flags: flags)
        fill(&buffer)
        buffer.end(start, salt: Self.salt)
    }

    private func write(
        _ fixture: BufferFixture, _ name: String, _ kind: FileHeader.Kind, _ number: UInt64,
        _ fill: (inout RecordBuffer) -> Void
    ) throws {
        var buffer = RecordBuffer()
        FileHeader(kind: kind, salt: Self.salt, number: number, createdMs: 1).put(into: &buffer)
        fill(&buffer)
        let path = "\(fixture.folder.path)/\(name)"
        try POSIXFiles().close(POSIXFiles().open(path, .create))
        try fixture.overwrite(path, with: buffer.bytes)
    }
}
