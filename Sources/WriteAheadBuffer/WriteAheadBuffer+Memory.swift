internal import Logging
internal import MetricModel
internal import Platform
import Synchronization
internal import Telemetry

/// While the disk is of no use, frames go to the destinations from memory.
extension WriteAheadBuffer {
    // MARK: appending

    /// Appends a frame to the segment in memory. Asks the disk for nothing. False, and nothing changed, when
    /// memory has no room for it.
    func takeIntoMemory(_ frame: Frame, _ samples: UInt64, _ state: inout State) -> Bool {
        let nowNs = core.clock.elapsedNs
        func take() -> Bool {
            state.memory?.take(frame, appendedNs: core.clock.monotonicNs, elapsedNs: nowNs) ?? false
        }
        guard let memory = state.memory, take() || (freeAnsweredFrames() && take()) else { return false }
        book(frame, samples)
        core.catalog.grow(to: memory.length, newestTimestampMs: frame.timestampMs, nowNs: nowNs)
        state.verdict.took(samples)
        core.metrics.memorySamples.add(samples)
        return true
    }

    /// Ends the segment that is written to and begins one in memory with a frame that the disk has refused.
    /// False, and nothing changed, when memory has no room for it.
    func goOnInMemory(
        _ frame: Frame, _ samples: UInt64, _ cause: FileError, _ state: inout State
    ) -> Bool {
        let (number, nowNs) = (state.nextNumber, core.clock.monotonicNs)
        guard number <= BufferPosition.maxSegment else { return false }
        let memory = MemorySegment(
            number: number, memory: core.memory, knownTargets: state.writer?.targetIDs ?? [])
        func take() -> Bool {
            memory.take(frame, appendedNs: nowNs, elapsedNs: core.clock.elapsedNs)
        }
        // What an earlier spell has left may be answered for.
        guard take() || (freeAnsweredFrames() && take()) else { return false }
        state.nextNumber += 1
        if let writer = state.writer {
            state.previous = (writer.number, writer.length)
            if writer.isTorn {
                state.torn.append(
                    TornEnd(segment: writer.number, path: writer.tail.file.path, length: writer.length))
            }
            // Not `hold`: that may wait for the disk. The keeper bounds the copies within a second.
            state.ended.append(writer.tail)
            // Its own sync may have failed in this very append, and no reader knows of that yet.
            if writer.tail.isInDoubt { core.catalog.doubt(writer.number) }
            state.restatedBytes = writer.restatedBytes
            state.writer = nil
            core.baseBytes.store(0, ordering: .relaxed)
        }
        var soFar = books.withLock { $0 }
        soFar.previousSegment = state.previous.number
        soFar.previousLength = state.previous.length
        var info = SegmentInfo(
            number: number, path: "", salt: 0, length: memory.length, isActive: true,
            newestTimestampMs: max(core.clock.wallMs, frame.timestampMs), before: [:],
            lastNs: core.clock.elapsedNs)
        info.books = soFar
        info.memory = memory
        book(frame, samples)
        core.catalog.add(info)
        state.memory = memory
        state.memoryWaits = false
        state.verdict.failed(cause, nowNs: nowNs)
        state.verdict.took(samples)
        core.metrics.memorySamples.add(samples)
        core.metrics.memorySpells.add()
        state.untold = cause
        core.refusal.withLock { $0 = cause }
        core.isDiskRefusing.store(true, ordering: .relaxed)
        // What else the disk refuses is the same fault.
        core.metrics.faults.isHushed.store(true, ordering: .relaxed)
        return true
    }

    /// Tells of a spell that has begun. Outside the appender's lock: whoever reads the log may be slow.
    func sayThatMemoryTakesOver(_ cause: FileError) {
        logger.error(
            "the disk takes no samples: they go to the destinations from memory until it does",
            metadata: [
                "err": "\(cause)",
                "limit_bytes": .stringConvertible(core.memory.limitBytes(of: .frames)),
            ])
    }

    // MARK: letting go

    /// Lets go of frames in memory that every destination has answered for, of those above their age, and
    /// where memory is nearly full of the oldest. Frames that are left in memory once the disk takes others
    /// again go the same way. Only what is dropped waits for the disk, which gets a cursor's change unless it
    /// has refused one before. `dropsAged`: whether those above their age go.
    func freeMemory(dropsAged: Bool = true) {
        guard !core.catalog.inMemory.isEmpty else { return }
        let dropped = housekeeping.withLock { _ -> UInt64 in
            let lowest = lowestAnswered
            removeAnsweredFrames(below: lowest)
            // A segment keeps its place until all before it are gone: a reader that has still to pass it
            // would else take its samples for damaged.
            while let lowest, let oldest = core.catalog.oldest, oldest.memory != nil,
                isAnswered(oldest, below: lowest)
            {
                core.catalog.remove(oldest.number)
            }
            return (dropsAged ? dropAged() : 0) + dropWhereFull()
        }
        if dropped > 0 { state.withLock { $0.verdict.dropped(dropped) } }
    }

    /// As `freeMemory`, for the appender, which finds no room: the keeper may wait for a disk that hangs.
    /// Lets go only of what is answered for, and waits for nobody. True when that was something.
    private func freeAnsweredFrames() -> Bool {
        // Whoever holds it may wait for the disk, or for the appender's lock.
        housekeeping.withLockIfAvailable { _ in removeAnsweredFrames(below: lowestAnswered) } ?? false
    }

    /// For whoever holds `housekeeping`. True when frames were removed.
    @discardableResult
    private func removeAnsweredFrames(below lowest: BufferPosition?) -> Bool {
        guard let lowest else { return false }
        var count = 0
        for segment in core.catalog.inMemory where segment.number <= lowest.segment {
            let end = segment.number < lowest.segment ? UInt64.max : lowest.offset
            count += segment.memory?.remove(before: end) ?? 0
        }
        return count > 0
    }

    /// Samples that are in memory alone and that some destination has not answered for: of the one that waits
    /// for most.
    public var samplesInMemory: UInt64 {
        let segments = core.catalog.inMemory
        guard !segments.isEmpty else { return 0 }
        return destinations.withLock { $0 }.map { destination in
            let (mark, places) = destination.standing
            return segments.reduce(UInt64(0)) { sum, segment in
                sum + (segment.memory?.open(from: mark, places).values.reduce(0, +) ?? 0)
            }
        }.max() ?? 0
    }
}
