internal import Logging
internal import MetricModel
internal import Platform
import Synchronization
internal import Telemetry

/// One destination's durable cursor, and its reader. Thread-safe.
public final class BufferDestination: Sendable {
    public let name: String
    /// Hands frames out and takes answers in any order.
    public let reader: DestinationReader

    private let core: BufferCore
    /// Held while the disk works.
    private let log: Mutex<CursorLog>
    /// The cursor. Changed under the log's lock, and read without it. The log says the same, unless it is in
    /// doubt.
    private let state: Mutex<CursorState>
    /// What the log says of itself, for whoever does not wait for the disk.
    private let isLogInDoubt = Atomic(false)

    init(core: BufferCore, cursor: CursorState, log: CursorLog) {
        self.core = core
        name = cursor.name
        self.log = Mutex(log)
        state = Mutex(cursor)
        reader = DestinationReader(cursor, core: core)
        reader.attach(self)
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

    /// Reading begins again at what is not answered for, for another sender. The one before has ended. Reads
    /// files.
    public func rewind() { reader.rewind() }

    /// A sender is about to begin, to the receiver with this digest of its URL. Where the cursor says that
    /// the requests in flight left for another receiver, they are forgotten: this one never got them, so an
    /// answer that tells of duplicates must not be taken as a sign that it did, and their samples are sent as
    /// any others. Where the cursor says nothing, as before any sender or after an older version, they are
    /// kept. Called before the sender looks at the reader. Writes a file.
    public func begin(for receiver: UInt64) {
        let known = cursor.receiver
        guard known?.receiver != receiver else { return }
        // In this order: after a crash in between, the next start finds the former receiver and nothing in
        // flight.
        log.withLock { log in
            if known != nil { record(.sent([:], replacing: cursor.sent.keys.sorted()), in: &log) }
            let note = ReceiverNote(receiver: receiver, protocolVersion: 0, foundMs: core.clock.wallMs)
            record(.receiver(note), in: &log)
        }
    }

    /// Notes, durably, that the destination `name` is about to go on with this cursor. A start after a kill
    /// in between finds the cursors of both, and tells by it that they are one. A disk that does not take the
    /// note keeps nobody from going on: only what that start says would be wrong.
    func willGoOn(as name: String) {
        record(.renamed(to: name))
        syncLog()
    }

    /// Nobody has gone on with this cursor: the next sync makes the log anew, without the note.
    func goesOn() {
        log.withLock { log in
            state.withLock { $0.forgetSuccessor() }
            log.isInDoubt = true
            isLogInDoubt.store(true, ordering: .relaxed)
        }
    }

    /// Whether the log lacks something of the cursor, or a sync of it has failed: the keeper's next round
    /// writes it anew.
    var isInDoubt: Bool { isLogInDoubt.load(ordering: .relaxed) }

    /// As `rewind`, and books what retention took, so that the cursor knows all that the reader does.
    func takeBack() {
        reader.rewind()
        reader.settle(gone: 0)
    }

    /// The timestamp of the oldest frame handed out and not answered for.
    var oldestOpenMs: Int64? { reader.oldestOpenMs }

    /// Where the mark is and what is answered for beyond it: less to copy than the cursor.
    var standing: (mark: BufferPosition, places: AnsweredPlaces) {
        state.withLock { ($0.mark, AnsweredPlaces($0)) }
    }

    /// The cursor now, without waiting for the disk.
    var cursor: CursorState { state.withLock { $0 } }

    /// Notes requests in the place of others. Where they are more than a cursor remembers, those are
    /// forgotten and these are not noted: they are sent all the same.
    func note(_ requests: [UInt64: SentRequest], replacing replaced: [UInt64]) {
        let hasRoom = log.withLock { log in
            // Nobody changes the state in between: that takes the log's lock, which is held here.
            let hasRoom = state.withLock { $0.hasRoom(for: requests, replacing: replaced) }
            record(.sent(hasRoom ? requests : [:], replacing: replaced), in: &log)
            return hasRoom
        }
        guard !hasRoom else { return }
        core.metrics.faults.error(
            "more requests are in flight than a cursor remembers: after a crash the samples of the newest go "
                + "in other requests, and may arrive twice", ["remote_name": "\(name)"])
    }

    /// Changes the cursor, and writes the change down. One that the disk does not take counts all the same:
    /// the keeper writes the whole cursor anew within a second, and until then a crash brings back the cursor
    /// before the change. No segment goes before that, so more is sent again and nothing is lost. What waits
    /// in memory may go at once, as a crash would take it anyway.
    func record(_ change: CursorChange) { log.withLock { record(change, in: &$0) } }

    private func record(_ change: CursorChange, in log: inout CursorLog) {
        let isKnown = state.withLock { $0.apply(change) }
        precondition(isKnown, "requests of lanes are those of the file that was opened, and none is too many")
        guard !log.lacksChanges else { return }
        do throws(FileError) {
            try core.evenIfFull { () throws(FileError) in try log.append(change) }
        } catch {
            // The keeper says it, where it does not help itself within a second.
            log.lackChange()
            isLogInDoubt.store(true, ordering: .relaxed)
            core.metrics.cursorFailures.add()
        }
    }

    /// Lets the reader count what of a segment will be gone, and go on behind it.
    func retire(_ segment: SegmentInfo, reason: String) throws(BufferError) {
        try reader.retire(segment, reason: reason)
    }

    /// Books what `retire` counted, once the segment is gone.
    func settle(gone segment: UInt64) { reader.settle(gone: segment) }

    /// Wakes whoever reads: something was appended, or a segment ended.
    func raise(samples: UInt64 = 0) { reader.raise(samples: samples) }

    /// Makes the log durable, and makes it anew when it has grown long, a sync failed or an earlier run has
    /// written it: the whole cursor is in memory. Called by one thread at a time; the disk is waited for
    /// outside the lock.
    func sync() throws(FileError) {
        syncLog()
        guard log.withLock({ $0.isDueAnew }) else { return }
        let fresh = try core.evenIfFull { () throws(FileError) in
            try CursorLog.Fresh(
                cursor, directory: core.directory, salt: core.newSalt(), nowMs: core.clock.wallMs,
                files: core.files)
        }
        try log.withLock { log throws(FileError) in
            try log.take(fresh, cursor)
            isLogInDoubt.store(false, ordering: .relaxed)
        }
        core.names.changed()
    }

    /// Makes what was written durable. Where that fails the log is in doubt.
    private func syncLog() {
        guard let file = log.withLock({ $0.takeForSync() }) else { return }
        do throws(FileError) {
            try core.files.sync(file)
        } catch {
            core.metrics.syncFailed(error)
            log.withLock { log in
                log.isInDoubt = true
                isLogInDoubt.store(true, ordering: .relaxed)
            }
        }
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
