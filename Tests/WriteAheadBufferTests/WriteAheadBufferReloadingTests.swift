import MetricModel
import Platform
import Telemetry
import TestSupport
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
        // What was noted for the renaming goes with the next sync.
        try old.destination.sync()
        let read = try CursorLog.read(old.destination.logPath, files: fixture.files)
        #expect(read.state == old.destination.cursor && read.end == read.length)
        #expect(read.state?.successor == nil)
        try buffer.close()
    }

    private func open(_ files: PowerLossFiles, _ said: LogLines) throws -> WriteAheadBuffer {
        try WriteAheadBuffer(
            BufferConfiguration(directory: "/buffer", reserveBytes: 0), interner: LayoutInterner(),
            clock: ManualClock(), files: files, registry: MetricRegistry(), logger: said.logger)
    }

    /// The agent is killed, or the power goes, at each operation of a renaming in turn. The next start has
    /// the new name, or the old one again. It finds one cursor or both, goes on with the one that its
    /// destination has, and says what is true of the other.
    @Test(arguments: [false, true], [false, true])
    func aKillInTheMiddleOfARenaming(losesPower: Bool, hasNewName: Bool) throws {
        let target = TestFrames.target()
        let layout = Layout([TestFrames.chunk("m", count: 10)])
        let name = hasNewName ? "new" : "old"
        var (found, operation, isOver) = ([false, false], 0, false)
        while !isOver {
            let files = PowerLossFiles()
            let buffer = try open(files, LogLines())
            let old = try buffer.openStream("old")
            for value in 0..<4 {
                try buffer.append(TestFrames.frame(target, layout, at: Int64(value), first: Double(value)))
            }
            let frames = try old.all()
            try old.deliver(Array(frames[..<2]))
            #expect(buffer.sync())
            let begin = files.operationCount
            files.fail { [operation] _, number in number >= begin + operation }
            _ = try? buffer.rename("old", to: "new")
            isOver = files.operationCount - begin <= operation
            let disk = files.copy()
            if losesPower { disk.losePower() }
            let cursors = disk.names.filter { $0.hasSuffix(".log") }
            let hasOwn = cursors.contains { $0.hasSuffix(BufferFileName.cursor(name)) }
            let said = LogLines()
            let next = try open(disk, said)
            let stream = try next.openStream(name)
            try next.retire(destinationsExcept: [name])
            let sent = values(try stream.drain())
            #expect(sent == (hasOwn ? [2, 3] : [0, 1, 2, 3]), "operation \(operation)")
            let former = said.all("a destination is no longer configured")
            #expect(former.count == (hasOwn ? 0 : 1), "operation \(operation): \(former)")
            #expect(former.allSatisfy { $0.contains("go to the destinations that are new at this start") })
            let interrupted = said.all("the agent ended while a destination was given another name")
            #expect(interrupted.count == cursors.count - 1, "operation \(operation)")
            let names = "other_name=\(hasNewName ? "old" : "new") remote_name=\(name)"
            #expect(interrupted.allSatisfy { $0.hasPrefix("info") && $0.contains(names) }, "\(interrupted)")
            #expect(disk.names.filter { $0.hasSuffix(".log") }.count == 1)
            found[cursors.count - 1] = true
            operation += 1
        }
        #expect(found == [true, true] && operation > 6)
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

    /// The sender before has answered for what lies behind the place where the one after it stands. When that
    /// place is answered for, too, all of it goes at once, and nothing of it is lost.
    @Test func whatGoesWhileARewoundReaderStandsBeforeItIsNoDamage() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a")
        let reader = destination.reader
        for value in 0..<5 { try buffer.append(fixture.frame(Double(value))) }
        func answer(_ frames: [StoredFrame]) throws {
            try reader.answered(
                [], ranges: frames.map { $0.lead..<$0.end },
                outcome: ["node": JobOutcome(delivered: UInt64(10 * frames.count))])
        }
        let read = try (0..<3).compactMap { _ in try reader.next() }
        try answer([read[1], read[2]])
        destination.rewind()
        let again = try #require(try reader.next())
        #expect(again.start == read[0].start)
        try answer([again])
        buffer.removeAnswered()
        #expect(buffer.core.catalog.oldest?.number ?? 0 > read[2].end.segment)
        let rest = try (0..<2).compactMap { _ in try reader.next() }
        #expect(values(rest) == [3, 4])
        try answer(rest)
        #expect(try reader.next() == nil)
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == 50 && books.dropped.isEmpty && books.scraped == 50)
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
