import MetricModel
import Testing

@testable import WriteAheadBuffer

struct WriteAheadBufferAbandonTests {
    @Test func aDirectoryIsLeftAsItWasFound() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            try buffer.append(fixture.frame(1))
            try buffer.close()
        }
        let before = try fixture.files.list(fixture.folder.path)
        for _ in 0..<3 {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            _ = try buffer.openDestination("new")
            try buffer.abandon()
        }
        #expect(try fixture.files.list(fixture.folder.path) == before)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try buffer.append(fixture.frame(2))
        #expect(try stream.all().map { $0.frame.values[0] } == [1, 2])
        let ledger = buffer.ledger()
        #expect(ledger.jobs["node"] == 20 && ledger.destinations["a"]?["node"]?.buffered == 20)
    }

    @Test func whatWasAppendedStays() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        try buffer.append(fixture.frame(1))
        try buffer.abandon()
        #expect(try fixture.segmentPaths.count == 1)
        #expect(throws: BufferError.self) { try buffer.append(fixture.frame(2)) }
        let again = try fixture.open()
        #expect(try again.openStream("a").all().count == 1)
    }
}
