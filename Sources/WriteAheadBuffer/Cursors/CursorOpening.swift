internal import Logging
internal import Platform

/// Puts a cursor in order when its destination is opened: a new one is made, and one whose place is gone is
/// moved, with what that cost counted exactly.
struct CursorOpening {
    let core: BufferCore
    let name: String
    let totals: [String: JobTotal]
    /// Damage may have made the buffer's books smaller than what the cursor has counted.
    let isInDoubt: Bool
    let logger: Logger

    func open(_ known: CursorState?) throws(BufferError) -> CursorState {
        guard var cursor = known, cursor.name == name else { return fresh() }
        cursor.forgetSuccessor()
        let isMoved = place(&cursor)
        if isMoved || isInDoubt {
            try recount(&cursor)
        } else if contradictsItsBooks(cursor) {
            bookWhatWasPassed(&cursor)
        }
        return cursor
    }

    /// Books anew what a cursor has answered for without booking it. A disk that cannot be read now does not
    /// stop the start: nothing that can be sent depends on these books.
    private func bookWhatWasPassed(_ cursor: inout CursorState) {
        let before = cursor.jobs
        do throws(BufferError) {
            try recount(&cursor)
        } catch {
            logger.warning(
                "the samples that wait for a destination cannot be counted anew; they are at the next start",
                metadata: ["remote_name": "\(name)", "err": "\(error)"])
        }
        let jobs = cursor.jobs.filter { job, now in
            now.outcome.total > before[job]?.outcome.total ?? 0
        }.keys.sorted()
        guard !jobs.isEmpty else { return }
        logger.warning(
            "a cursor says that samples wait where nothing is left to send; they are counted as damaged",
            metadata: ["remote_name": "\(name)", "jobs": "\(jobs.prefix(10).joined(separator: " "))"])
    }

    /// A destination seen for the first time gets everything that is kept. Its books begin behind what had
    /// gone from memory before the rest was written down.
    private func fresh() -> CursorState {
        let oldest = core.catalog.oldest
        var cursor = CursorState(name: name, mark: .start(of: oldest?.number ?? 0))
        for (job, total) in totals {
            cursor.jobs[job] = CursorState.Job(
                baseAppended: Int64(clamping: oldest?.before[job]?.appended ?? 0),
                baseFailed: Int64(clamping: total.failed))
        }
        guard passFronts(&cursor) else { return cursor }
        let held: [String: UInt64]
        do throws(BufferError) {
            held = try backlog(cursor)
        } catch {
            // The agent starts all the same: these books do not decide which samples are sent.
            logger.warning(
                "the samples that wait for a new destination cannot be counted: its books may say too many",
                metadata: ["remote_name": "\(name)", "err": "\(error)"])
            return cursor
        }
        for (job, total) in totals {
            let before = total.appended - min(total.appended, held[job] ?? 0)
            cursor.jobs[job]?.baseAppended = Int64(clamping: before)
        }
        return cursor
    }

    /// Passes what had gone from segments in memory before they were written down and is not answered for: a
    /// sender had it then. True when there is such.
    private func passFronts(_ cursor: inout CursorState) -> Bool {
        var gone: [Range<BufferPosition>] = []
        for segment in core.catalog.all where segment.firstPlace > MemorySegment.firstOffset {
            let first = BufferPosition(segment: segment.number, offset: MemorySegment.firstOffset)
            let end = BufferPosition(segment: segment.number, offset: segment.firstPlace)
            let from = max(first, cursor.mark)
            if from < end { gone += cursor.answered.gaps(in: from..<end) }
        }
        guard !gone.isEmpty else { return false }
        _ = cursor.apply(.answered(upTo: cursor.mark, ranges: gone))
        // Requests in flight of which nothing is left are over.
        cursor.place(markAt: cursor.mark)
        return true
    }

    /// Moves what stands in a place that is gone to the next there is; true when samples may be gone with
    /// it.
    private func place(_ cursor: inout CursorState) -> Bool {
        // Where lanes stood is a rule, and holds whether the place is there or not.
        let lacks = cursor.lanes.contains { end(of: $0) < $0 }
        let before = cursor.answered
        cursor.cutAnswered { end(of: $0) }
        // More was answered for than there is: the power went before it was durable.
        let isCut = lacks || cursor.answered != before
        let hasGone = passFronts(&cursor)
        guard let (next, isLoss) = next(cursor.mark) else { return isCut || hasGone }
        cursor.place(markAt: next)
        return isLoss || isCut || hasGone
    }

