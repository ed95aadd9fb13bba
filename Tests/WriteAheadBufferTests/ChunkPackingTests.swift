import MetricModel
import Testing

@testable import WriteAheadBuffer

struct ChunkPackingTests {
    private struct NoRecord: Error {}

    /// nil where packing would not make it shorter.
    private func packed(_ plain: [UInt8]) -> [UInt8]? {
        var source = RecordBuffer(capacity: 0)
        for byte in plain { source.putByte(byte) }
        var buffer = RecordBuffer(capacity: 0)
        buffer.putByte(0xEE)
        guard ChunkPacking.put(source, into: &buffer) else {
            #expect(buffer.bytes == [0xEE])
            return nil
        }
        return Array(buffer.bytes.dropFirst())
    }

    private func plain(_ bytes: [UInt8]) -> [UInt8]? { ChunkPacking.plain(bytes.span) }

    private func chunk(_ payload: [UInt8], flags: UInt8) -> LayoutChunk? {
        StatementCoding.chunk(payload.span, flags: flags)
    }

    private func record(_ chunk: LayoutChunk) throws -> (header: RecordHeader, payload: [UInt8]) {
        var (scratch, buffer) = (RecordBuffer(), RecordBuffer())
        StatementCoding.putRecords(of: chunk, number: 7, salt: 3, scratch: &scratch, into: &buffer)
        let bytes = buffer.bytes
        guard let header = RecordHeader(bytes.span, at: 0, salt: 3) else { throw NoRecord() }
        let isIntact = header.isIntact(bytes.span, at: 0, salt: 3)
        #expect(isIntact && header.subject == 7 && header.recordBytes == buffer.count)
        return (header, Array(bytes[16..<16 + header.payloadBytes]))
    }

    @Test(arguments: 1...30)
    func whatIsPackedComesBack(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var plain: [UInt8] = []
        for _ in 0..<generator.below(200) {
            if plain.count > 4, generator.chance(60) {
                let from = generator.below(plain.count - 1)
                for index in 0..<generator.below(400) { plain.append(plain[from + index]) }
            } else {
                for _ in 0..<generator.below(generator.chance(5) ? 600 : 20) {
                    plain.append(UInt8(generator.below(7)))
                }
            }
        }
        guard let bytes = packed(plain) else { return }
        #expect(bytes.count < plain.count)
        #expect(self.plain(bytes) == plain, "seed \(seed)")
    }

    @Test func nothingIsPackedThatHasNoRepeats() {
        #expect(packed([]) == nil)
        #expect(packed(Array(0...255)) == nil)
        #expect(packed(Array(repeating: 1, count: 16)) == nil)
    }

    @Test func goldenBytes() {
        let text = Array("abcdefgh_abcdefgh-abcdefghabcdefghabcdefghabcdefgh.".utf8)
        let expected: [UInt8] =
            [51, 0x49] + Array("abcdefgh_".utf8) + [9]  // nine literals, 4 + 4 bytes from nine before
            + [0x41] + Array("-".utf8) + [9]  // one literal, 4 + 4 bytes from nine before
            + [0xF0, 8, 5]  // no literal, 4 + 15 + 5 bytes from eight before, more than there are
            + [0x01] + Array(".".utf8)  // the rest
        #expect(self.plain(expected) == text)
        #expect(packed(text) == expected)
    }

    @Test func aLongRunTakesAByteFor255() throws {
        let bytes = try #require(packed(Array(repeating: 7, count: 100_000)))
        #expect(bytes.count < 420)
        #expect(plain(bytes) == Array(repeating: 7, count: 100_000))
    }

    /// Labels of a fleet's tasks: less than a quarter is left.
    @Test func aChunkIsStatedInAQuarter() throws {
        let stated = TestFrames.chunk("http_request_duration_seconds_bucket_of_", count: 256)
        let (header, payload) = try record(stated)
        #expect(header.flags == RecordHeader.isPacked)
        var whole = RecordBuffer()
        StatementCoding.put(stated, into: &whole)
        #expect(payload.count * 4 < whole.count)
        let back = try #require(chunk(payload, flags: header.flags))
        #expect(back.hasSameContent(as: stated))
    }

    @Test func aChunkWithHistogramsIsPackedToo() throws {
        let stated = TestFrames.histogramChunk("rpc_duration_seconds_", count: 40)
        let (header, payload) = try record(stated)
        #expect(header.flags == RecordHeader.isPacked | RecordHeader.hasHistograms)
        let back = try #require(chunk(payload, flags: header.flags))
        #expect(back.hasSameContent(as: stated))
    }

    @Test func aShortChunkIsStatedAsItIs() throws {
        let stated = TestFrames.chunk("a", count: 1)
        let (header, payload) = try record(stated)
        #expect(header.flags == 0)
        #expect(chunk(payload, flags: 0)?.hasSameContent(as: stated) == true)
    }

    @Test func whatClaimsTooMuchIsRefused() {
        func refused(_ bytes: [UInt8]) -> Bool { plain(bytes) == nil }
        #expect(refused([]))
        #expect(refused([5]))
        #expect(refused([2, 0x02, 1]))  // a literal is missing
        #expect(refused([2, 0x03, 1, 2, 3]))  // a literal more than there are
        #expect(refused([2, 0x02, 1, 2, 0]))  // a byte too many
        #expect(refused([9, 0x11, 1, 0]))  // from no distance
        #expect(refused([9, 0x11, 1, 2]))  // from before the beginning
        #expect(refused([5, 0x11, 1, 1]))  // copies more than there are
        #expect(refused([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0xF1, 1, 1, 255, 255]))  // four GiB
        #expect(refused([200, 0x01, 0xF1, 1, 1, 255]))  // the length has no end
        #expect(plain([6, 0x11, 1, 1]) == [1, 1, 1, 1, 1, 1])
    }

    @Test(arguments: 1...10)
    func hostileBytesNeverCrash(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (header, good) = try record(TestFrames.chunk("some_metric_", count: 30))
        for length in 0..<good.count {
            #expect(chunk(Array(good[..<length]), flags: header.flags) == nil)
        }
        for _ in 0..<3_000 {
            var bytes = good
            for _ in 0..<generator.below(4) + 1 {
                bytes[generator.below(bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            bytes.removeLast(generator.below(20))
            _ = chunk(bytes, flags: header.flags)
            _ = chunk(bytes, flags: UInt8(generator.below(256)))
        }
    }
    /// A forged file may name millions of empty pieces for a few bytes each.
    @Test func aChunkOfMorePiecesThanAnyHasIsNone() {
        let count = StatementCoding.maxPieces + 1
        var payload = RecordBuffer()
        payload.putRaw([])
        payload.putVarint(UInt64(count))
        var bytes = payload.bytes + [UInt8](repeating: 0, count: 3 * count)
        payload = RecordBuffer()
        payload.putVarint(1)
        payload.putVarint(UInt64(count))
        bytes += payload.bytes
        #expect(chunk(bytes, flags: 0) == nil)
        #expect(StatementCoding.readChunk(bytes.span, flags: 0).plainBytes == bytes.count)
    }
}
