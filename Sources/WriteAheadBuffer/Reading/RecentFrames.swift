internal import MetricModel
internal import Platform
import Synchronization

/// Frames that were appended a moment ago, for readers that follow the appender: they take the frame from
/// here, and with it the column that is the base of the target's next one. So a record that was just written
/// is not decoded once a destination, and all of them share the arrays that the appender holds anyway.
///
/// A frame goes once every reader that follows has taken it. The oldest go where the bytes do not suffice;
/// whoever has not got so far no longer follows and reads the disk until it has caught up. While nobody
/// follows nothing is kept. Any thread.
final class RecentFrames: Sendable {
    /// A frame as its record says it.
    struct Entry: Sendable {
        let frame: Frame
        /// Where the record ends.
        let end: BufferPosition
        let prefix: FramePrefix
        /// The numbers of the layout's chunks in the segment.
        let chunks: [UInt32]
        /// When it was appended, by the monotonic clock.
        let appendedNs: UInt64

        /// An estimate of what the frame's own arrays take.
        var bytes: Int { Self.overheadBytes + HeldBytes.of(frame) }

        private static let overheadBytes = 256
    }

    private struct State {
        /// Those before `head` are gone, and their places go once they are half of all.
        var entries: [Entry?] = []
        var head = 0
        var bytes = 0
        var nextReader = 0
        /// Where each reader stands that follows.
        var following: [Int: BufferPosition] = [:]

        var oldest: Entry? { head < entries.count ? entries[head] : nil }

        /// Lets go of what all that follow have taken.
        mutating func trim() {
            guard let first = following.values.min() else {
                entries = []
                (head, bytes) = (0, 0)
                return
            }
            while let oldest, oldest.end <= first { drop() }
        }

        mutating func drop() {
            bytes -= entries[head]?.bytes ?? 0
            entries[head] = nil
            head += 1
            if head == entries.count {
                entries.removeAll(keepingCapacity: entries.capacity <= 1_024)
                head = 0
            } else if head >= 64, head * 2 >= entries.count {
                entries.removeFirst(head)
                head = 0
            }
        }

        /// The place of the entry that ends at `end`, or of the first behind.
        func index(endingAt end: BufferPosition) -> Int {
            var (low, high) = (head, entries.count)
            while low < high {
                let middle = (low + high) / 2
                if let entry = entries[middle], entry.end < end { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    private let mostBytes: Int
    private let hold: MemoryHold
    private let state = Mutex(State())

    /// At most `mostBytes` are kept, and an eighth of what reading may hold. What others hold of it changes
    /// nothing: a reader that no longer follows would hold bases of its own, which take more.
    init(mostBytes: Int, memory: MemoryAccount) {
        self.mostBytes = min(mostBytes, memory.limitBytes(of: .reading) / 8)
        hold = MemoryHold(memory, .reading)
    }

    /// A number for a reader.
    func newReader() -> Int {
        state.withLock { state in
            state.nextReader += 1
            return state.nextReader
        }
    }

    /// The reader has read everything up to here and meets the tail: it follows from now on.
    func caughtUp(_ reader: Int, at position: BufferPosition) {
        guard mostBytes > 0 else { return }
        state.withLock { state in
            state.following[reader] = position
            state.trim()
            hold.set(state.bytes)
        }
    }

    /// The reader has ended or goes back: it does not follow.
    func leave(_ reader: Int) {
        state.withLock { state in
            guard state.following.removeValue(forKey: reader) != nil else { return }
            state.trim()
            hold.set(state.bytes)
        }
    }

    /// Called with each frame that was written, before readers can see it.
    func append(_ entry: Entry) {
        state.withLock { state in
            guard !state.following.isEmpty else { return }
            let bytes = entry.bytes
            while let oldest = state.oldest, state.bytes + bytes > mostBytes {
                state.drop()
                state.following = state.following.filter { $0.value >= oldest.end }
            }
            // One that is too large by itself is read from the disk.
            if state.bytes + bytes <= mostBytes, !state.following.isEmpty {
                state.entries.append(entry)
                state.bytes += bytes
            }
            state.trim()
            hold.set(state.bytes)
        }
    }

    /// The frame whose record ends here, when it is kept. The reader follows then.
    func take(_ reader: Int, endingAt end: BufferPosition) -> Entry? {
        guard mostBytes > 0 else { return nil }
        return state.withLock { state -> Entry? in
            let index = state.index(endingAt: end)
            guard index < state.entries.count, let entry = state.entries[index], entry.end == end else {
                return nil
            }
            state.following[reader] = end
            state.trim()
            hold.set(state.bytes)
            return entry
        }
    }

    /// How many are kept, and their bytes.
    var kept: (frames: Int, bytes: Int) {
        state.withLock { ($0.entries.count - $0.head, $0.bytes) }
    }
}
