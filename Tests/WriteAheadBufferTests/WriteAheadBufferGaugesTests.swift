import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct WriteAheadBufferGaugesTests {
    private let fixture: BufferFixture

    init() throws { fixture = try BufferFixture() }

    /// The disk takes cursors and no samples.
    private func refuseSamples() {
        fixture.files.fail { operation, path in
            operation == .write && !path.contains("cursor") ? .init(errno: 5) : nil
        }
    }

    @Test func whatTheDiskSaysIsKnownUntilItTakesSamplesAgain() throws {
        fixture.memory = MemoryAccount(framesBytes: 1 << 20)
        let buffer = try fixture.open()
        _ = try buffer.openStream("a")
        try buffer.append(fixture.frame(1))
        #expect(buffer.diskRefusal == nil && buffer.samplesInMemory == 0)
        refuseSamples()
        for value in 2..<5 { try buffer.append(fixture.frame(Double(value))) }
        #expect(buffer.diskRefusal == "on cue" && buffer.samplesInMemory == 30)
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 1_000)
        buffer.keep()
        #expect(buffer.diskRefusal == nil && !buffer.isDiskRefusing)
    }

    @Test func whatMemoryLetsGoIsKnownUntilSamplesArriveForLong() throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        refuseSamples()
        for value in 0..<160 { try buffer.append(fixture.frame(Double(value))) }
        #expect(buffer.lostForRoom == ["a": 0])
        buffer.keep(syncs: false)
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        let lost = try #require(books.dropped[BufferDropReason.memoryFull])
        #expect(buffer.lostForRoom == ["a": lost])
        try stream.drain()
        #expect(buffer.lostForRoom == ["a": lost])
        fixture.clock.advance(ms: 600_000)
        #expect(buffer.lostForRoom == ["a": lost], "nothing has arrived since")
        try buffer.append(fixture.frame(1))
        #expect(try stream.drain().count == 1)
        #expect(buffer.lostForRoom == ["a": 0])
    }

    /// It is no lack of room, and more room would not help.
    @Test func aFrameThatCannotBeWrittenIsNotLostForRoom() throws {
        let buffer = try fixture.open()
        _ = try buffer.openStream("a")
        fixture.files.fail { operation, _ in operation == .write ? .init(errno: 0) : nil }
        let error = #expect(throws: BufferError.self) { try buffer.append(fixture.frame(1)) }
        #expect(error?.code == .io && buffer.lostForRoom == ["a": 0])
    }

    @Test func whatRetentionTakesAndWhatNobodyTakesIsLost() throws {
        fixture.segmentMaxAgeMs = 1_000
        fixture.retentionAgeMs = 1_500
        let buffer = try fixture.open()
        for name in ["a", "b"] { _ = try buffer.openStream(name) }
        for value in 0..<4 {
            try buffer.append(fixture.frame(Double(value)))
            fixture.clock.advance(ms: 1_000)
        }
        buffer.keep()
        let books = try #require(buffer.ledger().destinations["b"]?["node"])
        let lost = try #require(books.dropped[BufferDropReason.retentionAge])
        #expect(buffer.lostForRoom == ["a": lost, "b": lost])
        refuseSamples()
        #expect(throws: BufferError.self) { try buffer.append(fixture.frame(9)) }
        #expect(buffer.lostForRoom == ["a": lost + 10, "b": lost + 10])
    }
}
