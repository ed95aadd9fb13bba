internal import MetricModel
internal import Platform
import Synchronization

/// One destination's durable cursor, and who reads for it: one reader, or lanes. Thread-safe.
public final class BufferDestination: Sendable {
    public let name: String
    /// As stored while there is a backlog, whatever was asked for; 0 with one reader.
    public var laneCount: Int { lanes.count }
    /// Hands frames out and takes answers in any order; nil where lanes do.
    public let reader: DestinationReader?

    private let core: BufferCore
    /// Held while the disk works.
    private let log: Mutex<CursorLog>
    /// What the log says. Changed under the log's lock, and read without it.
    private let state: Mutex<CursorState>
    private let lanes: [BufferLane]

    init(core: BufferCore, cursor: CursorState, log: CursorLog, hasLanes: Bool) {
        self.core = core
        name = cursor.name
        self.log = Mutex(log)
        state = Mutex(cursor)
        reader = hasLanes ? nil : DestinationReader(cursor, core: core)
        let places = hasLanes ? cursor.lanes : []
        lanes = places.enumerated().map { index, lane in
            BufferLane(index: index, laneCount: places.count, start: lane, core: core)
        }
        for lane in lanes { lane.attach(self) }
        reader?.attach(self)
    }

    /// The newest timestamp appended for any destination; 0 before the first.
    public var highestTimestampMs: Int64 { core.buffer?.appendedHighestTimestampMs ?? 0 }

    /// Samples that have come for this destination, and those of them that it has not answered for, without
    /// waiting for the disk; none once the buffer is closed.
    public var sampleCounts: (taken: UInt64, open: UInt64) {
        // The cursor before the totals: what is answered for was appended before.
        let cursor = cursor
        let books = Self.ledger(cursor, core.buffer?.appendedTotals ?? [:])
        return books.values.reduce(into: (taken: 0, open: 0)) {
            $0.taken = SampleCount.sum($0.taken, $1.scraped)
            $0.open = SampleCount.sum($0.open, $1.buffered)
        }
    }

    /// Lane `index`, below `laneCount`. Used by one task at a time.
    public func lane(_ index: Int) -> BufferLane { lanes[index] }

    /// Every lane begins again at its answered position, for another sender. The one before has ended. With
    /// `forAnotherReceiver` the request that was in flight is forgotten: the new receiver never got it, so an
    /// answer that tells of duplicates must not be taken as a sign that it did. Reads and writes files.
    public func rewind(forAnotherReceiver: Bool = false) {
        for lane in lanes { lane.rewind() }
        reader?.rewind()
        if forAnotherReceiver { forgetInFlight() }
    }

    private func forgetInFlight() {
        log.withLock { log in
            let change = CursorChange.sent([:], replacing: cursor.sent.keys.sorted())
            let isKnown = state.withLock { $0.apply(change) }
            precondition(isKnown, "no lane is named")
            do throws(FileError) {
                try core.evenIfFull { () throws(FileError) in try log.append(change) }
            } catch {
                // The whole cursor is in memory, and the next sync writes it anew.
                log.isInDoubt = true
            }
        }
    }

    /// As `rewind`, and books what retention took, so that the cursor knows all that the lanes do.
    func takeBack() throws(BufferError) {
        for lane in lanes {
            lane.rewind()
            try lane.settle(gone: 0)
        }
        reader?.rewind()
        try reader?.settle(gone: 0)
    }

    /// The timestamp of the oldest frame handed out and not answered for.
    var oldestOpenMs: Int64? { (lanes.map(\.oldestOpenMs) + [reader?.oldestOpenMs]).compactMap { $0 }.min() }

    /// Where the mark is and what is answered for beyond it: less to copy than the cursor.
    var standing: (mark: BufferPosition, places: AnsweredPlaces) {
        state.withLock { ($0.mark, AnsweredPlaces($0)) }
    }

    /// The cursor now, without waiting for the disk.
    var cursor: CursorState { state.withLock { $0 } }

    /// Writes a change down, then takes it for true.
    func record(_ change: CursorChange) throws(BufferError) {
        try log.withLock { log throws(BufferError) in
            do throws(FileError) {
                try core.evenIfFull { () throws(FileError) in try log.append(change) }
            } catch {
                throw .io("the cursor of \(name) cannot be written", error)
            }
            let isKnown = state.withLock { $0.apply(change) }
            precondition(isKnown, "lanes are numbered as the cursor was opened")
        }
    }

    /// Lets each lane count what of a segment will be gone, and go on behind it.
    func retire(_ segment: SegmentInfo, reason: String) throws(BufferError) {
        for lane in lanes { try lane.retire(segment, reason: reason) }
        try reader?.retire(segment, reason: reason)
    }

    /// Books what `retire` counted, once the segment is gone.
    func settle(gone segment: UInt64) throws(BufferError) {
        for lane in lanes { try lane.settle(gone: segment) }
        try reader?.settle(gone: segment)
    }

    /// Wakes whoever reads the frames of a target.
    func raise(target id: UInt64) {
        reader?.appended.signal()
        if !lanes.isEmpty { lanes[Int(id % UInt64(lanes.count))].appended.signal() }
    }

    /// Wakes whoever reads: a segment was ended.
    func raiseAll() {
        for lane in lanes { lane.appended.signal() }
        reader?.appended.signal()
    }

    /// Makes the log durable, and makes it anew when it has grown long or a sync failed: the whole cursor is
    /// in memory. Called by one thread at a time; the disk is waited for outside the lock.
    func sync() throws(FileError) {
        if let file = log.withLock({ $0.takeForSync() }) {
            do throws(FileError) {
                try core.files.sync(file)
            } catch {
                core.metrics.syncFailed(error)
                log.withLock { $0.isInDoubt = true }
            }
        }
        let isAnew = log.withLock { $0.isInDoubt || $0.length > CursorLog.compactAboveBytes }
        guard isAnew else { return }
        let fresh = try core.evenIfFull { () throws(FileError) in
            try CursorLog.Fresh(
                cursor, directory: core.directory, salt: core.newSalt(), nowMs: core.clock.wallMs,
                files: core.files)
        }
        try log.withLock { log throws(FileError) in try log.take(fresh, cursor) }
        core.names.changed()
    }

    func close() throws(FileError) { try log.withLock { log throws(FileError) in try log.close() } }

    // Whoever wants to know about a failing close has called `close`.
    deinit { log.withLock { try? $0.close() } }

    var logPath: String { log.withLock { $0.path } }

    /// A destination's books, given the totals of the buffer, which are not older than `cursor`.
    static func ledger(_ cursor: CursorState, _ totals: [String: JobTotal]) -> [String: DestinationLedger] {
        var result: [String: DestinationLedger] = [:]
        for job in Set(totals.keys).union(cursor.jobs.keys) {
            let total = totals[job] ?? JobTotal()
            let own = cursor.jobs[job] ?? CursorState.Job()
            var entry = DestinationLedger()
            entry.outcome = own.outcome
            entry.earlier = Int64(clamping: Int128(own.baseAppended) + Int128(own.baseFailed))
            let failed = SampleCount.rest(total.failed, own.baseFailed)
            if failed > 0 { entry.outcome.drop(UInt64(failed), BufferDropReason.appendFailed) }
            entry.buffered = UInt64(
                max(0, SampleCount.rest(total.appended, own.baseAppended, own.outcome.total)))
            entry.scraped = SampleCount.sum(entry.outcome.total, entry.buffered)
            result[job] = entry
        }
        return result
    }
}