    /// A place, or the last one before it where it is not there: its segment ends before, or is gone while
    /// older ones are kept.
    private func end(of place: BufferPosition) -> BufferPosition {
        guard let last = core.catalog.all.last(where: { $0.number <= place.segment }),
            last.number < place.segment || place.offset > last.end
        else { return place }
        // Where frames say their places, the file's length says nothing of the last one.
        let offset = last.hasPlaces ? UInt64(Int64.max) : last.length
        return BufferPosition(segment: last.number, offset: offset)
    }

    /// Where to go on instead of a place that is gone, and whether samples that nobody answered for may be
    /// gone with it; nil when it is there.
    private func next(_ answered: BufferPosition) -> (BufferPosition, isLoss: Bool)? {
        guard let segment = core.catalog.first(from: answered.segment) else { return nil }
        let isGone = segment.number != answered.segment
        let isBeyond = !isGone && answered.offset > segment.end
        guard (isGone && answered.segment != 0) || isBeyond else { return nil }
        if isGone, segment.previousSegment == answered.segment, answered.offset >= segment.previousLength {
            // It had answered for all of what was removed.
            return (.start(of: segment.number), false)
        }
        logger.warning(
            "a cursor's place is gone from the disk; it goes on at the next there is",
            metadata: ["remote_name": "\(name)", "was": "\(answered)"])
        // A place at a segment's very end is the same as the next one's beginning. What was in flight
        // beyond may be stored already.
        return (.start(of: isBeyond ? segment.number + 1 : segment.number), true)
    }

    /// Whether fewer samples can be open, by what the segments hold in which something is not answered for,
    /// than the cursor's books say: it has answered for places and booked nothing for them, which no writer
    /// does. What was delivered and damaged since shows in the same way.
    private func contradictsItsBooks(_ cursor: CursorState) -> Bool {
        let held = mostOpen(cursor)
        return totals.contains { job, total in
            let own = cursor.jobs[job] ?? CursorState.Job()
            let open = SampleCount.rest(total.appended, own.baseAppended, own.outcome.total)
            return open > Int64(clamping: held[job] ?? 0)
        }
    }

    /// All samples of the segments in which something is not answered for, by job, from the books at their
    /// beginnings: nothing is read.
    private func mostOpen(_ cursor: CursorState) -> [String: UInt64] {
        let segments = core.catalog.all
        var held: [String: UInt64] = [:]
        for (index, segment) in segments.enumerated() {
            let following = index + 1 < segments.count ? segments[index + 1] : nil
            let from = max(cursor.mark, .start(of: segment.number))
            var end = BufferPosition(segment: segment.number, offset: segment.end)
            // A segment between the two that cannot be read is counted with the one before it.
            if let following, following.previousSegment != segment.number {
                end = .start(of: following.number)
            }
            guard from < end, !cursor.answered.gaps(in: from..<end).isEmpty else { continue }
            for (job, total) in following?.before ?? totals {
                let before = segment.before[job]?.appended ?? 0
                let own = total.appended - min(before, total.appended)
                held[job] = SampleCount.sum(held[job] ?? 0, own)
            }
        }
        return held
    }

    /// Books what lies between the books and what is still there.
    private func recount(_ cursor: inout CursorState) throws(BufferError) {
        let held = try backlog(cursor)
        // The frames of a job that only the cursor knows went with the power.
        for job in Set(totals.keys).union(cursor.jobs.keys) {
            let total = totals[job] ?? JobTotal()
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

    /// Samples that are not answered for, by job, with what their reader will find lost. Reads the backlog:
    /// only where the books cannot be trusted.
    private func backlog(_ cursor: CursorState) throws(BufferError) -> [String: UInt64] {
        var reader = core.reader(
            from: cursor.mark, AnsweredPlaces(cursor), countingThrough: BufferPosition.maxSegment)
        defer { reader.close() }
        let (samples, lost) = try reader.countAll()
        return samples.merging(lost, uniquingKeysWith: SampleCount.sum)
    }
}
