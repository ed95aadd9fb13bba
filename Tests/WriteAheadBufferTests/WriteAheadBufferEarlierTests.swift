import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// What the first sync of a run makes durable of what a run that was killed has left.
struct WriteAheadBufferEarlierTests {
    /// A buffer on a disk in memory.
    private final class Disk {
        let files = PowerLossFiles()
        let clock = ManualClock()
        let interner = LayoutInterner()
        let layout = Layout([TestFrames.chunk("m", count: 10)])
        let target = TestFrames.target()

        func open(retentionBytes: UInt64 = 1 << 30) throws -> WriteAheadBuffer {
            try WriteAheadBuffer(
                BufferConfiguration(
                    directory: "/buffer", segmentSizeBytes: 1_200, retentionBytes: retentionBytes,
                    reserveBytes: 0),
                interner: interner, clock: clock, files: files, registry: MetricRegistry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, salts: { 0x5A17_5A17 })
        }

        func append(_ count: Int, to buffer: WriteAheadBuffer) throws {
            for step in 0..<count {
                try buffer.append(
                    TestFrames.frame(target, layout, at: Int64(step), first: Double(step) * 100))
            }
        }
    }

    /// A run removes segments for their bytes, and is killed before the cursor that has booked them is
    /// durable. Nothing may make the removal durable before the cursor.
    @Test(arguments: [false, true])
    func whatAKilledRunHasRemovedIsBookedAsThat(withANewDestination: Bool) throws {
        var stop = 0
        while true {
            let disk = Disk()
            try {
                let buffer = try disk.open(retentionBytes: 1_200)
                let stream = try buffer.openStream("a")
                try disk.append(60, to: buffer)
                #expect(buffer.sync())
                let before = buffer.core.catalog.all.count
                let (hasRemoved, isKilled) = (Flag(), Flag())
                disk.files.fail { operation, _ in
                    if operation == .remove { hasRemoved.set() }
                    if operation == .sync, hasRemoved.isSet { isKilled.set() }
                    return isKilled.isSet
                }
                buffer.enforceRetention()
                #expect(buffer.core.catalog.all.count < before && isKilled.isSet)
                withExtendedLifetime(stream) {}
            }()
            let end = disk.files.operationCount + stop
            disk.files.fail { _, count in count >= end }
            if let buffer = try? disk.open(), (try? buffer.openDestination("a")) != nil {
                if withANewDestination { _ = try? buffer.openDestination("b") }
                buffer.sync()
            }
            let isOver = disk.files.operationCount < end
            // After the first sync the file system may also have made removals durable by itself.
            disk.files.losePower(keepingRemovals: isOver)
            let buffer = try disk.open()
            _ = try buffer.openDestination("a")
            let books = try #require(buffer.ledger().destinations["a"]?["node"])
            #expect(
                Set(books.dropped.keys).isSubset(of: [BufferDropReason.retentionSize]),
                "power lost at operation \(stop) behind the kill")
            #expect(books.scraped == 600, "power lost at operation \(stop) behind the kill")
            if isOver { break }
            stop += 1
        }
        #expect(stop > 4)
    }

    /// Frames that a killed run has not made durable are so after the first sync, also where the first
    /// attempts fail.
    @Test(arguments: [0, 1, 2, 5])
    func whatAKilledRunHasWrittenIsDurableAfterTheFirstSync(failing: Int) throws {
        let disk = Disk()
        try disk.append(40, to: try disk.open())
        try {
            let buffer = try disk.open()
            let left = Mutex(failing)
            disk.files.fail { operation, _ in
                guard operation == .sync else { return false }
                return left.withLock { left in
                    left -= 1
                    return left >= 0
                }
            }
            // One that fails is written anew, in the same round if it can be.
            let isDurable = buffer.sync()
            #expect(isDurable || failing > 0)
            for _ in 0..<4 {
                disk.clock.advance(ms: 120_000)
                buffer.sync()
            }
            #expect(buffer.sync())
            #expect(buffer.core.catalog.all.allSatisfy { !$0.isInDoubt })
        }()
        disk.files.losePower()
        let buffer = try disk.open()
        let found = try buffer.openStream("a").drain().map { $0.frame.values[0] }
        #expect(found == (0..<40).map { Double($0) * 100 })
    }

    /// What the index has was durable when it was noted there. The start itself syncs nothing.
    @Test func segmentsThatTheIndexHasAreNotSyncedAgain() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1_500
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            while try fixture.segmentPaths.count < 6 { try buffer.append(fixture.frame(1)) }
            buffer.keep()
            while try fixture.segmentPaths.count < 9 { try buffer.append(fixture.frame(1)) }
        }
        let synced = Mutex<[String]>([])
        fixture.files.fail { operation, path in
            if operation == .sync, path.hasSuffix(".segment") { synced.withLock { $0.append(path) } }
            return nil
        }
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        try buffer.append(fixture.frame(1))
        #expect(synced.withLock { $0 }.isEmpty)
        #expect(buffer.keep())
        let expected = (6...10 as ClosedRange<UInt64>).map {
            "\(fixture.folder.path)/\(BufferFileName.segment($0))"
        }
        #expect(synced.withLock { $0 }.sorted() == expected)
        #expect(buffer.keep())
        #expect(synced.withLock { $0 }.count == 5)
        let openBefore = fixture.files.openCount
        try buffer.close()
        #expect(openBefore <= 4 && fixture.files.openCount == 0)
    }

    /// One that cannot be opened is tried again; one that is gone is not.
    @Test func aSegmentThatCannotBeOpenedIsSyncedLater() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1_500
        do {
            let buffer = try fixture.open()
            while try fixture.segmentPaths.count < 3 { try buffer.append(fixture.frame(1)) }
        }
        let buffer = try fixture.open()
        let paths = try fixture.segmentPaths.sorted()
        fixture.files.fail { operation, path in
            operation == .open && path == paths[1] ? .init(errno: 24) : nil
        }
        #expect(!buffer.keep())
        #expect(buffer.syncing.withLock { $0.earlier } == [2])
        #expect(SegmentIndex.read(fixture.folder.path, files: POSIXFiles()).isEmpty)
        fixture.files.fail { operation, path in
            operation == .open && path == paths[1] ? .init(errno: 2) : nil
        }
        #expect(buffer.keep())
    }

    /// Set once.
    private final class Flag: Sendable {
        private let value = Mutex(false)
        var isSet: Bool { value.withLock { $0 } }
        func set() { value.withLock { $0 = true } }
    }
}
