import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Retention and durability.
struct WriteAheadBufferKeepingTests {
    private func books(_ buffer: WriteAheadBuffer) throws -> DestinationLedger {
        try #require(buffer.ledger().destinations["a"]?["node"])
    }

    /// Every frame has a segment of its own; `read` of ten frames are handed out, `answered` of them answered
    /// for.
    @Test(arguments: [(0, 0), (3, 0), (3, 2), (10, 0), (10, 10), (6, 3)])
    func retentionByBytesCountsExactly(read: Int, answered: Int) throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 2_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<10 { try buffer.append(fixture.frame(Double(value))) }
        var handed: [StoredFrame] = []
        for _ in 0..<read { handed.append(try #require(try stream.next())) }
        try stream.deliver(Array(handed[..<answered]))
        buffer.enforceRetention()
        #expect(buffer.sizeBytes <= 2_000)
        let kept = try fixture.segmentPaths.count
        let gone = max(0, 10 - kept - read)
        #expect(
            try books(buffer).dropped
                == (gone > 0 ? [BufferDropReason.retentionSize: UInt64(gone * 10)] : [:]))
        #expect(try books(buffer).buffered == UInt64((10 - answered - gone) * 10))
        // What was handed out is still the sender's to answer for.
        try stream.deliver(Array(handed[answered...]))
        try stream.drain()
        #expect(try books(buffer).delivered == UInt64((10 - gone) * 10))
        #expect(try books(buffer).buffered == 0)
        #expect(try books(buffer).scraped == 100)
    }

    private func all(_ reader: DestinationReader) throws -> [StoredFrame] {
        var frames: [StoredFrame] = []
        while let stored = try reader.next() { frames.append(stored) }
        return frames
    }

    private func deliver(_ frames: [StoredFrame], _ reader: DestinationReader) throws {
        var outcome = Outcomes()
        for stored in frames { outcome.deliver(stored.frame.sampleCount, of: "node") }
        try reader.answered([], ranges: frames.map { $0.lead..<$0.end }, outcome: outcome)
    }

