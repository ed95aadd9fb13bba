internal import MetricModel
internal import Platform
import Synchronization

/// One destination's durable cursor and its lanes. Thread-safe.
public final class BufferDestination: Sendable {
    private struct State {
        var cursor: CursorState
        var log: CursorLog
    }

    public let name: String
    /// As stored while there is a backlog, whatever was asked for.
    public let laneCount: Int

    private let core: BufferCore
    private let state: Mutex<State>
    private let lanes: [BufferLane]

    init(core: BufferCore, cursor: CursorState, log: CursorLog) {
        self.core = core
        name = cursor.name
        laneCount = cursor.lanes.count
        state = Mutex(State(cursor: cursor, log: log))
        lanes = cursor.lanes.enumerated().map { index, lane in
            BufferLane(index: index, laneCount: cursor.lanes.count, start: lane.answered, core: core)
        }
        for lane in lanes { lane.attach(self) }
    }

    /// Lane `index`, below `laneCount`. Used by one task at a time.
    public func lane(_ index: Int) -> BufferLane { lanes[index] }

    /// The cursor now.
    var cursor: CursorState { state.withLock { $0.cursor } }

    /// Writes a change down, then takes it for true.
    func record(_ change: CursorChange) throws(BufferError) {
        try state.withLock { state throws(BufferError) in
            do throws(FileError) {
                try state.log.append(change)
                precondition(state.cursor.apply(change), "lanes are numbered as the cursor was opened")
                if state.log.length > CursorLog.compactAboveBytes {
                    try state.log.compact(state.cursor, salt: core.newSalt(), nowMs: core.clock.wallMs)
                }
            } catch {
                throw .io("the cursor of \(name) cannot be written", error)
            }
        }
        if case .answered = change { core.answersMoved() }
    }

    /// Lets each lane count what of a segment will be gone, and go on behind it.
    func retire(_ segment: SegmentInfo, reason: String) throws(BufferError) {
        for lane in lanes { try lane.retire(segment, reason: reason) }
    }

    /// The file to make durable, if anything was written since the last time.
    func takeForSync() -> OpenFile? { state.withLock { $0.log.takeForSync() } }

    func close() throws(FileError) { try state.withLock { state throws(FileError) in try state.log.close() } }

    var logPath: String { state.withLock { $0.log.path } }

    /// The books of this destination, given the totals of the buffer.
    func ledger(_ totals: [String: JobTotal]) -> [String: DestinationLedger] {
        let cursor = cursor
        var result: [String: DestinationLedger] = [:]
        for job in Set(totals.keys).union(cursor.jobs.keys) {
            let total = totals[job] ?? JobTotal()
            let own = cursor.jobs[job] ?? CursorState.Job()
            var entry = DestinationLedger()
            entry.delivered = own.delivered
            entry.dropped = own.dropped
            let failed = Int64(total.failed) - own.baseFailed
            if failed > 0 { entry.dropped[BufferDropReason.appendFailed, default: 0] += UInt64(failed) }
            entry.buffered = UInt64(max(0, Int64(total.appended) - own.baseAppended - Int64(own.answered)))
            entry.scraped = entry.delivered + entry.dropped.values.reduce(0, +) + entry.buffered
            result[job] = entry
        }
        return result
    }
}
