internal import MetricModel

/// Frames that a lane has handed out and that are not answered for, oldest first.
struct OpenFrames: Sendable {
    struct Entry: Sendable {
        let start: BufferPosition
        let end: BufferPosition
        let timestampMs: Int64
        let job: String
        /// From `start` on.
        let samples: UInt64
    }

    private var entries: [Entry] = []
    /// Entries before it are answered for; they go once they are half of all, so that an answer costs what it
    /// covers.
    private var head = 0

    var first: Entry? { head < entries.count ? entries[head] : nil }
    var isEmpty: Bool { head == entries.count }

    mutating func append(_ stored: StoredFrame) {
        let total = stored.frame.sampleCount
        entries.append(
            Entry(
                start: stored.start, end: stored.end, timestampMs: stored.frame.timestampMs,
                job: stored.frame.target.job, samples: UInt64(total - min(Int(stored.start.sample), total))))
    }

    mutating func answered(upTo end: BufferPosition) {
        while head < entries.count, entries[head].end <= end { head += 1 }
        if head == entries.count {
            entries.removeAll(keepingCapacity: entries.capacity <= 1_024)
            head = 0
        } else if head >= 64, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// Samples not answered for in segments before `segment`, by job, where answers reach `answered`.
    func samples(before segment: UInt64, answered: BufferPosition) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for entry in entries[head...] where entry.start.segment < segment {
            let isSplit = answered > entry.start && answered < entry.end
            let consumed =
                isSplit
                ? UInt64(answered.sample) - min(UInt64(entry.start.sample), UInt64(answered.sample)) : 0
            counts[entry.job, default: 0] += entry.samples - min(consumed, entry.samples)
        }
        return counts
    }
}
