import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// A disk that refuses what is written costs nothing while receivers are up, and where they are not, the
/// oldest of what memory does not hold.
struct WriteAheadBufferMemoryTests {
    private let fixture: BufferFixture

    init() throws {
        fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 1 << 20)
    }

    private var usedBytes: Int { fixture.memory.usedBytes(of: .frames) }
    private var complaints: [String] {
        fixture.said.lines.filter { $0.hasPrefix("error") || $0.hasPrefix("warning") }
    }

    private func books(_ buffer: WriteAheadBuffer, _ name: String = "a") throws -> DestinationLedger {
        try #require(buffer.ledger().destinations[name]?["node"])
    }

    private func append(_ values: Range<Int>, to buffer: WriteAheadBuffer) throws {
        for value in values { try buffer.append(fixture.frame(Double(value))) }
    }

    private func refuses(_ buffer: WriteAheadBuffer) -> Bool {
        buffer.core.isDiskRefusing.load(ordering: .relaxed)
    }

    private func values(_ frames: [StoredFrame]) -> [Int] { frames.map { Int($0.frame.values[0]) } }

    /// Full, gone, read-only, and no descriptor is left: every write fails, whatever it is of.
    @Test(arguments: [28, 5, 30, 24] as [Int32])
    func allIsDeliveredInOrderWhileTheDiskRefusesEveryWrite(errno: Int32) throws {
        fixture.reserveBytes = 8_192
        fixture.recentFrameBytes = 1 << 20
        try deliverAll(errno: errno)
        let before = fixture.said.lines.count
        let again = try fixture.open()
        for name in ["a", "b"] {
            #expect(try again.openStream(name).drain().isEmpty)
            #expect(try books(again, name).delivered == 630 && books(again, name).dropped.isEmpty)
        }
        #expect(fixture.said.lines.count == before, "the start after it is quiet")
    }

    private func deliverAll(errno: Int32) throws {
        let opened = try fixture.open()
        let streams = try ["a", "b"].map { try opened.openStream($0) }
        var delivered: [[Int]] = [[], []]
        func send(_ number: Int) throws {
            delivered[number] += values(try streams[number].drain())
            for (name, wanted) in zip(["a", "b"], delivered) {
                let known = try books(opened, name)
                #expect(known.delivered == UInt64(wanted.count) * 10 && known.dropped.isEmpty)
                #expect(known.scraped == opened.ledger().jobs["node"], "the books close")
                #expect(known.inMemory <= known.buffered)
            }
        }
        try append(0..<3, to: opened)
        try send(0)
        fixture.files.refuse(errno: errno)
        for value in 3..<60 {
            try append(value..<value + 1, to: opened)
            if value % 5 == 0 { try send(0) }
            if value % 7 == 0 { try send(1) }
            fixture.clock.advance(ms: 1_000)
            opened.keep()
            #expect(usedBytes <= 20 * 400)
        }
        #expect(try books(opened).inMemory == books(opened).buffered && books(opened).buffered > 0)
        for number in 0..<2 { try send(number) }
        #expect(delivered[0] == Array(0..<60) && delivered[1] == delivered[0])
        opened.keep()
        #expect(usedBytes == 0)
        #expect(complaints.count == 1 && fixture.said.all("the disk takes no samples").count == 1)
        #expect(fixture.registry.render().contains("\nnarthex_buffer_disk_refuses 1\n"))

        fixture.files.fail(nil)
        // A reserve that was tried in vain is tried again after ten seconds.
        fixture.clock.advance(ms: 10_000)
        for _ in 0..<2 { opened.keep() }
        let files = try fixture.segmentPaths
        try append(60..<63, to: opened)
        #expect(try fixture.segmentPaths == files && opened.core.catalog.inMemory.isEmpty)
        for number in 0..<2 { try send(number) }
        #expect(delivered[0] == Array(0..<63) && delivered[1] == delivered[0])
        opened.keep()
        #expect(complaints.count == 1)
        let last = try #require(fixture.said.all("the disk takes samples again").first)
        #expect(last.contains("dropped=0 samples=570"))
        let page = fixture.registry.render()
        #expect(page.contains("\nnarthex_buffer_disk_refuses 0\n"))
        #expect(page.contains("\nnarthex_buffer_memory_spells_total 1\n"))
        #expect(page.contains("\nnarthex_buffer_memory_samples_total 570\n"))
    }

    /// The appender asks the disk for nothing: a disk that hangs or fails slowly holds no scrape up.
    @Test func whileTheDiskRefusesAnAppendMakesNoCall() throws {
        let buffer = try fixture.open()
        fixture.files.refuse(errno: 5)
        try append(0..<1, to: buffer)
        let calls = fixture.files.callCount
        try append(1..<500, to: buffer)
        #expect(fixture.files.callCount == calls)
    }

    /// While the disk takes nothing that is said once; afterwards each fault of the disk is told again.
    @Test func whatTheDiskRefusesIsToldOnceItTakesFramesAgain() throws {
        let buffer = try fixture.open()
        fixture.files.refuse(errno: 5)
        try append(0..<1, to: buffer)
        let faults = buffer.core.metrics.faults
        faults.error("a fault", [:], isOfDisk: true)
        #expect(fixture.said.all("a fault").isEmpty)
        fixture.files.fail(nil)
        buffer.keep(syncs: false)
        #expect(!refuses(buffer))
        faults.error("a fault", [:], isOfDisk: true)
        #expect(fixture.said.all("a fault").count == 1)
    }

    @Test func theNextRoundOfTheKeeperGoesBackToTheDisk() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.files.refuse(errno: 5)
        try append(0..<3, to: buffer)
        fixture.files.fail(nil)
        buffer.keep(syncs: false)
        try append(3..<5, to: buffer)
        let catalog = buffer.core.catalog.all
        #expect(catalog.map { $0.memory == nil } == [true, true, true] && usedBytes == 0)
        #expect(values(try stream.drain()) == Array(0..<5))
        buffer.keep()
        #expect(usedBytes == 0 && buffer.core.catalog.all.count == 1)
        #expect(try fixture.files.status("\(fixture.folder.path)/narthex.probe") == nil)
    }

    @Test func theOldestGoWhenMemoryIsFull() throws {
        let limit = 64 << 10
        fixture.memory = MemoryAccount(framesBytes: limit)
        let buffer = try fixture.open()
        let streams = try ["a", "b"].map { try buffer.openStream($0) }
        try append(0..<1, to: buffer)
        fixture.files.refuse(errno: 5)
        for value in 1..<401 {
            try append(value..<value + 1, to: buffer)
            if value % 20 == 0 { buffer.keep() }
            #expect(usedBytes <= limit)
        }
        let books = try self.books(buffer)
        let dropped = try #require(books.dropped[BufferDropReason.memoryFull])
        #expect(books.dropped.count == 1 && books.scraped == 4_010)
        #expect(books.buffered == 4_010 - dropped && books.inMemory == books.buffered - 10)
        for stream in streams {
            let kept = Int(books.buffered) / 10 - 1
            #expect(values(try stream.drain()) == [0] + Array(401 - kept..<401))
            let now = try self.books(buffer, stream.destination.name)
            #expect(now.delivered == books.buffered && now.buffered == 0 && now.dropped == books.dropped)
        }
        #expect(fixture.said.all("the oldest are dropped").count == 1)
        fixture.files.fail(nil)
        buffer.keep()
        #expect(fixture.said.all("the disk takes samples again")[0].contains("dropped=\(dropped) "))
    }

    /// The keeper hangs, so nobody lets go of the oldest: what finds no room is booked as today.
    @Test func whatFindsNoRoomIsBookedAsNotAppended() throws {
        fixture.memory = MemoryAccount(framesBytes: 3_000)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try append(0..<1, to: buffer)
        fixture.files.refuse(errno: 5)
        var taken = 0
        while (try? buffer.append(fixture.frame(1))) != nil { taken += 1 }
        #expect(taken == 3_000 / 336)
        #expect(throws: BufferError.self) { try buffer.append(fixture.frame(1)) }
        #expect(try books(buffer).dropped == [BufferDropReason.appendFailed: 20])
        #expect(try stream.drain().count == taken + 1)
        buffer.keep()
        try append(2..<3, to: buffer)
        #expect(try books(buffer).scraped == UInt64(taken + 4) * 10)
        // A frame that contradicts itself never goes to memory.
        let bad = Frame(
            target: fixture.target, layout: fixture.layout, timestampMs: 1,
            values: Array(repeating: 0, count: 10), absent: [2, 1])
        let error = #expect(throws: BufferError.self) { try buffer.append(bad) }
        #expect(error?.code == .invalidFrame)
    }

    /// The keeper hangs in a call to the disk: what all have answered for makes room all the same.
    @Test func theAppenderLetsGoOfWhatIsAnsweredWhereTheKeeperDoesNotComeBy() throws {
        fixture.memory = MemoryAccount(framesBytes: 3_000)
        let buffer = try fixture.open()
        let (near, far) = (try buffer.openStream("a"), try buffer.openStream("b"))
        try append(0..<1, to: buffer)
        fixture.files.refuse(errno: 5)
        for value in stride(from: 1, to: 60, by: 6) {
            try append(value..<value + 6, to: buffer)
            for stream in [near, far] { #expect(values(try stream.drain()).last == value + 5) }
        }
        #expect(try books(buffer).dropped.isEmpty && books(buffer, "b").delivered == 610)
        // Not of what one of them has not.
        #expect(throws: BufferError.self) {
            while true {
                try append(61..<62, to: buffer)
                try near.drain()
            }
        }
    }

    @Test func memoryGoesWhenAllDestinationsHaveAnswered() throws {
        let buffer = try fixture.open()
        let (near, far) = (try buffer.openStream("a"), try buffer.openStream("b"))
        fixture.files.refuse(errno: 5)
        try append(0..<10, to: buffer)
        try near.drain()
        buffer.keep()
        #expect(usedBytes > 10 * 336)
        let frames = try far.all()
        try far.deliver(Array(frames[..<4]))
        let before = usedBytes
        buffer.keep()
        #expect(usedBytes < before && buffer.core.catalog.inMemory.count == 1)
        #expect(try books(buffer, "b").inMemory == 60 && books(buffer, "a").inMemory == 0)
        try far.deliver(Array(frames[4...]))
        buffer.keep()
        #expect(usedBytes == 0)
    }

    /// What was handed out when memory let it go may be delivered by the sender that has it, and no other.
    @Test(arguments: [false, true]) func whatWasHandedOutAndLetGoIsBookedOnce(rewinds: Bool) throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try append(0..<1, to: buffer)
        fixture.files.refuse(errno: 5)
        try append(1..<51, to: buffer)
        let first = try stream.all()
        for value in 51..<401 {
            try append(value..<value + 1, to: buffer)
            if value % 20 == 0 { buffer.keep() }
        }
        if rewinds { stream.rewind() } else { try stream.deliver(first) }
        let rest = values(try stream.drain())
        let books = try self.books(buffer)
        #expect(books.buffered == 0 && books.scraped == 4_010)
        let delivered = rest.count + (rewinds ? 0 : 51)
        #expect(books.delivered == UInt64(delivered) * 10)
        #expect(books.dropped == [BufferDropReason.memoryFull: 4_010 - books.delivered])
        #expect(rest == (rewinds ? [0] : []) + Array(401 - rest.count + (rewinds ? 1 : 0)..<401))
    }

    /// Also while the reader stands in the backlog on the disk, before what goes.
    @Test func theBacklogOnTheDiskStaysWhenMemoryIsFull() throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try append(0..<10, to: buffer)
        let read = try (0..<3).compactMap { _ in try stream.next() }
        fixture.files.refuse(errno: 5)
        for value in 10..<410 {
            try append(value..<value + 1, to: buffer)
            if value % 20 == 0 { buffer.keep() }
        }
        fixture.files.fail(nil)
        buffer.keep()
        try append(410..<412, to: buffer)
        try stream.deliver(read)
        let rest = values(try stream.drain())
        #expect(Array(rest[..<7]) == Array(3..<10))
        #expect(Array(rest[7...]) == Array(412 - (rest.count - 7)..<412))
        let books = try self.books(buffer)
        #expect(books.delivered == UInt64(rest.count + 3) * 10 && books.buffered == 0)
        #expect(books.dropped == [BufferDropReason.memoryFull: 4_120 - books.delivered])
    }

    @Test func whatIsAboveItsAgeGoes() throws {
        fixture.retentionAgeMs = 60_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.files.refuse(errno: 5)
        try append(0..<2, to: buffer)
        fixture.clock.advance(ms: 40_000)
        try append(2..<4, to: buffer)
        fixture.clock.advance(ms: 30_000)
        buffer.keep()
        #expect(values(try stream.drain()) == [2, 3])
        #expect(try books(buffer).dropped == [BufferDropReason.retentionAge: 20])
    }

    @Test func aDestinationThatBeginsMeanwhileGetsWhatComesAfter() throws {
        let buffer = try fixture.open()
        let old = try buffer.openStream("a")
        fixture.files.fail { operation, path in
            operation == .write && !path.contains("cursor") ? .init(errno: 5) : nil
        }
        try append(0..<3, to: buffer)
        let new = Stream(try buffer.begin("b"))
        try append(3..<5, to: buffer)
        #expect(values(try new.drain()) == [3, 4])
        #expect(try books(buffer, "b").delivered == 20 && books(buffer, "b").scraped == 20)
        let frames = try old.all()
        try old.deliver(Array(frames[..<2]))
        let renamed = Stream(try buffer.rename("a", to: "c"))
        #expect(values(try renamed.all()) == [2, 3, 4])
        #expect(buffer.retire("c") == ["node": 30])
        #expect(buffer.ledger().destinations.keys.sorted() == ["b"])
    }

    /// The file is cut back before another segment is begun: else the next start would find a frame in it
    /// that was sent from memory.
    @Test(arguments: [0, 17, 100_000]) func aTornEndIsCutBeforeTheDiskIsUsedAgain(keptBytes: Int) throws {
        var buffer: WriteAheadBuffer? = try fixture.open()
        var stream: Stream? = try buffer?.openStream("a")
        try buffer?.append(fixture.frame(0))
        let path = try #require(fixture.segmentPaths.last)
        let length = try #require(try fixture.files.status(path)).length
        fixture.files.fail { operation, _ in
            operation == .write || operation == .truncate ? .init(errno: 5, keptBytes: keptBytes) : nil
        }
        try buffer?.append(fixture.frame(1))
        buffer?.keep()
        fixture.files.fail(nil)
        fixture.files.fail { operation, _ in operation == .truncate ? .init(errno: 5) : nil }
        buffer?.keep()
        #expect(buffer.map(refuses) == true, "not before it is cut")
        fixture.files.fail(nil)
        buffer?.keep()
        #expect(buffer.map(refuses) == false)
        #expect(try fixture.files.status(path)?.length == length)
        try buffer?.append(fixture.frame(2))
        let frames = try #require(try stream?.all())
        #expect(values(frames) == [0, 1, 2])
        (buffer, stream) = (nil, nil)
        let again = try fixture.open()
        #expect(values(try again.openStream("a").drain()) == [0, 1, 2])
        #expect(try books(again).dropped.isEmpty)
        #expect(fixture.said.all("damage in the buffer").isEmpty)
    }

    /// Some file systems have no room for what they have taken, and say so only when it is made durable.
    @Test func aDiskThatIsFullAtASyncIsAFullDisk() throws {
        fixture.reserveBytes = 8_192
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try append(0..<3, to: buffer)
        fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 28) : nil }
        #expect(!buffer.sync())
        #expect(buffer.core.reserve.isGivenUp)
        let segments = try fixture.segmentPaths
        for value in 3..<6 {
            try append(value..<value + 1, to: buffer)
            fixture.clock.advance(ms: 60_000)
            buffer.keep()
        }
        #expect(try fixture.segmentPaths == segments, "no second copy is tried on a full disk")
        #expect(fixture.said.all("the disk takes no samples").count == 1)
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 10_000)
        for _ in 0..<2 { buffer.keep() }
        #expect(!refuses(buffer))
        try append(6..<7, to: buffer)
        #expect(values(try stream.drain()) == Array(0..<7))
        #expect(buffer.sync() && buffer.core.catalog.all.allSatisfy { !$0.isInDoubt })
    }

    /// A disk that takes what is written and never makes it durable.
    @Test func whatADiskDoesNotMakeDurableForAMinuteGoesToMemory() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        var value = 0
        for _ in 0..<130 {
            try append(value..<value + 1, to: buffer)
            value += 1
            fixture.clock.advance(ms: 1_000)
            buffer.keep()
        }
        #expect(refuses(buffer))
        #expect(values(try stream.drain()) == Array(0..<130))
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 60_000)
        for _ in 0..<2 { buffer.keep() }
        #expect(!refuses(buffer))
        try append(130..<131, to: buffer)
        #expect(values(try stream.drain()) == [130])
        #expect(buffer.sync() && buffer.core.catalog.all.allSatisfy { !$0.isInDoubt })
    }
}
