import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Places of a segment that cannot be read.
struct RecordScannerTests {
    /// An ended segment with frames of some hundred bytes; where each begins, and the segment's length.
    private struct Ended {
        let fixture: BufferFixture
        let stream: Stream
        let buffer: WriteAheadBuffer
        let path: String
        let series: Int
        let starts: [UInt64]
        let length: UInt64

        init(series: Int = 300) throws {
            self.series = series
            fixture = try BufferFixture()
            fixture.segmentMaxAgeMs = 60_000
            buffer = try fixture.open()
            stream = try buffer.openStream("a")
            let layout = Layout([TestFrames.chunk("m", count: series)])
            var generator = SeededGenerator(seed: 3)
            // Held, as targets are that are scraped: a segment ends with most of its targets.
            let targets = (0..<24).map { TestFrames.target("t\($0 % 8)") }
            for index in 0..<24 {
                let values = (0..<series).map { _ in Double.random(in: 0..<1, using: &generator) }
                try buffer.append(
                    Frame(
                        target: targets[index], layout: layout,
                        timestampMs: Int64(index), values: values))
            }
            withExtendedLifetime(targets) {}
            path = try #require(fixture.segmentPaths.last)
            fixture.clock.advance(ms: 60_000)
            try buffer.append(fixture.frame(7))
            var starts: [UInt64] = []
            let info = try #require(buffer.core.catalog.oldest)
            while let stored = try stream.next() {
                if stored.start.segment == info.number { starts.append(stored.start.offset) }
            }
            self.starts = starts
            length = info.length
            stream.rewind()
        }

        /// Reads to the end; nil when it is still refused after many tries.
        func read() throws -> [StoredFrame]? {
            var read: [StoredFrame] = []
            for _ in 0..<12 {
                do {
                    while let stored = try stream.next() { read.append(stored) }
                    return read
                } catch {
                    fixture.clock.advance(ms: 300_000)
                }
            }
            return nil
        }

        func expectClosedBooks(_ read: [StoredFrame]) throws {
            try stream.deliver(read)
            _ = try stream.next()
            let books = try #require(buffer.ledger().destinations["a"]?["node"])
            #expect(books.dropped == [BufferDropReason.damaged: UInt64((25 - read.count) * series)])
            #expect(books.buffered == 0)
        }
    }

    @Test func aBadPlaceAtTheEndOfAnEndedSegmentIsPassed() throws {
        let ended = try Ended()
        let last = try #require(ended.starts.last)
        ended.fixture.files.spoil(ended.path, last..<ended.length)
        let read = try #require(try ended.read(), "the last record is refused for ever")
        #expect(read.count == 24 && read.last?.frame.values[0] == 7)
        try ended.expectClosedBooks(read)
    }

    @Test func aGoodPlaceBetweenTwoBadOnesDoesNotHoldTheReader() throws {
        let ended = try Ended(series: 1_000)
        // The page between is shorter than a record: the search that begins there runs into the second.
        let page = ended.starts[3] / 4_096 * 4_096
        ended.fixture.files.spoil(
            ended.path, [ended.starts[3]..<page + 4_096, page + 8_192..<page + 12_288])
        let read = try #require(try ended.read(), "the reader stands between two bad places for ever")
        #expect(read.count >= 10 && read.last?.frame.values[0] == 7, "\(read.count) frames")
        try ended.expectClosedBooks(read)
    }

    @Test func aBadPlaceThatCoversTheNextHeaderTooIsPassed() throws {
        let ended = try Ended()
        // From the middle of one record into the next: its payload fails, and what stands behind it.
        ended.fixture.files.spoil(ended.path, ended.starts[9] + 100..<ended.starts[10] + 100)
        let read = try #require(try ended.read(), "the record before the bad header is refused for ever")
        #expect(read.count >= 18 && read.last?.frame.values[0] == 7, "\(read.count) frames")
        try ended.expectClosedBooks(read)
    }

    @Test func aDiskThatIsAwayIsNoDamage() throws {
        let ended = try Ended()
        ended.fixture.files.fail { operation, _ in operation == .read ? .init(errno: 5) : nil }
        #expect(try ended.read() == nil)
        ended.fixture.files.fail(nil)
        #expect(try ended.read()?.count == 25)
    }

    /// What is searched behind a bad place is read by pages, not once for each byte.
    @Test func theSearchBehindABadPlaceReadsPages() throws {
        let ended = try Ended(series: 20_000)
        ended.fixture.files.spoil(ended.path, ended.starts[3]..<ended.starts[3] + 1)
        let before = ended.fixture.files.readCount
        let read = try #require(try ended.read())
        #expect(read.count >= 18)
        let reads = ended.fixture.files.readCount - before
        #expect(reads < 500, "\(reads) reads")
    }

    // MARK: forged files

    /// The first 16 bytes of a record, with the right checksum.
    private func header(payloadBytes: Int, subject: UInt32) -> [UInt8] {
        var buffer = RecordBuffer()
        let start = buffer.begin(.layout, subject: subject)
        buffer.putRaw(Array(repeating: 0, count: payloadBytes))
        buffer.end(start, salt: 7)
        return Array(buffer.bytes.prefix(RecordHeader.sizeBytes))
    }

    private func record(_ subject: UInt32) -> [UInt8] {
        var buffer = RecordBuffer()
        let start = buffer.begin(.layout, subject: subject)
        buffer.putVarint(1)
        buffer.end(start, salt: 7)
        return buffer.bytes
    }

    /// Subjects of the intact records that a walk over a file finds.
    private func walk(_ bytes: [UInt8]) throws -> [UInt32] {
        let fixture = try BufferFixture()
        let path = "\(fixture.folder.path)/records"
        try fixture.overwrite(path, with: bytes)
        let file = try POSIXFiles().open(path, .read)
        let limit = UInt64(bytes.count)
        var scanner = RecordScanner(
            RecordWindow(file, files: POSIXFiles()), salt: 7, offset: 0)
        var found: [UInt32] = []
        while true {
            switch try scanner.next(limit: limit) {
            case .end:
                try POSIXFiles().close(file)
                return found
            case .damage: break
            case .record(let header, let place):
                if try scanner.payload(header, at: place, limit: limit) != nil {
                    found.append(header.subject)
                }
            }
        }
    }

    /// Headers each of whose records is the rest of the file and is wrong would be checked for hours.
    @Test(arguments: [false, true]) func aForgedFileIsNotSearchedForHours(hasRecords: Bool) throws {
        let (count, tail) = (200, record(1))
        let step = hasRecords ? 17 + 16 + tail.count : 17
        let length = 1 + count * step + tail.count
        var file: [UInt8] = []
        for number in 0..<count {
            let payloadBytes = length - number * step - 1 - 16 - 4
            // What is wrong, so that a search begins, and what it meets.
            file += [0xFF] + header(payloadBytes: payloadBytes - 16, subject: 2)
            if hasRecords { file += Array(repeating: 0xFF, count: 16) + tail }
        }
        file += [0xFF] + tail
        #expect(file.count == length)
        let found = try walk(file)
        #expect(found.count < 10, "\(found.count) records behind \(count) headers of the rest of the file")
    }

    /// Each damaged record of a file is checked once, so all behind them is found.
    @Test func manyDamagedRecordsAreSearched() throws {
        var file: [UInt8] = []
        for number in 0..<500 as Range<UInt32> {
            file += [0xFF] + header(payloadBytes: 200, subject: 0) + Array(repeating: 0xFF, count: 204)
            file += record(number + 1)
        }
        #expect(try walk(file) == Array(1...500))
    }
}
