import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// What a failing disk and a power loss cost: nothing that was there when the buffer was last made durable.
struct WriteAheadBufferSyncingTests {
    /// A buffer on a disk in memory, and what a sender has seen of it.
    private final class Run {
        let files: PowerLossFiles
        let clock = ManualClock()
        let interner = LayoutInterner()
        let layout = Layout([TestFrames.chunk("m", count: 10)])
        let target = TestFrames.target()
        /// First values of the frames whose append returned.
        var appended: [Double] = []
        var delivered: [Double] = []
        /// The same whenever everything was durable, and the operations of the disk by then.
        var kept: [(appended: [Double], delivered: [Double], operations: Int)] = []
        /// The operation at which the power goes.
        var endsAt = Int.max
        var retentionBytes: UInt64 = 1 << 30

        init(_ files: PowerLossFiles) { self.files = files }

        func open() throws -> WriteAheadBuffer {
            try WriteAheadBuffer(
                BufferConfiguration(
                    directory: "/buffer", segmentSizeBytes: 1_200, retentionBytes: retentionBytes,
                    reserveBytes: 0),
                interner: interner, clock: clock, files: files, registry: MetricRegistry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                memory: MemoryAccount(framesBytes: 0), salts: { 0x5A17_5A17 })
        }

        /// Appends, sends and makes durable in turns; segments are begun and removed on the way. Values begin
        /// with `first`. Unless it ends durably, the last steps are as a kill leaves them.
        func work(from first: Double = 0, endsDurably: Bool = true) throws {
            // A start that fails is tried again, as an orchestrator does.
            guard let buffer = try? open(), let stream = try? buffer.openStream("a")
            else { return }
            for step in 0..<24 where files.operationCount < endsAt {
                let value = first + Double(step * 100)
                let frame = TestFrames.frame(target, layout, at: Int64(step), first: value)
                if (try? buffer.append(frame)) != nil { appended.append(value) }
                if step % 2 == 1, let stored = try stream.next() {
                    // As a sender does: what cannot be noted is sent all the same, and booked later.
                    try? stream.willSend(upTo: stored.end)
                    let outcome: Outcomes = ["node": JobOutcome(delivered: 10)]
                    if (try? stream.answered(upTo: stored.end, outcome: outcome)) == nil {
                        try? stream.answered(upTo: stored.end, outcome: outcome)
                    }
                    delivered.append(stored.frame.values[0])
                }
                clock.advance(ms: 1_000)
                if step % 5 == 4 { keep(buffer) }
            }
            guard endsDurably else { return }
            // Whatever failed is tried again by now.
            for _ in 0..<2 {
                clock.advance(ms: 120_000)
                keep(buffer)
            }
        }

        private func keep(_ buffer: WriteAheadBuffer) {
            buffer.keep()
            if buffer.sync() { kept.append((appended, delivered, files.operationCount)) }
        }

        /// What a start after the power came back finds; the books close.
        func remaining(_ place: String) throws -> [Double] {
            files.losePower()
            let buffer = try open()
            let stream = try buffer.openStream("a")
            let found = try stream.drain().map { $0.frame.values[0] }
            for (job, books) in buffer.ledger().destinations["a"] ?? [:] {
                #expect(books.buffered == 0, "\(job) \(place)")
                let known = books.dropped.values.reduce(books.delivered, +)
                #expect(books.scraped == known, "\(job) \(place)")
            }
            return found
        }
    }

    @Test func aDiskThatFailsOnceCostsNothingOnceTheBufferIsDurableAgain() throws {
        var failed = 0
        while true {
            let files = PowerLossFiles()
            let run = Run(files)
            let target = failed
            files.fail { _, count in count == target }
            try run.work()
            guard files.operationCount > failed else { break }
            let left = Set(run.appended).subtracting(run.delivered)
            let found = try run.remaining("operation \(failed)")
            #expect(found == left.sorted(), "operation \(failed) failed")
            failed += 1
        }
        #expect(failed > 60, "so many operations were failed, one at a time")
    }

    @Test(arguments: [20..<60, 30..<110, 50..<90])
    func syncsThatFailForAWhileCostNothingOnceTheyAreGoodAgain(operations: Range<Int>) throws {
        let files = PowerLossFiles()
        let run = Run(files)
        files.fail { operation, count in operation == .sync && operations.contains(count) }
        try run.work()
        let left = Set(run.appended).subtracting(run.delivered)
        #expect(try run.remaining("syncs failed") == left.sorted())
    }

