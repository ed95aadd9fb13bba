import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

struct WriteAheadBufferReloadingTests {
    private func values(_ frames: [StoredFrame]) -> [Double] { frames.map { $0.frame.values[0] } }

    @Test func aDestinationThatBeginsNowGetsWhatIsAppendedFromThenOn() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let first = try buffer.openDestination("a", lanes: 1)
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        let second = try buffer.begin("b", lanes: 2)
        for value in 3..<5 { try buffer.append(fixture.frame(Double(value))) }
        #expect(values(try first.lane(0).drain()) == [0, 1, 2, 3, 4])
        let seen = values(try second.lane(0).drain()) + values(try second.lane(1).drain())
        #expect(seen == [3, 4])
        let job = fixture.target.job
        let ledger = try #require(buffer.ledger().destinations["b"]?[job])
        #expect(ledger.delivered == 20 && ledger.buffered == 0 && ledger.scraped == 20)
        #expect(ledger.earlier == 30 && buffer.ledger().jobs[job] == 50)
        // It is durable: the next run goes on there.
        try buffer.close()
        let next = try fixture.open()
        let again = try next.openDestination("b", lanes: 2)
        #expect(try again.lane(0).all().isEmpty && again.lane(1).all().isEmpty)
        try next.close()
    }

    @Test func aRenamedDestinationGoesOnWithItsCursor() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let old = try buffer.openDestination("old", lanes: 1)
        for value in 0..<4 { try buffer.append(fixture.frame(Double(value))) }
        let frames = try old.lane(0).all()
        try old.lane(0).deliver(Array(frames[..<2]))
        // The third is on its way when the sender is ended.
        try old.lane(0).willSend(upTo: frames[2].end)
        let before = buffer.ledger().destinations["old"]
        let new = try buffer.rename("old", to: "new")
        // The new receiver never got that.
        #expect(new.name == "new" && new.lane(0).inFlightEnd == nil)
        #expect(buffer.ledger().destinations == ["new": before ?? [:]])
        #expect(
            try fixture.files.list(fixture.folder.path).filter(BufferFileName.isCursor)
                == [BufferFileName.cursor("new")])
        try buffer.append(fixture.frame(4))
        #expect(values(try new.lane(0).drain()) == [2, 3, 4])
        try buffer.close()
        let next = try fixture.open()
        #expect(try next.openDestination("new", lanes: 1).lane(0).all().isEmpty)
        try next.close()
    }

    @Test func aRenamingThatFailsChangesNothing() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let old = try buffer.openDestination("old", lanes: 1)
        try buffer.append(fixture.frame(0))
        fixture.files.fail { operation, path in
            operation == .write && path.contains(BufferFileName.cursor("new"))
                ? FaultyFiles.Fault(errno: 5) : nil
        }
        #expect(throws: BufferError.self) { _ = try buffer.rename("old", to: "new") }
        fixture.files.fail(nil)
        #expect(values(try old.lane(0).drain()) == [0])
        #expect(buffer.ledger().destinations.keys.sorted() == ["old"])
        try buffer.close()
    }

    @Test func aRetiredDestinationsBacklogIsCountedAndHoldsNoSegment() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let kept = try buffer.openDestination("kept", lanes: 1)
        _ = try buffer.openDestination("gone", lanes: 1)
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        try kept.lane(0).drain()
        let segments = try fixture.segmentPaths.count
        #expect(buffer.retire("gone") == [fixture.target.job: 30])
        #expect(buffer.retire("gone") == [:])
        buffer.removeAnswered()
        #expect(try fixture.segmentPaths.count < segments)
        #expect(buffer.ledger().destinations.keys.sorted() == ["kept"])
        #expect(!(try fixture.files.list(fixture.folder.path).contains(BufferFileName.cursor("gone"))))
        // The name may be used again, and begins anew.
        try buffer.append(fixture.frame(3))
        let again = try buffer.begin("gone", lanes: 1)
        #expect(try again.lane(0).all().isEmpty)
        try buffer.close()
    }

    @Test func aRewoundDestinationGivesAgainWhatIsNotAnsweredFor() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a", lanes: 1)
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        let frames = try destination.lane(0).all()
        try destination.lane(0).deliver(Array(frames[..<1]))
        destination.rewind()
        #expect(values(try destination.lane(0).drain()) == [1, 2])
        try buffer.close()
    }

    /// A name that is there though the folder could not be made durable would be found by a later start.
    @Test(arguments: ["rename", "begin"])
    func aNewCursorThatIsNotDurableIsRemoved(step: String) throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let old = try buffer.openDestination("old", lanes: 1)
        try buffer.append(fixture.frame(0))
        fixture.files.fail { operation, path in
            operation == .sync && !path.contains("cursor-") ? FaultyFiles.Fault(errno: 5) : nil
        }
        #expect(throws: BufferError.self) {
            _ = step == "rename" ? try buffer.rename("old", to: "new") : try buffer.begin("new", lanes: 1)
        }
        fixture.files.fail(nil)
        #expect(
            try fixture.files.list(fixture.folder.path).filter(BufferFileName.isCursor)
                == [BufferFileName.cursor("old")])
        #expect(values(try old.lane(0).drain()) == [0])
        try buffer.close()
    }

    @Test func anotherReceiverIsNotTakenToHaveTheRequestInFlight() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a", lanes: 1)
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        let frames = try destination.lane(0).all()
        try destination.lane(0).deliver(Array(frames[..<1]))
        try destination.lane(0).willSend(upTo: frames[1].end)
        destination.rewind()
        #expect(destination.lane(0).inFlightEnd == frames[1].end)
        destination.rewind(forAnotherReceiver: true)
        #expect(destination.lane(0).inFlightEnd == nil)
        try buffer.close()
        let next = try fixture.open()
        let again = try next.openDestination("a", lanes: 1)
        #expect(again.lane(0).inFlightEnd == nil)
        #expect(values(try again.lane(0).drain()) == [1, 2])
        try next.close()
    }
}
