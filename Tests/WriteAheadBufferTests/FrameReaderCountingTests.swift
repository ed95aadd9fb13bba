import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct FrameReaderCountingTests {
    /// All readers meet the gap, and so does the look that counts at the start.
    @Test func aSegmentThatIsNotThereIsSaidOnceWithWhatWentWithIt() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        do {
            let buffer = try fixture.open()
            for name in ["a", "b"] { _ = try buffer.openStream(name) }
            for value in 0..<4 { try buffer.append(fixture.frame(Double(value))) }
            try buffer.close()
        }
        try POSIXFiles().remove("\(fixture.folder.path)/\(BufferFileName.segment(2))")
        let buffer = try fixture.open()
        for name in ["a", "b"] {
            try buffer.openStream(name).drain()
            // The log would say it again if it were new.
            fixture.clock.advance(ms: 61_000)
            let books = try #require(buffer.ledger().destinations[name]?["node"])
            #expect(books.delivered == 30 && books.dropped == [BufferDropReason.damaged: 10])
        }
        #expect(
            fixture.said.all("samples of a segment") == [
                "error samples of a segment that is not there or cannot be read are lost "
                    + "jobs=node samples=10 segment=2"
            ])
    }

    @Test func eachGapIsSaid() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            for value in 0..<12 {
                let target = TestFrames.target("x:1", job: "job\(value)")
                try buffer.append(fixture.frame(Double(value), target: target))
            }
            try buffer.close()
        }
        // The second gap is of two segments and so of two jobs.
        for number in [2, 4, 5] as [UInt64] {
            try POSIXFiles().remove("\(fixture.folder.path)/\(BufferFileName.segment(number))")
        }
        try fixture.open().openStream("a").drain()
        let line = "error samples of a segment that is not there or cannot be read are lost "
        #expect(
            fixture.said.all("samples of a segment") == [
                line + "jobs=job0 samples=10 segment=2", line + "jobs=job2, job3 samples=20 segment=5",
            ])
    }
}
