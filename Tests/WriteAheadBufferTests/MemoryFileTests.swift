import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Writing down what stands in memory on a disk that has little room, or at the end.
struct MemoryFileTests {
    private let fixture: BufferFixture

    init() throws {
        fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 8 << 20)
    }

    private var usedBytes: UInt64 {
        get throws { try fixture.snapshot().values.reduce(0) { $0 + UInt64($1.count) } }
    }

    /// Opening the file of the third segment finds no space, `times` times.
    private func refuseThird(times: Int, errno: Int32 = 28) {
        let left = Mutex(times)
        fixture.files.fail { operation, path in
            guard operation == .make, path.hasSuffix("3.segment") else { return nil }
            return left.withLock { left in
                left -= 1
                return left >= 0 ? .init(errno: errno) : nil
            }
        }
    }

    private func expectAll(_ values: Range<Int>) throws {
        #expect(fixture.said.all("they are lost").isEmpty)
        fixture.files.fail(nil)
        fixture.files.hold(atMostBytes: UInt64.max)
        let buffer = try fixture.open()
        #expect(fixture.values(try buffer.openStream("a").drain()) == Array(values))
        try fixture.expectWhole(buffer, "a", delivered: values.count)
    }

    /// The disk takes new samples and has no room for those in memory: they wait there until it has.
    @Test func whatFindsNoRoomIsWrittenDownLater() throws {
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try fixture.append(0..<3, to: buffer)
            fixture.refuseSamples()
            try fixture.append(3..<9, to: buffer)
            let read = try (0..<5).compactMap { _ in try stream.next() }
            fixture.refuseToWriteDown()
            for _ in 0..<3 {
                buffer.keep()
                fixture.clock.advance(ms: 1_000)
            }
            #expect(!buffer.isDiskRefusing && fixture.usedBytes > 0)
            #expect(buffer.core.catalog.inMemory.count == 1)
            #expect(!fixture.said.all("cannot be written to the disk yet").isEmpty)
            try fixture.append(9..<12, to: buffer)
            fixture.files.fail(nil)
            fixture.clock.advance(ms: 60_000)
            buffer.keep()
            #expect(fixture.said.all("samples that stood in memory are on the disk now").count == 1)
            #expect(buffer.core.catalog.inMemory.isEmpty && fixture.usedBytes == 0)
            try stream.deliver(read)
            #expect(fixture.values(try stream.all()) == Array(5..<12))
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(fixture.values(try stream.drain()) == Array(5..<12))
        try fixture.expectWhole(buffer, "a", delivered: 12)
    }

    /// An end in order does not wait for the pause.
    @Test func theEndInOrderWritesDownWhatWaits() throws {
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            fixture.refuseSamples()
            try fixture.append(0..<6, to: buffer)
            fixture.refuseToWriteDown()
            buffer.keep()
            #expect(!buffer.isDiskRefusing && fixture.usedBytes > 0)
            fixture.files.fail(nil)
            try buffer.close()
        }
        #expect(fixture.said.all("they are lost").isEmpty)
        let buffer = try fixture.open()
        #expect(fixture.values(try buffer.openStream("a").drain()) == Array(0..<6))
        try fixture.expectWhole(buffer, "a", delivered: 6)
    }

    /// What others need of the room is left to them: the file is not written where it would take that, and
    /// the disk is asked again while it is written. At the end nobody needs it.
    @Test(arguments: [(1, true), (80, true), (80, false)], [false, true])
    func theLastRoomIsLeft(_ case: (count: Int, isTold: Bool), ends: Bool) throws {
        let count = `case`.count
        fixture.reserveBytes = 4_096
        let layout = Layout([TestFrames.chunk("m", count: 5_000)])
        var generator = SeededGenerator(seed: 1)
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            fixture.refuseSamples()
            for value in 0..<count {
                // Nothing makes them shorter: 80 are three megabytes.
                var values = (0..<5_000).map { _ in Double(bitPattern: generator.next() >> 2) }
                values[0] = Double(value)
                try buffer.append(
                    Frame(
                        target: fixture.target, layout: layout, timestampMs: fixture.clock.wallMs,
                        values: values))
            }
            fixture.files.fail(nil)
            // There is room for all of it, and two megabytes are to be left with each piece.
            fixture.files.hold(
                atMostBytes: try usedBytes + (count == 1 ? 1 << 20 : 7 << 19), isTold: `case`.isTold)
            buffer.keep()
            #expect(!buffer.isDiskRefusing && buffer.core.catalog.inMemory.count == 1)
            #expect(try fixture.unfinished.isEmpty && !buffer.core.reserve.isGivenUp)
            if ends {
                try buffer.close()
            } else {
                fixture.files.hold(atMostBytes: UInt64.max)
                fixture.clock.advance(ms: 60_000)
                buffer.keep()
                #expect(buffer.core.catalog.inMemory.isEmpty)
            }
        }
        #expect(fixture.said.all("they are lost").isEmpty)
        fixture.files.hold(atMostBytes: UInt64.max)
        let buffer = try fixture.open()
        #expect(fixture.values(try buffer.openStream("a").drain()) == Array(0..<count))
    }

    /// The next segment finds no room beside the file: the reserve is kept for cursors, and the next segment
    /// is begun without the file, which is written later.
    @Test func theReserveIsNotGivenForTheFile() throws {
        fixture.reserveBytes = 4_096
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            fixture.refuseSamples()
            try fixture.append(0..<6, to: buffer)
            refuseThird(times: 1)
            buffer.keep()
            #expect(buffer.isDiskRefusing && !buffer.core.reserve.isGivenUp && fixture.usedBytes > 0)
            #expect(try fixture.segmentPaths.count == 1)
            buffer.keep()
            #expect(!buffer.isDiskRefusing && fixture.usedBytes == 0)
        }
        try expectAll(0..<6)
    }

    /// While no segment can be begun the file is not written again and again.
    @Test func theFileIsWrittenOnceInVain() throws {
        let count = Mutex(0)
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            fixture.refuseSamples()
            try fixture.append(0..<6, to: buffer)
            fixture.files.fail { operation, path in
                guard operation == .make else { return nil }
                if path.hasSuffix(".segment.new") { count.withLock { $0 += 1 } }
                return path.hasSuffix("3.segment") ? .init(errno: 5) : nil
            }
            for _ in 0..<3 {
                buffer.keep()
                fixture.clock.advance(ms: 1_000)
            }
            #expect(buffer.isDiskRefusing && count.withLock { $0 } == 1)
            fixture.files.fail(nil)
            buffer.keep()
            #expect(!buffer.isDiskRefusing && fixture.usedBytes == 0)
        }
        try expectAll(0..<6)
    }

    /// At the end a file that has its name stays, whether another segment can be begun behind it or not.
    @Test(arguments: [1, 1_000], [0, 4_096]) func theEndKeepsAFileThatHasItsName(
        times: Int, reserveBytes: Int
    ) throws {
        fixture.reserveBytes = reserveBytes
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            try fixture.append(0..<3, to: buffer)
            fixture.refuseSamples()
            try fixture.append(3..<9, to: buffer)
            refuseThird(times: times)
            try buffer.close()
            let hasThird = times == 1 && reserveBytes > 0
            #expect(try fixture.segmentPaths.count == (hasThird ? 3 : 2) && fixture.usedBytes == 0)
        }
        try expectAll(0..<9)
    }

    /// An end while the keeper writes the file waits for it: two that write it would remove each other's.
    @Test func anEndBesideTheKeeperWaitsForTheFile() throws {
        let ended = ConditionQueue<Bool>()
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            fixture.refuseSamples()
            try fixture.append(0..<6, to: buffer)
            fixture.refuseToWriteDown()
            buffer.keep()
            fixture.clock.advance(ms: 60_000)
            let isFirst = Atomic(true)
            fixture.files.fail { operation, path in
                guard operation == .rename, path.hasSuffix(".segment.new"),
                    isFirst.exchange(false, ordering: .relaxed)
                else { return nil }
                SystemThread.startOrExit(name: "end") {
                    try? buffer.close()
                    _ = ended.push(true)
                }
                // Time to come in between.
                SystemThread.pause(ms: 200)
                return nil
            }
            buffer.keep(syncs: false)
            #expect(ended.pop() == true && fixture.usedBytes == 0)
        }
        try expectAll(0..<6)
    }

    /// A file that is of no use goes, at once or later: a start would take it for the segment.
    @Test func aFileOfNoUseIsRemovedLater() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.refuseSamples()
        try fixture.append(0..<6, to: buffer)
        fixture.files.fail { operation, path in
            operation == .make && path.hasSuffix("3.segment")
                || operation == .remove && path.hasSuffix("2.segment") ? .init(errno: 5) : nil
        }
        buffer.keep()
        let isStray = { try fixture.segmentPaths.contains { $0.hasSuffix("2.segment") } }
        #expect(try buffer.isDiskRefusing && isStray())
        #expect(fixture.values(try stream.drain()) == Array(0..<6))
        fixture.files.fail(nil)
        buffer.keep()
        #expect(try !buffer.isDiskRefusing && !isStray())
        try fixture.append(6..<7, to: buffer)
        #expect(fixture.values(try stream.drain()) == [6])
    }

    /// A slow disk keeps nobody's memory: what is answered for meanwhile goes, and then there is no file.
    @Test func whatIsAnsweredForMeanwhileGoes() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.refuseSamples()
        try fixture.append(0..<200, to: buffer)
        fixture.files.fail(nil)
        fixture.files.comeBetween(atWriteTo: ".segment.new") { _ = try? stream.drain() }
        buffer.keep()
        #expect(!buffer.isDiskRefusing && !fixture.files.forgetWhoComesBetween() && fixture.usedBytes == 0)
        #expect(try fixture.segmentPaths.allSatisfy { !$0.hasSuffix("2.segment") })
        try fixture.expectWhole(buffer, "a", delivered: 200)
    }

    /// A file that has no name yet and cannot be removed goes later, too, though nothing is written any more.
    @Test func anUnfinishedFileIsRemovedLater() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.refuseSamples()
        try fixture.append(0..<6, to: buffer)
        fixture.files.fail { operation, path in
            operation == .rename || operation == .remove && path.hasSuffix(".segment.new")
                ? .init(errno: 5) : nil
        }
        buffer.keep()
        #expect(try fixture.unfinished.count == 1)
        try stream.drain()
        fixture.files.fail(nil)
        buffer.keep()
        #expect(try fixture.unfinished.isEmpty && !buffer.isDiskRefusing)
    }

    /// Leaves 200 frames in memory, with a segment on the disk behind them.
    private func leaveInMemory(_ buffer: WriteAheadBuffer) throws {
        fixture.refuseSamples()
        try fixture.append(0..<200, to: buffer)
        fixture.refuseToWriteDown()
        buffer.keep()
        fixture.files.fail(nil)
        try #require(!buffer.isDiskRefusing && buffer.core.catalog.inMemory.count == 1)
        fixture.clock.advance(ms: 60_000)
    }

    /// Whether the disk has room for the file is asked without taking it: the appender needs it meanwhile.
    @Test func theRoomIsNotTakenToAskForIt() throws {
        let layout = Layout([TestFrames.chunk("m", count: 5_000)])
        var generator = SeededGenerator(seed: 1)
        // Nothing makes them shorter: eight are 320 kilobytes.
        let frames = (0..<17).map { _ in
            Frame(
                target: fixture.target, layout: layout, timestampMs: fixture.clock.wallMs,
                values: (0..<5_000).map { _ in Double(bitPattern: generator.next() >> 2) })
        }
        let buffer = try fixture.open()
        _ = try buffer.openStream("a")
        try leaveInMemory(buffer)
        try buffer.append(frames[16])
        let margin = try #require(buffer.state.withLock { $0.writer?.restatedBytes })
        fixture.files.hold(atMostBytes: try usedBytes + margin + 2 << 20 + 450_000)
        let met = Mutex<Set<String>>([])
        fixture.files.fail { operation, path in
            let isProbe = path.hasSuffix(BufferFileName.probe)
            guard operation == .write, isProbe || path.hasSuffix(".segment.new"),
                met.withLock({ $0.insert(path).inserted })
            else { return nil }
            for frame in frames[isProbe ? 0..<8 : 8..<16] { try? buffer.append(frame) }
            return nil
        }
        buffer.keep()
        #expect(!buffer.isDiskRefusing && buffer.core.catalog.inMemory.isEmpty)
        #expect(fixture.said.all("the disk takes no samples").count == 1)
    }

    /// The file takes the last descriptor, so the next segment finds none: the next round goes without a
    /// file.
    @Test func theFileDoesNotHoldUpTheNextSegment() throws {
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            fixture.refuseSamples()
            try fixture.append(0..<6, to: buffer)
            fixture.files.fail(nil)
            buffer.sync()
            let files = fixture.files
            let most = files.openCount
            files.fail { operation, path in
                operation == .make && path.hasSuffix("3.segment") && files.openCount > most
                    ? .init(errno: 24) : nil
            }
            buffer.keep()
            #expect(try buffer.isDiskRefusing && fixture.segmentPaths.count == 1)
            buffer.keep()
            #expect(!buffer.isDiskRefusing && fixture.usedBytes == 0)
        }
        try expectAll(0..<6)
    }

    /// While the file is written, what others write is made durable as often as ever.
    @Test func whatOthersWriteMeanwhileIsMadeDurable() throws {
        let buffer = try fixture.open()
        _ = try buffer.openStream("a")
        try leaveInMemory(buffer)
        let seen = Mutex<[String]>([])
        fixture.files.fail { operation, path in
            if operation == .sync && path.hasSuffix("3.segment") { seen.withLock { $0.append("sync") } }
            if operation == .rename && path.hasSuffix("2.segment.new") {
                seen.withLock { $0.append("rename") }
            }
            return nil
        }
        let (frame, clock, intervalMs) = (fixture.frame(200), fixture.clock, fixture.syncIntervalMs)
        fixture.files.comeBetween(atWriteTo: ".segment.new") {
            try? buffer.append(frame)
            seen.withLock { $0.append("append") }
            clock.advance(ms: intervalMs)
        }
        buffer.keep()
        #expect(buffer.core.catalog.inMemory.isEmpty)
        #expect(seen.withLock { $0.suffix(3) } == ["append", "sync", "rename"])
    }
}