    /// A disk that is full: what retention took is booked in memory, and what is there is handed out.
    @Test func aCursorThatCannotBeWrittenKeepsNobodyFromReading() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 1
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a")
        let reader = destination.reader
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        fixture.files.fail { operation, path in operation == .write && path.contains("cursor") ? .init() : nil
        }
        buffer.enforceRetention()
        let read = try all(reader)
        #expect(read.map(\.frame.values[0]) == [2])
        #expect(try books(buffer).dropped == [BufferDropReason.retentionSize: 20])
        try deliver(read, reader)
        #expect(fixture.registry.render().contains("\nnarthex_buffer_cursors_in_doubt 1\n"))
        #expect(!fixture.registry.render().contains("\nnarthex_buffer_cursor_failures_total 0\n"))
        fixture.files.fail(nil)
        // Whatever the sync interval is.
        buffer.keep(syncs: false)
        #expect(!destination.isInDoubt)
        let onDisk = try CursorLog.read(destination.logPath, files: fixture.files)
        #expect(onDisk.state == destination.cursor)
        #expect(try books(buffer).delivered == 10 && books(buffer).buffered == 0)
    }

    /// The same where nothing is there.
    @Test func whatIsLostAtTheTailIsBookedThoughTheCursorCannotBeWritten() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        try buffer.append(fixture.frame(1))
        try deliver(all(reader), reader)
        try buffer.append(fixture.frame(2))
        let segment = try #require(buffer.core.catalog.all.last)
        try reader.retire(segment, reason: BufferDropReason.retentionSize)
        fixture.files.fail { operation, path in operation == .write && path.contains("cursor") ? .init() : nil
        }
        #expect(try reader.next() == nil)
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.dropped == [BufferDropReason.retentionSize: 10] && books.buffered == 0)
    }

    @Test func whatIsRewoundAfterRetentionIsBooked() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 2_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<10 { try buffer.append(fixture.frame(Double(value))) }
        let first = try #require(try stream.next())
        var half = first.start
        half.sample = 4
        try stream.answered(upTo: half, outcome: ["node": JobOutcome(delivered: 4)])
        buffer.enforceRetention()
        stream.rewind()
        let rest = try stream.drain().count
        #expect(try books(buffer).delivered == UInt64(4 + rest * 10))
        #expect(try books(buffer).dropped == [BufferDropReason.retentionSize: UInt64(96 - rest * 10)])
        #expect(try books(buffer).buffered == 0)
    }

    @Test func retentionByAgeTakesWhatIsTooOld() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionAgeMs = 10_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<5 {
            try buffer.append(fixture.frame(Double(value)))
            fixture.clock.advance(ms: 4_000)
        }
        buffer.enforceRetention()
        // Frames at 0, 4, 8, 12 and 16 s; it is 20 s, and the first two are older than 10 s, the third is
        // not: 12 s.
        #expect(try books(buffer).dropped == [BufferDropReason.retentionAge: 30])
        try stream.drain()
        #expect(try books(buffer).delivered == 20)
        #expect(try books(buffer).buffered == 0)
    }

    @Test func framesAgeWhileTheMachineSleeps() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        for value in 0..<2 { try buffer.append(fixture.frame(Double(value))) }
        fixture.clock.suspend(ms: fixture.retentionAgeMs)
        buffer.enforceRetention()
        #expect(try books(buffer).dropped == [:])
        fixture.clock.suspend(ms: 1)
        // Ends the segment before, which then may go as well.
        try buffer.append(fixture.frame(2))
        buffer.enforceRetention()
        #expect(try books(buffer).dropped == [BufferDropReason.retentionAge: 20])
    }

    /// The frames' ages are what has passed since they were written, whatever the wall clock is set to.
    @Test(arguments: [7 * 86_400_000, -7 * 86_400_000] as [Int64])
    func aJumpOfTheClockTakesNothing(byMs jumpMs: Int64) throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<5 { try buffer.append(fixture.frame(Double(value))) }
        fixture.clock.setWall(ms: fixture.clock.wallMs + jumpMs)
        buffer.enforceRetention()
        try buffer.append(fixture.frame(5))
        buffer.enforceRetention()
        #expect(try books(buffer).dropped == [:])
        #expect(try stream.drain().count == 6)
    }

    /// A clock that ran ahead has written them; they go in their time all the same.
    @Test func framesOfTheFutureAgeWithTheTimeThatPasses() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.clock.setWall(ms: fixture.clock.wallMs + 86_400_000)
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            for value in 0..<5 { try buffer.append(fixture.frame(Double(value))) }
        }
        fixture.clock.setWall(ms: fixture.clock.wallMs - 86_400_000)
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        fixture.clock.advance(ms: fixture.retentionAgeMs)
        buffer.enforceRetention()
        #expect(try books(buffer).dropped == [:])
        fixture.clock.advance(ms: 1)
        buffer.enforceRetention()
        #expect(try books(buffer).dropped == [BufferDropReason.retentionAge: 50])
    }

    @Test func aCrashAfterRetentionBooksNothingTwice() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 2_000
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            for value in 0..<10 { try buffer.append(fixture.frame(Double(value))) }
            _ = try stream.next()
            buffer.enforceRetention()
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let rest = try stream.drain().count
        #expect(try books(buffer).delivered == UInt64(rest * 10))
        #expect(try books(buffer).dropped.values.reduce(0, +) == UInt64(100 - rest * 10))
        #expect(try books(buffer).buffered == 0)
    }

    @Test func aFailedSyncIsToldAndTriedAgain() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try buffer.append(fixture.frame(1))
        try stream.deliver(try stream.all())
        fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        #expect(!buffer.sync())
        #expect(buffer.core.metrics.syncFailureCount > 0)
        // At once it would only fail again.
        fixture.files.fail(nil)
        #expect(!buffer.sync())
        fixture.clock.advance(ms: 1_000)
        #expect(buffer.sync())
        #expect(buffer.sync())
        // The segment that was in doubt and the one after it.
        try buffer.append(fixture.frame(2))
        #expect(try stream.drain().map { $0.frame.values[0] } == [2])
    }

    @Test func aSegmentThatCannotBeRemovedStaysInTheCatalogAndGoesLater() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 2_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<10 { try buffer.append(fixture.frame(Double(value))) }
        let before = buffer.core.catalog.all
        fixture.files.fail { operation, _ in operation == .remove ? .init(errno: 5) : nil }
        buffer.enforceRetention()
        #expect(buffer.core.catalog.all == before)
        #expect(try books(buffer).dropped == [:])
        fixture.files.fail(nil)
        buffer.enforceRetention()
        #expect(buffer.sizeBytes <= 2_000)
        #expect(try fixture.segmentPaths.count == buffer.core.catalog.all.count)
        let rest = try stream.drain().count
        #expect(try books(buffer).dropped == [BufferDropReason.retentionSize: UInt64(100 - rest * 10)])
        #expect(try books(buffer).buffered == 0)
        // Those that every destination has answered for, too.
        fixture.files.fail { operation, _ in operation == .remove ? .init(errno: 5) : nil }
        try buffer.append(fixture.frame(1))
        try buffer.append(fixture.frame(2))
        try stream.drain()
        #expect(buffer.core.catalog.all.count > 1)
        fixture.files.fail(nil)
        buffer.keep()
        #expect(buffer.core.catalog.all.count == 1)
        #expect(try fixture.segmentPaths.count == 1)
    }

    @Test func theBufferIsMadeDurableEverySyncIntervalAndSoonerAfterAFailure() async throws {
        let fixture = try BufferFixture()
        fixture.syncIntervalMs = 10_000
        let buffer = try fixture.open()
        let syncs = Mutex(0)
        let fails = Mutex(false)
        fixture.files.fail { operation, path in
            // The file of one that is written anew, too.
            guard operation == .sync, path.contains(".segment") else { return nil }
            syncs.withLock { $0 += 1 }
            return fails.withLock { $0 } ? .init(errno: 5) : nil
        }
        let running = Task { await buffer.run() }
        /// Lets rounds of a second go by, with something to be made durable in each.
        func pass(seconds: Int) async throws {
            for _ in 0..<seconds {
                while fixture.clock.sleeperCount == 0 { await Task.yield() }
                try buffer.append(fixture.frame(1))
                fixture.clock.advance(ms: 1_000)
            }
            while fixture.clock.sleeperCount == 0 { await Task.yield() }
        }
        // The first round, in which the start is made durable.
        try await pass(seconds: 1)
        #expect(syncs.withLock { $0 } == 1)
        try await pass(seconds: 9)
        #expect(syncs.withLock { $0 } == 1)
        try await pass(seconds: 1)
        #expect(syncs.withLock { $0 } == 2)
        fails.withLock { $0 = true }
        try await pass(seconds: 10)
        #expect(buffer.core.catalog.all.contains { $0.isInDoubt })
        fails.withLock { $0 = false }
        try await pass(seconds: 3)
        #expect(!buffer.core.catalog.all.contains { $0.isInDoubt }, "it was written anew in a later round")
        running.cancel()
        await running.value
    }

    /// Its own task, too: a round wakes no other thread.
    @Test func theKeepersRoundsRunOnItsThread() async throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let running = Task { await buffer.run() }
        while fixture.clock.sleeperCount == 0 { await Task.yield() }
        let before = buffer.keeper.jobCount
        for _ in 0..<10 {
            fixture.clock.advance(ms: 1_000)
            while fixture.clock.sleeperCount == 0 { await Task.yield() }
        }
        #expect(before > 0 && buffer.keeper.jobCount >= before + 10)
        running.cancel()
        await running.value
    }

    @Test func theKeeperStopsWhenCancelled() async throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let running = Task { await buffer.run() }
        while fixture.clock.sleeperCount == 0 { await Task.yield() }
        fixture.clock.advance(ms: 1_000)
        running.cancel()
        await running.value
    }
}