    /// On a good disk, and while syncs fail and segments are written anew.
    @Test(arguments: [0..<0, 30..<50, 40..<100])
    func aPowerLossAnywhereCostsWhatCameAfterTheLastSyncAtMost(failing: Range<Int>) throws {
        var stop = 0
        while true {
            let files = PowerLossFiles()
            let run = Run(files)
            let end = stop
            run.endsAt = end
            files.fail { operation, count in
                count >= end || (operation == .sync && failing.contains(count))
            }
            try run.work()
            guard files.operationCount >= stop else { break }
            let durable = run.kept.last { $0.operations <= end } ?? ([], [], 0)
            let found = try run.remaining("at operation \(stop)")
            let owed = Set(durable.appended).subtracting(run.delivered)
            #expect(owed.isSubset(of: found), "power lost at operation \(stop)")
            #expect(Set(found).isDisjoint(with: durable.delivered), "power lost at operation \(stop)")
            #expect(found == found.sorted(), "power lost at operation \(stop)")
            stop += 1
        }
        #expect(stop > 60)
    }

    /// A start goes on with the cursor that a killed run has left, and makes it anew with its first sync. So
    /// it is, too, where the killed run's syncs have failed.
    @Test(arguments: [0..<0, 40..<1_000])
    func aPowerLossAfterAKillCostsWhatCameAfterTheLastSyncAtMost(failing: Range<Int>) throws {
        var stop = 0
        while true {
            let files = PowerLossFiles()
            let run = Run(files)
            files.fail { operation, count in operation == .sync && failing.contains(count) }
            try run.work(endsDurably: false)
            // The next run makes durable what the killed run had not, but where syncs have failed: that one
            // knows nothing of pages that the kernel has given up.
            let unsynced = Set(run.appended).subtracting(run.kept.last?.appended ?? [])
            let atRisk = failing.isEmpty ? [] : unsynced
            let end = files.operationCount + stop
            run.endsAt = end
            files.fail { _, count in count >= end }
            try run.work(from: 1_000_000)
            guard files.operationCount >= end else { break }
            let durable = run.kept.last { $0.operations <= end } ?? ([], [], 0)
            let found = try run.remaining("at operation \(stop) behind the kill")
            let owed = Set(durable.appended).subtracting(run.delivered).subtracting(atRisk)
            #expect(owed.isSubset(of: found), "power lost at operation \(stop)")
            #expect(Set(found).isDisjoint(with: durable.delivered), "power lost at operation \(stop)")
            #expect(found == found.sorted(), "power lost at operation \(stop)")
            stop += 1
        }
        #expect(stop > 60)
    }

    @Test func whatIsLeftOfARenewalGoesWithTheNextStart() throws {
        let run = Run(PowerLossFiles())
        let path = "/buffer/\(BufferFileName.unfinished(BufferFileName.segment(7)))"
        _ = try run.files.open(path, .create)
        _ = try run.open()
        #expect(!run.files.names.contains(path))
    }

