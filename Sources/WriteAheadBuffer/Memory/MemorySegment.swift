internal import MetricModel
internal import Platform
import Synchronization

/// Frames that the disk has not taken: a segment of the log without a file. It has a number, and each frame
/// in it a place, so readers, cursors and retention treat it as any other. What it holds goes with the
/// process: to the next start it is a segment that is missing.
///
/// Frames go from its beginning, once every destination has answered for them or memory is full. Any thread.
final class MemorySegment: Sendable {
    struct Entry: Sendable {
        let frame: Frame
        /// When it came, by the monotonic clock.
        let appendedNs: UInt64
        /// The same by `AgentClock.elapsedNs`.
        let elapsedNs: UInt64
        /// What is charged for it.
        let bytes: Int
        /// Chunks of its layout that are charged with it: nobody else may hold them any more.
        let chunks: [LayoutChunk]

        var samples: UInt64 { UInt64(max(0, frame.sampleCount)) }
    }

    /// The frames that stand first, in the order of the log.
    struct Oldest: Sendable {
        let segment: UInt64
        let first: UInt64
        let entries: [Entry]

        /// What is charged for them.
        var bytes: Int { entries.reduce(0) { $0 + $1.bytes } }

        /// Where the frame behind them stands.
        var end: BufferPosition {
            BufferPosition(segment: segment, offset: first + UInt64(entries.count))
        }
    }

    /// What stood first in the segment and is gone.
    struct Front: Sendable {
        /// Where the first frame stands that is there.
        let place: UInt64
        /// Samples before it, by job.
        let gone: [String: UInt64]

        /// The second books in the file of the segment with this number: those before it, with what is gone.
        func books(of number: UInt64, after first: LedgerRecord) -> LedgerRecord {
            var books = first
            (books.previousSegment, books.previousLength) = (number, place)
            for (job, samples) in gone { books.jobs[job, default: JobTotal()].append(samples) }
            return books
        }
    }

    /// Where the first frame stands, as in a file. A frame takes one byte of the log.
    static let firstOffset = UInt64(FileHeader.sizeBytes)
    /// Of a frame: the objects that its arrays stand in, and its place in the list.
    private static let overheadBytes = 256
    /// Of a chunk, beside what it says itself.
    private static let chunkBytes = 128
    /// So many layouts are remembered of targets that may be gone.
    private static let leastLayouts = 64

    private struct State {
        /// Those before `head` are gone, and their places go once they are half of all.
        var entries: [Entry?] = []
        var head = 0
        /// The place of `entries[0]`.
        var origin = MemorySegment.firstOffset
        var bytes = 0
        /// Samples of the frames that are there, by job.
        var there: [String: UInt64] = [:]
        /// Samples of each job since the segment began, those that are gone among them.
        var jobSamples: [String: UInt64] = [:]
        /// By target, the layout of its last frame.
        var layouts: [UInt64: Layout] = [:]
        /// Chunks that are charged with an entry.
        var charged: Set<ObjectIdentifier> = []
        /// Targets whose layout others hold, as they were scraped before the segment began.
        var knownTargets: Set<UInt64> = []
        /// No frame comes any more.
        var hasEnded = false
        /// Frames before it that were there were dropped, or are about to be.
        var droppedBefore: UInt64 = 0

        /// Where the first frame stands that is there, or the next to come.
        var base: UInt64 { origin + UInt64(head) }
        var length: UInt64 { origin + UInt64(entries.count) }

        /// Takes the first one out.
        mutating func removeFirst() -> Entry? {
            guard head < entries.count, let entry = entries[head] else { return nil }
            entries[head] = nil
            head += 1
            bytes -= entry.bytes
            there[entry.frame.target.job, default: 0] -= entry.samples
            for chunk in entry.chunks { charged.remove(ObjectIdentifier(chunk)) }
            if head >= 64, head * 2 >= entries.count {
                // A copy: the list itself would keep its room.
                entries = Array(entries[head...])
                origin += UInt64(head)
                head = 0
            }
            return entry
        }

