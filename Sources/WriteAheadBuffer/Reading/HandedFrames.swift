internal import MetricModel

/// Frames that a reader has handed out and that the mark has not passed, in the order of the log.
struct HandedFrames: Sendable {
    private struct Entry: Sendable {
        let target: UInt64
        let start: BufferPosition
        let end: BufferPosition
        let timestampMs: Int64
        let job: String
        /// All of the frame's.
        let samples: Int
    }

    private var entries: [Entry] = []
    /// Entries before it are passed; they go once they are half of all, so that an answer costs what it
    /// covers.
    private var head = 0
    /// At so many, those that are answered for beyond the mark are looked for.
    private var sweepsAt = Self.firstSweep

    private static let firstSweep = 4_096

    /// The timestamp of the first.
    var oldestMs: Int64? { head < entries.count ? entries[head].timestampMs : nil }

    /// What the list takes.
    var heldBytes: Int { entries.capacity * MemoryLayout<Entry>.stride }

    /// Whether the mark has passed all.
    func isAnswered(upTo mark: BufferPosition) -> Bool { entries.last.map { $0.end <= mark } ?? true }

    mutating func append(_ stored: StoredFrame) {
        entries.append(
            Entry(
                target: stored.frame.target.id, start: stored.start, end: stored.end,
                timestampMs: stored.frame.timestampMs, job: stored.frame.target.job,
                samples: stored.frame.sampleCount))
    }

    /// The mark stands here, and beyond it these places are answered for.
    mutating func answered(upTo mark: BufferPosition, _ places: AnsweredPlaces) {
        while head < entries.count, entries[head].end <= mark { head += 1 }
        if head == entries.count {
            entries.removeAll(keepingCapacity: entries.capacity <= 1_024)
            head = 0
            sweepsAt = Self.firstSweep
        } else if head >= 64, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
        // A request that is held for long holds up the mark, and others are answered for behind it.
        guard entries.count - head >= sweepsAt else { return }
        entries.removeFirst(head)
        head = 0
        entries.removeAll { Self.open($0, from: mark, places) == 0 }
        sweepsAt = max(Self.firstSweep, entries.count * 2)
    }

    /// Samples not answered for in segments before `segment`, by job: those behind the mark and in none of
    /// these places.
    func samples(
        before segment: UInt64, mark: BufferPosition, _ places: AnsweredPlaces
    ) -> [String: UInt64] {
        samples(mark: mark, places) { $0.segment < segment }
    }

    /// The same of frames whose place is gone.
    func samples(
        mark: BufferPosition, _ places: AnsweredPlaces, isGone: (BufferPosition) -> Bool
    ) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for entry in entries[head...] where isGone(entry.start) {
            let open = Self.open(entry, from: mark, places)
            if open > 0 { counts[entry.job, default: 0] += UInt64(open) }
        }
        return counts
    }

    private static func open(_ entry: Entry, from mark: BufferPosition, _ places: AnsweredPlaces) -> Int {
        // The mark may stand in the frame.
        places.open(
            target: entry.target, from: max(entry.start, mark), to: entry.end, samples: entry.samples
        ).reduce(0) { $0 + $1.count }
    }
}
