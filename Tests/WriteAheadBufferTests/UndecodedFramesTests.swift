import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct UndecodedFramesTests {
    @Test func whatOneDamageCostsIsOneLine() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            for name in ["a", "b"] { _ = try buffer.openStream(name) }
            for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
            try buffer.close()
        }
        let path = try #require(fixture.segmentPaths.first)
        var bytes = try fixture.bytes(path)
        var frames: [Int] = []
        var place = FileHeader.sizeBytes
        while let header = RecordHeader(bytes.span, at: place, salt: 0x5A17_5A17) {
            if header.type == .frame { frames.append(place) }
            place += header.recordBytes
        }
        try #require(frames.count == 6)
        bytes[frames[1] + RecordHeader.sizeBytes] ^= 1
        try fixture.overwrite(path, with: bytes)
        let buffer = try fixture.open()
        for name in ["a", "b"] {
            try buffer.openStream(name).drain()
            let books = try #require(buffer.ledger().destinations[name]?["node"])
            #expect(books.delivered == 10 && books.dropped == [BufferDropReason.damaged: 50])
        }
        #expect(fixture.said.all("damage in the buffer was passed over").count == 1)
        #expect(
            fixture.said.all("cannot be read") == [
                "error frames of the buffer cannot be read, as what they build on is damaged "
                    + "frames=4 jobs=node offset=\(frames[2]) samples=40 segment=1"
            ])
        // Each is a place all the same.
        #expect(fixture.registry.render().contains("\nnarthex_buffer_damaged_records_total 5\n"))
    }
}