        /// The chunks of a frame's layout that its target had not before, nor before the segment began. A
        /// target that makes its lines anew with each scrape would else hold many times what is charged for
        /// its values.
        func newChunks(of frame: Frame) -> [LayoutChunk] {
            let before = layouts[frame.target.id]
            if let before {
                if before.isIdentical(to: frame.layout) { return [] }
            } else if knownTargets.contains(frame.target.id) {
                return []
            }
            var met = Set((before?.chunks ?? []).map { ObjectIdentifier($0) })
            return frame.layout.chunks.filter { chunk in
                let key = ObjectIdentifier(chunk)
                return !charged.contains(key) && met.insert(key).inserted
            }
        }

        /// Lets go of what only a segment needs that has frames, or gets some.
        mutating func shrink() {
            guard hasEnded else { return }
            (layouts, knownTargets) = ([:], [])
            if head == entries.count { (origin, head, entries, charged) = (length, 0, [], []) }
        }

        /// Forgets the layouts of targets of which nothing is there, once they may be half of all.
        mutating func forgetLayouts() {
            guard layouts.count > max(MemorySegment.leastLayouts, 2 * (entries.count - head)) else { return }
            let there = Set(entries[head...].compactMap { $0?.frame.target.id })
            layouts = layouts.filter { there.contains($0.key) }
        }
    }

    let number: UInt64
    private let memory: MemoryAccount
    private let state: Mutex<State>

    init(number: UInt64, memory: MemoryAccount, knownTargets: Set<UInt64> = []) {
        self.number = number
        self.memory = memory
        state = Mutex(State(knownTargets: knownTargets))
    }

    deinit { memory.discharge(state.withLock { $0.bytes }, from: .frames) }

    /// Takes a frame behind the others; false, and nothing changed, when the account has no room for it.
    func take(_ frame: Frame, appendedNs: UInt64, elapsedNs: UInt64) -> Bool {
        state.withLock { state in
            let chunks = state.newChunks(of: frame)
            let bytes =
                Self.overheadBytes + HeldBytes.of(frame) + frame.absent.count * MemoryLayout<UInt32>.stride
                + chunks.reduce(0) { $0 + Self.chunkBytes + $1.heldBytes }
            guard memory.charge(bytes, to: .frames) else { return false }
            let entry = Entry(
                frame: frame, appendedNs: appendedNs, elapsedNs: elapsedNs, bytes: bytes, chunks: chunks)
            state.entries.append(entry)
            state.bytes += bytes
            let job = frame.target.job
            state.there[job] = SampleCount.sum(state.there[job] ?? 0, entry.samples)
            state.jobSamples[job] = SampleCount.sum(state.jobSamples[job] ?? 0, entry.samples)
            state.layouts[frame.target.id] = frame.layout
            for chunk in chunks { state.charged.insert(ObjectIdentifier(chunk)) }
            return true
        }
    }

    /// No frame comes any more. The segment may keep its place for long: what it does not need goes.
    func end() {
        state.withLock { state in
            state.hasEnded = true
            state.shrink()
        }
    }

    /// Places for frames and targets that it holds memory for.
    var heldPlaces: Int {
        state.withLock { $0.entries.capacity + $0.layouts.capacity + $0.knownTargets.capacity }
    }

    /// Where the next frame will stand.
    var length: UInt64 { state.withLock { $0.length } }
    /// Samples of each job since the segment began, those that are gone among them.
    var jobSamples: [String: UInt64] { state.withLock { $0.jobSamples } }

    var front: Front {
        state.withLock { state in
            var gone: [String: UInt64] = [:]
            for (job, samples) in state.jobSamples {
                let there = state.there[job] ?? 0
                if samples > there { gone[job] = samples - there }
            }
            return Front(place: state.base, gone: gone)
        }
    }

    /// Up to `count` frames from `offset` on, and no more once they have `bytes`; nil where some are gone.
    func entries(from offset: UInt64, atMost count: Int, bytes: Int) -> [Entry]? {
        state.withLock { state in
            guard offset >= state.base, offset <= state.length else { return nil }
            var found: [Entry] = []
            var left = bytes
            for entry in state.entries[Int(offset - state.origin)...].prefix(count) where left > 0 {
                guard let entry else { return nil }
                found.append(entry)
                left -= entry.bytes
            }
            return found
        }
    }

    /// The first frame at `offset` or behind, and where it stands.
    func entry(from offset: UInt64) -> (place: UInt64, entry: Entry)? {
        state.withLock { state in
            let place = max(offset, state.base)
            guard place < state.length, let entry = state.entries[Int(place - state.origin)] else {
                return nil
            }
            return (place, entry)
        }
    }

