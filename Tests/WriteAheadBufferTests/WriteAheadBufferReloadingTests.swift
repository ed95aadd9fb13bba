import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

struct WriteAheadBufferReloadingTests {
    private func values(_ frames: [StoredFrame]) -> [Double] { frames.map { $0.frame.values[0] } }

    @Test func aDestinationThatBeginsNowGetsWhatIsAppendedFromThenOn() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let first = try buffer.openStream("a")
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        let second = Stream(try buffer.begin("b"))
        for value in 3..<5 { try buffer.append(fixture.frame(Double(value))) }
        #expect(values(try first.drain()) == [0, 1, 2, 3, 4])
        #expect(values(try second.drain()) == [3, 4])
        let job = fixture.target.job
        let ledger = try #require(buffer.ledger().destinations["b"]?[job])
        #expect(ledger.delivered == 20 && ledger.buffered == 0 && ledger.scraped == 20)
        #expect(ledger.earlier == 30 && buffer.ledger().jobs[job] == 50)
        // It is durable: the next run goes on there.
        try buffer.close()
        let next = try fixture.open()
        let again = try next.openStream("b")
        #expect(try again.all().isEmpty)
        try next.close()
    }

    @Test func aRenamedDestinationGoesOnWithItsCursor() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let old = try buffer.openStream("old")
        for value in 0..<4 { try buffer.append(fixture.frame(Double(value))) }
        let frames = try old.all()
        try old.deliver(Array(frames[..<2]))
        // The third is on its way when the sender is ended.
        try old.willSend(upTo: frames[2].end)
        let before = buffer.ledger().destinations["old"]
        let new = Stream(try buffer.rename("old", to: "new"))
        // The new receiver never got that.
        #expect(new.destination.name == "new" && new.inFlightEnd == nil)
        #expect(buffer.ledger().destinations == ["new": before ?? [:]])
        #expect(
            try fixture.files.list(fixture.folder.path).filter(BufferFileName.isCursor)
                == [BufferFileName.cursor("new")])
        try buffer.append(fixture.frame(4))
        #expect(values(try new.drain()) == [2, 3, 4])
        try buffer.close()
        let next = try fixture.open()
        #expect(try next.openStream("new").all().isEmpty)
        try next.close()
    }

    @Test func aRenamingThatFailsChangesNothing() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let old = try buffer.openStream("old")
        try buffer.append(fixture.frame(0))
        fixture.files.fail { operation, path in
            operation == .write && path.contains(BufferFileName.cursor("new"))
                ? FaultyFiles.Fault(errno: 5) : nil
        }
        #expect(throws: BufferError.self) { _ = try buffer.rename("old", to: "new") }
        fixture.files.fail(nil)
        #expect(values(try old.drain()) == [0])
        #expect(buffer.ledger().destinations.keys.sorted() == ["old"])
        try buffer.close()
    }

    @Test func aRetiredDestinationsBacklogIsCountedAndHoldsNoSegment() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let kept = try buffer.openStream("kept")
        _ = try buffer.openDestination("gone")
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        try kept.drain()
        let segments = try fixture.segmentPaths.count
        #expect(buffer.retire("gone") == [fixture.target.job: 30])
        #expect(buffer.retire("gone") == [:])
        buffer.removeAnswered()
        #expect(try fixture.segmentPaths.count < segments)
        #expect(buffer.ledger().destinations.keys.sorted() == ["kept"])
        #expect(!(try fixture.files.list(fixture.folder.path).contains(BufferFileName.cursor("gone"))))
        // The name may be used again, and begins anew.
        try buffer.append(fixture.frame(3))
        let again = Stream(try buffer.begin("gone"))
        #expect(try again.all().isEmpty)
        try buffer.close()
    }

    @Test func aRewoundDestinationGivesAgainWhatIsNotAnsweredFor() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let destination = try buffer.openStream("a")
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        let frames = try destination.all()
        try destination.deliver(Array(frames[..<1]))
        destination.rewind()
        #expect(values(try destination.drain()) == [1, 2])
        try buffer.close()
    }

    /// A name that is there though the folder could not be made durable would be found by a later start.
    @Test(arguments: ["rename", "begin"])
    func aNewCursorThatIsNotDurableIsRemoved(step: String) throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let old = try buffer.openStream("old")
        try buffer.append(fixture.frame(0))
        fixture.files.fail { operation, path in
            operation == .sync && !path.contains("cursor-") ? FaultyFiles.Fault(errno: 5) : nil
        }
        #expect(throws: BufferError.self) {
            _ = step == "rename" ? try buffer.rename("old", to: "new") : try buffer.begin("new")
        }
        fixture.files.fail(nil)
        #expect(
            try fixture.files.list(fixture.folder.path).filter(BufferFileName.isCursor)
                == [BufferFileName.cursor("old")])
        #expect(values(try old.drain()) == [0])
        try buffer.close()
    }
}
