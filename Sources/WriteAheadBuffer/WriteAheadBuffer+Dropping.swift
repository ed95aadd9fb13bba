internal import Logging
internal import Platform
import Synchronization
internal import Telemetry

/// Frames in memory that go before every destination has answered for them. For whoever holds `housekeeping`.
extension WriteAheadBuffer {
    /// From here on memory is let go, down to a half, so that there is always room for what comes until the
    /// keeper's next round.
    private static let mostQuarters = 3

    /// Drops frames that are above their age. Returns how many samples the destination loses that loses most.
    func dropAged() -> UInt64 {
        let (nowMs, ageMs) = (core.clock.elapsedNs / 1_000_000, UInt64(configuration.retentionAgeMs))
        guard nowMs > ageMs else { return 0 }
        var dropped: UInt64 = 0
        for segment in core.catalog.inMemory {
            guard let memory = segment.memory else { continue }
            let end = memory.place(before: (nowMs - ageMs) * 1_000_000)
            dropped += drop(before: end, of: memory, BufferDropReason.retentionAge).samples
        }
        return dropped
    }

    /// Drops the oldest frames where memory is nearly full of them. Returns the same.
    func dropWhereFull() -> UInt64 {
        let limit = core.memory.limitBytes(of: .frames)
        var surplus = core.memory.usedBytes(of: .frames) - limit / 2
        guard surplus > limit / 4 * Self.mostQuarters - limit / 2 else { return 0 }
        var dropped: UInt64 = 0
        for segment in core.catalog.inMemory where surplus > 0 {
            guard let memory = segment.memory else { continue }
            let gone = drop(
                before: memory.place(freeing: surplus), of: memory, BufferDropReason.memoryFull)
            surplus -= gone.bytes
            dropped += gone.samples
        }
        if dropped > 0 {
            core.metrics.faults.error(
                "memory is full of samples that the disk does not take: the oldest are dropped",
                ["samples": .stringConvertible(dropped), "limit_bytes": .stringConvertible(limit)])
        }
        return dropped
    }

    /// Lets the frames of a segment before `end` go and books them. Returns how many samples the destination
    /// loses that loses most, and what was charged for the frames.
    ///
    /// In this order: while the frames are still there each reader counts those that it has not handed out
    /// and goes on behind them, so a reader that is called in between neither finds the gap nor hands out
    /// what is counted. Booking comes last, since it writes cursors and the memory is not to wait for a disk
    /// that hangs.
    private func drop(
        before end: UInt64, of memory: MemorySegment, _ reason: String
    ) -> (samples: UInt64, bytes: Int) {
        // None comes or goes meanwhile: that takes `housekeeping`.
        let readers = destinations.withLock { $0 }.map(\.reader)
        let (passed, bytes) = pass(before: end, of: memory, readers)
        return (zip(readers, passed).reduce(0) { max($0, $1.0.book($1.1, reason: reason)) }, bytes)
    }

    /// By itself, so that nobody holds the frames any more when what they had is booked.
    private func pass(
        before end: UInt64, of memory: MemorySegment, _ readers: [DestinationReader]
    ) -> (passed: [DestinationReader.Passed?], bytes: Int) {
        let going = memory.oldest(before: end)
        guard !going.entries.isEmpty else { return ([], 0) }
        memory.willDrop(before: going.end.offset)
        let passed = readers.map { $0.pass(going) }
        memory.remove(before: going.end.offset)
        return (passed, going.bytes)
    }
}