    /// A segment goes once it is answered for; its removal must not be durable before the answer is.
    @Test func aRemovalThatIsDurableBeforeAPowerLossBooksNoDamage() throws {
        let run = Run(PowerLossFiles())
        let buffer = try run.open()
        let stream = try buffer.openStream("a")
        for step in 0..<60 {
            try buffer.append(
                TestFrames.frame(run.target, run.layout, at: Int64(step), first: Double(step) * 0.37))
        }
        #expect(buffer.sync())
        let before = buffer.core.catalog.all.count
        try stream.drain()
        buffer.removeAnswered()
        #expect(buffer.core.catalog.all.count < before)
        // The power goes right after the directory was made durable.
        let hasSyncedNames = Flag()
        run.files.fail { operation, _ in
            if hasSyncedNames.isSet { return true }
            if operation == .syncDirectory { hasSyncedNames.set() }
            return false
        }
        buffer.sync()
        run.files.losePower()
        let books = try #require(
            try {
                let buffer = try run.open()
                _ = try buffer.openDestination("a")
                return buffer.ledger().destinations["a"]?["node"]
            }())
        #expect(books.dropped.isEmpty && books.delivered == 600)
    }

    /// With a long sync interval the keeper comes by many times between two syncs.
    @Test(arguments: [false, true])
    func aRemovalThatTheFileSystemMadeDurableByItselfBooksNoDamage(isRetained: Bool) throws {
        let run = Run(PowerLossFiles())
        run.retentionBytes = isRetained ? 1_200 : 1 << 30
        let buffer = try run.open()
        let streams = try (0..<2).map { number in
            try buffer.openStream("\(number)")
        }
        for step in 0..<60 {
            try buffer.append(
                TestFrames.frame(run.target, run.layout, at: Int64(step), first: Double(step) * 0.37))
        }
        #expect(buffer.sync())
        let before = buffer.core.catalog.all.count
        try streams[0].drain()
        // Where segments go for their bytes, one destination has answered for nothing.
        if !isRetained { try streams[1].drain() }
        buffer.keep(syncs: false)
        #expect(buffer.core.catalog.all.count < before)
        run.files.losePower(keepingRemovals: true)
        let again = try run.open()
        let stream = try again.openStream("0")
        try stream.drain()
        let books = try #require(again.ledger().destinations["0"]?["node"])
        #expect(books.dropped.isEmpty && books.delivered == 600)
        guard isRetained else { return }
        try again.openStream("1").drain()
        let lagging = try #require(again.ledger().destinations["1"]?["node"])
        #expect(Set(lagging.dropped.keys) == [BufferDropReason.retentionSize])
        #expect(lagging.delivered + lagging.dropped.values.reduce(0, +) == 600)
    }

    /// The segment that is written to has the books of all that came in. The others go once it is durable.
    @Test(arguments: [false, true])
    func theBooksOutliveAPowerLossRightAfterARemoval(isRetained: Bool) throws {
        let run = Run(PowerLossFiles())
        run.retentionBytes = isRetained ? 1_200 : 1 << 30
        let buffer = try run.open()
        let stream = try buffer.openStream("a")
        for step in 0..<60 {
            try buffer.append(
                TestFrames.frame(run.target, run.layout, at: Int64(step), first: Double(step) * 0.37))
        }
        if !isRetained { try stream.drain() }
        let before = buffer.core.catalog.all.count
        buffer.keep(syncs: false)
        #expect(buffer.core.catalog.all.count < before)
        run.files.losePower(keepingRemovals: true)
        #expect(try run.open().ledger().jobs["node"] == 600)
    }

    /// The last chance to write a segment in doubt anew does not wait for the pause between attempts.
    @Test func closeWritesASegmentInDoubtAnewThoughThePauseIsNotOver() throws {
        let run = Run(PowerLossFiles())
        let buffer = try run.open()
        try buffer.append(TestFrames.frame(run.target, run.layout, at: 1, first: 1))
        run.files.fail { operation, _ in operation == .sync }
        for _ in 0..<3 { buffer.sync() }
        run.files.fail(nil)
        try buffer.close()
        #expect(try run.remaining("after close") == [1])
    }

    /// No keeper comes by: it hangs in a sync.
    @Test(arguments: [false, true]) func copiesOfAllEndedSegmentsAreBoundedAtRotation(isFailing: Bool) throws
    {
        let fixture = try BufferFixture()
        fixture.segmentMaxAgeMs = 1
        let buffer = try fixture.open()
        if isFailing {
            fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        }
        // Each segment states the chunk: 400 KB of names.
        let layout = Layout([TestFrames.incompressibleChunk(count: 2, nameBytes: 200_000, seed: 3)])
        for step in 0..<24 {
            fixture.clock.advance(ms: 1)
            try buffer.append(TestFrames.frame(fixture.target, layout, at: Int64(step)))
            let held = buffer.state.withLock { $0.ended.reduce(0) { $0 + $1.heldBytes } }
            try #require(held <= UnsyncedTail.limitBytes, "\(held) bytes after \(step) segments")
        }
        #expect(buffer.sizeBytes > UInt64(UnsyncedTail.limitBytes))
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 60_000)
        #expect(buffer.sync())
        #expect(buffer.core.catalog.all.allSatisfy { !$0.isInDoubt })
    }

    /// Set once.
    private final class Flag: Sendable {
        private let value = Mutex(false)
        var isSet: Bool { value.withLock { $0 } }
        func set() { value.withLock { $0 = true } }
    }
}
