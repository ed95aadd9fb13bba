import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

/// The bytes of docs/buffer-format.md, written out. They change only with the format's version.
struct FileHeaderTests {
    private static let headerOfSegment = [
        "4e41525448455842",  // magic NARTHEXB
        "03000000",  // format version
        "01010000",  // kind: segment, features: dense; two reserved bytes
        "175a175a",  // salt
        "0100000000000000",  // number
        "0068e5cf8b010000",  // created, ms
        "a4cc093b",  // CRC32C of the 36 bytes before
    ]

    private static let segment =
        headerOfSegment + headerOfSegment + [
            "0b000000", "05", "00", "0000", "00000000", "170c27bf",  // ledger, 11 bytes
            "0000000000000080", "00", "00", "00",  // newest: none; segment before: none; no jobs
            "2f1dae01",  // CRC32C of header and payload
            "15000000", "01", "00", "0000", "00000000", "b87955ae",  // target 0, 21 bytes
            "44a634bf9c62d36f", "016a", "02",  // id, job, two labels
            "00", "0161", "0162", "01", "0165", "0166",  // own a = b, external e = f
            "ce189dae",
            "16000000", "02", "00", "0000", "00000000", "81828326",  // chunk 0, 22 bytes
            "0f", "0a0d0a085f5f6e616d655f5f12016d",  // 15 bytes of encoded labels
            "01", "0f", "00", "02",  // one piece: a run of 15, then two target labels from 0
            "01", "01",  // one series, of one piece
            "adc063f5",
            "02000000", "03", "00", "0000", "00000000", "757751b3",  // layout 0
            "01", "00",  // one chunk: 0
            "fde48844",
            "14000000", "04", "01", "0000", "00000000", "0a7e069f",  // frame of target 0, self-contained
            "00", "00", "0068e5cf8b010000", "00", "01",  // sequence, layout, time, samples before, samples
            "00", "01", "00", "01", "00",  // no absent; one explicit, series 0, 1 ms earlier; no departed
            "04", "02", "02",  // a code for each: a difference of one nibble, 1 in zigzag
            "980f885f",
            "15000000", "04", "00", "0000", "00000000", "f28674c6",  // frame of target 0
            "01", "00", "0f68e5cf8b010000", "01", "02",
            "00", "00", "01", "00", "01", "00",  // one group departed: chunk 0, one series, 0
            "04", "02", "02",  // 2 is 1 more than 1
            "565a9bcf",
        ]

    private static let headerOfCursor = [
        "4e41525448455842", "03000000", "02000000", "175a175a",
        "73e701864cd963af",  // FNV-1a of the destination's name
        "0068e5cf8b010000", "245ed23a",
    ]

    private static let cursor =
        headerOfCursor + headerOfCursor + [
            "09000000", "10", "00", "0000", "00000000", "89529331",  // snapshot
            "0164", "01", "00", "00", "00",  // name; the mark: segment 1, offset 0, sample 0; no ranges
            "00", "00", "00",  // no lanes, no requests, no jobs
            "a2737b16",
            "17000000", "11", "00", "0000", "00000000", "6cd8c048",  // progress
            "01", "00", "01", "00",  // sent; in the place of none; one request: number 0
            "01", "0000000000000000", "00",  // remote write 1.0, options not told, no lane
            "01", "01", "00", "00", "01", "a902", "00",  // one range: up to segment 1, offset 297, sample 0
            "00",  // nothing left out
            "619dbe43",
            "13000000", "11", "00", "0000", "00000000", "ac88078d",  // progress
            "02", "01", "00", "00",  // answered, everything up to the mark
            "01", "00",  // one request is over: number 0
            "01", "01", "00", "00", "01", "a902", "00",  // one range beyond
            "01", "016a", "03", "00",  // one job: j, three delivered, nothing dropped
            "f53a4fcf",
        ]

    @Test func goldenBytesOfASegmentAndACursor() throws {
        let fixture = try BufferFixture()
        let target = Target(job: "j", own: LabelSet([Label("a", "b")]), external: LabelSet([Label("e", "f")]))
        var builder = LayoutChunkBuilder()
        let name = Array("__name__".utf8)
        let value = Array("m".utf8)
        builder.appendLabel(name: name.span, value: value.span)
        builder.appendTargetLabel(0)
        builder.appendTargetLabel(1)
        builder.endSeries()
        let chunk = builder.finish()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("d")
        try buffer.append(
            Frame(
                target: target, layout: Layout([chunk]), timestampMs: 1_700_000_000_000, values: [1],
                explicitTimestamps: [.init(series: 0, timestampMs: 1_699_999_999_999)]))
        try buffer.append(
            Frame(
                target: target, layout: Layout([chunk]), timestampMs: 1_700_000_000_015, values: [2],
                departed: [.init(chunk: chunk, series: [0])]))
        try stream.deliver(try stream.all())
        #expect(try hex(fixture, BufferFileName.segment(1)) == Self.segment.joined())
        #expect(try hex(fixture, "cursor-af63d94c8601e773.log") == Self.cursor.joined())
    }

    @Test func oneGoodCopyIsEnough() {
        var buffer = RecordBuffer()
        let header = FileHeader(kind: .segment, salt: 7, number: 3, createdMs: -1)
        header.put(into: &buffer)
        for index in 0..<FileHeader.sizeBytes {
            var bytes = buffer.bytes
            bytes[index] ^= 0x10
            #expect(FileHeader(bytes.span) == header)
            bytes[(index + 40) % 80] ^= 0x10
            #expect(FileHeader(bytes.span) == nil)
        }
        #expect(FileHeader(Array(buffer.bytes[..<40]).span) == header)
        #expect(FileHeader(Array(buffer.bytes[..<39]).span) == nil)
    }

    @Test(arguments: [
        (FileHeader.Kind.segment, 0 as UInt8, true), (.segment, 1, true), (.segment, 3, true),
        (.segment, 4, false), (.segment, 5, false), (.cursorLog, 0, true), (.cursorLog, 1, false),
    ])
    func aFeatureThatIsNotKnownIsRefused(kind: FileHeader.Kind, features: UInt8, isRead: Bool) {
        let header = FileHeader(kind: kind, features: features, salt: 7, number: 3, createdMs: 0)
        #expect((header.refusal("/b/file") == nil) == isRead)
    }

    private func hex(_ fixture: BufferFixture, _ name: String) throws -> String {
        try fixture.bytes("\(fixture.folder.path)/\(name)")
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
