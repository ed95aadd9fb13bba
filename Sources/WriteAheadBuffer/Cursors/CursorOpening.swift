internal import Logging
internal import Platform

/// Puts a cursor in order when its destination is opened: a new one is made, and one whose place is gone is
/// moved, with what that cost counted exactly.
struct CursorOpening {
    let core: BufferCore
    let name: String
    let lanes: Int
    let totals: [String: JobTotal]
    /// Damage may have made the buffer's books smaller than what the cursor has counted.
    let isInDoubt: Bool
    let logger: Logger

    func open(_ known: CursorState?) throws(BufferError) -> CursorState {
        guard var cursor = known, cursor.name == name else { return fresh() }
        // Nothing here reads without lanes: what a later version has answered beyond the mark is sent again.
        if cursor.lanes.isEmpty { cursor.deal(lanes: lanes, at: cursor.mark) }
        let isMoved = place(&cursor)
        if isMoved || isInDoubt { try recount(&cursor) }
        // Where no lane has anything left, the lanes may be dealt anew.
        if cursor.lanes.count != lanes {
            let tail = BufferPosition.start(of: core.catalog.all.last?.number ?? 0)
            if cursor.sent.isEmpty, try !hasBacklog(cursor) {
                cursor.deal(lanes: lanes, at: tail)
            } else {
                logger.info(
                    "the number of lanes changes once the backlog is sent",
                    metadata: [
                        "remote_name": "\(name)", "lanes": .stringConvertible(cursor.lanes.count),
                        "wanted": .stringConvertible(lanes),
                    ])
            }
        }
        return cursor
    }

    /// A destination seen for the first time gets everything that is kept.
    private func fresh() -> CursorState {
        let oldest = core.catalog.oldest
        var cursor = CursorState(
            name: name,
            lanes: Array(repeating: .start(of: oldest?.number ?? 0), count: lanes))
        for (job, total) in totals {
            cursor.jobs[job] = CursorState.Job(
                baseAppended: Int64(clamping: oldest?.before[job]?.appended ?? 0),
                baseFailed: Int64(clamping: total.failed))
        }
        return cursor
    }

    /// Moves lanes whose place is gone to the next there is; true when a lane was moved.
    private func place(_ cursor: inout CursorState) -> Bool {
        var isMoved = false
        for index in cursor.lanes.indices {
            let answered = cursor.lanes[index]
            guard let segment = core.catalog.first(from: answered.segment) else { continue }
            let isGone = segment.number != answered.segment
            let isBeyond = !isGone && answered.offset > segment.length
            guard (isGone && answered.segment != 0) || isBeyond else { continue }
            if isGone, segment.previousSegment == answered.segment, answered.offset >= segment.previousLength
            {
                // It had answered for all of what was removed.
                cursor.place(lane: index, at: .start(of: segment.number))
                continue
            }
            // A place at a segment's very end is the same as the next one's beginning.
            let next = isBeyond ? segment.number + 1 : segment.number
            // What was in flight beyond may be stored already.
            cursor.place(lane: index, at: .start(of: next))
            isMoved = true
            logger.warning(
                "a cursor's place is gone from the disk; it goes on at the next there is",
                metadata: ["remote_name": "\(name)", "lane": "\(index)", "was": "\(answered)"])
        }
        return isMoved
    }

    /// Books what lies between the books and what is still there.
    private func recount(_ cursor: inout CursorState) throws(BufferError) {
        let held = try backlog(cursor)
        for (job, total) in totals {
            var own = cursor.jobs[job] ?? CursorState.Job()
            let difference = SampleCount.rest(
                total.appended, own.baseAppended, own.outcome.total, held[job] ?? 0)
            if difference > 0 {
                own.outcome.drop(UInt64(difference), BufferDropReason.damaged)
            } else {
                // Delivered, and then lost from the disk: the books begin that much earlier.
                own.baseAppended = Int64(clamping: Int128(own.baseAppended) + Int128(difference))
            }
            cursor.jobs[job] = own
        }
    }

    /// Samples that lie before the lanes, by job, with what their readers will find lost. Reads the backlog:
    /// only where the books cannot be trusted.
    private func backlog(_ cursor: CursorState) throws(BufferError) -> [String: UInt64] {
        var held: [String: UInt64] = [:]
        for index in cursor.lanes.indices {
            var reader = counting(cursor, lane: index)
            defer { reader.close() }
            reading: while true {
                switch try reader.next() {
                case .counted(let job, let samples, let lost, _):
                    held[job, default: 0] += samples
                    held.merge(lost, uniquingKeysWith: SampleCount.sum)
                case .lost(let lost, _): held.merge(lost, uniquingKeysWith: SampleCount.sum)
                case .frame, .nothing: break reading
                }
            }
        }
        return held
    }

    /// Whether any lane has something left. Ends with the first thing found.
    private func hasBacklog(_ cursor: CursorState) throws(BufferError) -> Bool {
        for index in cursor.lanes.indices {
            var reader = counting(cursor, lane: index)
            defer { reader.close() }
            if case .nothing = try reader.next() { continue }
            return true
        }
        return false
    }

    private func counting(_ cursor: CursorState, lane: Int) -> LaneReader {
        core.reader(
            lane: lane, laneCount: cursor.lanes.count, from: cursor.lanes[lane],
            countingThrough: BufferPosition.maxSegment)
    }
}
