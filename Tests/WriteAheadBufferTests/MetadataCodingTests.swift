import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

struct MetadataCodingTests {
    private func metadata(_ help: String, series: Int) throws -> ChunkMetadata {
        var comments: [UInt8] = []
        let name = Array("m".utf8)
        ChunkMetadata.append(.type, family: name, text: Array("counter".utf8)[...], to: &comments)
        ChunkMetadata.append(.help, family: name, text: Array(help.utf8)[...], to: &comments)
        return try #require(
            ChunkMetadata(
                comments: comments,
                runs: [
                    .init(firstSeries: 0, offset: 0),
                    .init(firstSeries: 3, offset: ChunkMetadata.Run.noFamily),
                    .init(firstSeries: 9, offset: 0),
                ], seriesCount: series))
    }

    private func payload(_ metadata: ChunkMetadata) -> [UInt8] {
        var buffer = RecordBuffer()
        MetadataCoding.put(metadata, into: &buffer)
        return buffer.bytes
    }

    @Test func whatIsWrittenIsRead() throws {
        for metadata in [try metadata("Help.", series: 10), ChunkMetadata.none] {
            let bytes = payload(metadata)
            #expect(MetadataCoding.metadata(bytes.span, seriesCount: 10) == metadata)
        }
    }

    @Test func payloadHasTheseBytes() throws {
        let name = Array("m".utf8)
        var comments: [UInt8] = []
        ChunkMetadata.append(.unit, family: name, text: Array("s".utf8)[...], to: &comments)
        let metadata = try #require(
            ChunkMetadata(comments: comments, runs: [.init(firstSeries: 5, offset: 0)], seriesCount: 6))
        #expect(
            payload(metadata)
                == [11]  // bytes of comments
                + [2, 1, 0, 0, 0, 1, 0, 0, 0] + name + Array("s".utf8)  // a unit, two lengths, name, text
                + [1, 5, 1])  // one run from series 5 on, whose family begins at 0
    }

    @Test func damagedPayloadsAreRefusedAndNeverTrap() throws {
        let bytes = payload(try metadata("Help.", series: 10))
        #expect(MetadataCoding.metadata(bytes.span, seriesCount: 9) == nil, "a run of no series")
        for length in 0..<bytes.count {
            let cut = Array(bytes[..<length])
            #expect(MetadataCoding.metadata(cut.span, seriesCount: 10) == nil)
        }
        var random = SeededGenerator(seed: UInt64.random(in: 1...UInt64.max))
        for _ in 0..<5_000 {
            var changed = bytes
            changed[random.below(changed.count)] = UInt8(random.below(256))
            _ = MetadataCoding.metadata(changed.span, seriesCount: 10)
        }
    }

    /// A family's name stands in each of its comments: half is left, and read as it was.
    @Test func whatRepeatsIsPacked() throws {
        var comments: [UInt8] = []
        var runs: [ChunkMetadata.Run] = []
        for family in 0..<10 {
            runs.append(.init(firstSeries: UInt32(family), offset: UInt32(comments.count)))
            let name = Array("http_server_requests_of_kind_\(family)_total".utf8)
            ChunkMetadata.append(.type, family: name, text: Array("counter".utf8)[...], to: &comments)
            ChunkMetadata.append(.help, family: name, text: Array("Requests.".utf8)[...], to: &comments)
        }
        let metadata = try #require(ChunkMetadata(comments: comments, runs: runs, seriesCount: 10))
        var (scratch, buffer) = (RecordBuffer(), RecordBuffer())
        StatementCoding.putRecords(
            of: TestFrames.chunk("m", count: 10).adding(metadata), number: 4, salt: 1, scratch: &scratch,
            into: &buffer)
        let bytes = buffer.bytes
        guard let first = RecordHeader(bytes.span, at: 0, salt: 1),
            let header = RecordHeader(bytes.span, at: first.recordBytes, salt: 1)
        else {
            Issue.record("two records were written")
            return
        }
        #expect(first.type == .chunk && header.type == .metadata && header.subject == 4)
        #expect(header.flags == RecordHeader.isPacked)
        #expect(first.recordBytes + header.recordBytes == bytes.count)
        #expect(2 * header.payloadBytes < payload(metadata).count)
        let packed = Array(bytes[first.recordBytes + RecordHeader.sizeBytes..<bytes.count - 4])
        #expect(MetadataCoding.metadata(packed.span, flags: header.flags, seriesCount: 10) == metadata)
        for length in 0..<packed.count {
            let cut = Array(packed[..<length])
            #expect(MetadataCoding.metadata(cut.span, flags: header.flags, seriesCount: 10) == nil)
        }
    }

    /// A backlog of before a restart has what was known when it was scraped.
    @Test func aBacklogHasItsMetadata() throws {
        let fixture = try BufferFixture()
        let metadata = try metadata("Help.", series: 10)
        let chunk = TestFrames.chunk("m", count: 10).adding(metadata)
        var buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        try buffer.append(TestFrames.frame(fixture.target, Layout([chunk]), at: 1))
        try buffer.append(TestFrames.frame(fixture.target, Layout([chunk]), at: 2))
        try buffer.close()
        buffer = try fixture.open()
        let read = try buffer.openStream("a").all()
        #expect(read.map { $0.frame.layout.chunks[0].metadata } == [metadata, metadata])
        #expect(read[0].frame.layout.chunks[0] === read[1].frame.layout.chunks[0])

    }

    @Test func damagedMetadataCostsNoFrame() throws {
        let fixture = try BufferFixture()
        let chunk = TestFrames.chunk("m", count: 10).adding(try metadata("unmistakable", series: 10))
        var buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        for time in 1...3 {
            try buffer.append(TestFrames.frame(fixture.target, Layout([chunk]), at: Int64(time)))
        }
        try buffer.close()
        let path = try #require(fixture.segmentPaths.last)
        var bytes = try fixture.bytes(path)
        let place = try #require(bytes.firstRange(of: Array("unmistakable".utf8))?.lowerBound)
        bytes[place] ^= 0xFF
        try fixture.overwrite(path, with: bytes)
        buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let read = try stream.drain()
        #expect(read.map(\.frame.timestampMs) == [1, 2, 3])
        #expect(read.map { $0.frame.layout.chunks[0].metadata } == [nil, nil, nil])
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == 30 && books.dropped.isEmpty && books.buffered == 0)
    }
}