    /// Frames that stand before it were not answered for when they went, or go now.
    var droppedBefore: UInt64 { state.withLock { $0.droppedBefore } }

    /// The frames before `offset` are about to be dropped. Before anybody counts them: from then on no file
    /// that has them may become the segment's.
    func willDrop(before offset: UInt64) {
        state.withLock { $0.droppedBefore = max($0.droppedBefore, offset) }
    }

    /// Whether the frame that stood here is gone.
    func isGone(_ offset: UInt64) -> Bool { state.withLock { offset < $0.base } }

    /// What lies before `offset`. Who wants to remove them looks at them first.
    func oldest(before offset: UInt64) -> Oldest {
        state.withLock { state in
            let count = Int(max(state.base, min(offset, state.length)) - state.base)
            let entries = state.entries[state.head..<state.head + count].compactMap { $0 }
            return Oldest(segment: number, first: state.base, entries: entries)
        }
    }

    /// Removes the frames that stand before `offset`, and frees their memory. Returns how many frames were
    /// removed.
    @discardableResult
    func remove(before offset: UInt64) -> Int {
        // Frames are freed once the lock is let go.
        let removed = state.withLock { state in
            var entries: [Entry] = []
            while state.base < min(offset, state.length), let entry = state.removeFirst() {
                entries.append(entry)
            }
            state.forgetLayouts()
            state.shrink()
            return entries
        }
        memory.discharge(removed.reduce(0) { $0 + $1.bytes }, from: .frames)
        return removed.count
    }

    /// The place before which the oldest frames have at least so many bytes, or all of them.
    func place(freeing bytes: Int) -> UInt64 {
        state.withLock { state in
            var (index, freed) = (state.head, 0)
            while index < state.entries.count, freed < bytes {
                freed += state.entries[index]?.bytes ?? 0
                index += 1
            }
            return state.origin + UInt64(index)
        }
    }

    /// The place before which all frames came before `elapsedNs`, by `AgentClock.elapsedNs`.
    func place(before elapsedNs: UInt64) -> UInt64 {
        state.withLock { state in
            var index = state.head
            while index < state.entries.count, state.entries[index]?.elapsedNs ?? 0 < elapsedNs { index += 1 }
            return state.origin + UInt64(index)
        }
    }

    /// Samples that are there and not answered for, by job. Looks at the frames up to the last that may be
    /// answered for.
    func open(from mark: BufferPosition, _ places: AnsweredPlaces) -> [String: UInt64] {
        let last = places.lanes.reduce(max(mark, places.ranges.end ?? mark)) { max($0, $1) }
        return state.withLock { state in
            var open = state.there
            for (index, entry) in state.entries[state.head...].enumerated() {
                let start = BufferPosition(segment: number, offset: state.base + UInt64(index))
                guard let entry, start < last else { break }
                let samples = entry.samples - Self.open(entry, at: start, from: mark, places)
                open[entry.frame.target.job, default: 0] -= samples
            }
            return open.filter { $0.value > 0 }
        }
    }

    /// Samples of one frame behind `from` that are not answered for.
    fileprivate static func open(
        _ entry: Entry, at start: BufferPosition, from: BufferPosition, _ places: AnsweredPlaces
    ) -> UInt64 {
        let end = BufferPosition(segment: start.segment, offset: start.offset + 1)
        guard from < end else { return 0 }
        let open = places.open(
            target: entry.frame.target.id, from: max(from, start), to: end,
            samples: entry.frame.sampleCount)
        return open.reduce(0) { $0 + UInt64($1.count) }
    }
}

extension MemorySegment: Equatable {
    static func == (left: MemorySegment, right: MemorySegment) -> Bool { left === right }
}

extension MemorySegment.Oldest {
    /// Samples behind `from` that are not answered for, by job.
    func open(from: BufferPosition, _ places: AnsweredPlaces) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for (index, entry) in entries.enumerated() {
            let start = BufferPosition(segment: segment, offset: first + UInt64(index))
            let open = MemorySegment.open(entry, at: start, from: from, places)
            if open > 0 { counts[entry.frame.target.job, default: 0] += open }
        }
        return counts
    }
}
