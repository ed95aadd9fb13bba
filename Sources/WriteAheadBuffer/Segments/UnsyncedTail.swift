internal import Platform
import Synchronization

/// The end of one segment that is not known to be durable, with a copy of it in memory.
///
/// The kernel gives the pages of a failed fdatasync up and tells of it once: that a later fdatasync succeeds
/// proves nothing about them. So what was written since the last good one is kept until the next. After a
/// failure the segment is written anew from it (`SegmentRenewal`), and its old file is not synced again.
final class UnsyncedTail: Sendable {
    /// Bytes that are copied at most. Beyond, the appender makes the segment durable before it goes on; while
    /// the disk refuses that, what more is written is not copied, and a renewal reads it from the old file.
    static let limitBytes = 8 << 20
    /// The copies' memory that is kept allocated after a sync, in bytes; more than that is freed.
    private static let keptBytes = 256 << 10

    /// A run of the file. `copy` holds its beginning: all of it, but for a disk that fails for long.
    struct Run: Sendable {
        var start: UInt64 = 0
        var end: UInt64 = 0
        var copy: [UInt8] = []

        var isWhole: Bool { end - start == UInt64(copy.count) }

        /// What lay behind `length` was cut off the file.
        mutating func cut(to length: UInt64) {
            start = min(start, length)
            end = min(end, length)
            let kept = Int(end - start)
            if copy.count > kept { copy.removeSubrange(kept...) }
        }
    }

    private struct State {
        /// What the sync under way, or the one that failed, is about. Empty otherwise.
        var settling = Run()
        /// What was written after that sync began.
        var fresh = Run()
        var failure: FileError?

        var heldBytes: Int { settling.copy.count + fresh.copy.count }

        /// Everything so far is what the sync is about.
        mutating func begin() {
            swap(&settling, &fresh)
            fresh.start = settling.end
            fresh.end = settling.end
        }

        mutating func succeed() {
            settling.start = settling.end
            settling.copy.removeAll(keepingCapacity: settling.copy.capacity <= UnsyncedTail.keptBytes)
        }
    }

    /// The segment's number.
    let number: UInt64
    let file: OpenFile
    private let files: any FileDoor
    private let metrics: BufferMetrics
    /// The copies are charged to it.
    private let hold: MemoryHold?
    private let state = Mutex(State())
    /// Held while the disk works: one sync of a file at a time, since the kernel tells of a failure once.
    private let syncing = Mutex<Void>(())

    init(
        number: UInt64, file: OpenFile, files: any FileDoor, metrics: BufferMetrics,
        memory: MemoryAccount? = nil
    ) {
        hold = memory.map { MemoryHold($0, .unsynced) }
        self.number = number
        self.file = file
        self.files = files
        self.metrics = metrics
    }

    /// Of a segment that an earlier run has written: nothing of it is known to be durable, and there is no
    /// copy. After a failed sync a renewal reads it from the old file.
    convenience init(
        earlier segment: SegmentInfo, file: OpenFile, files: any FileDoor, metrics: BufferMetrics
    ) {
        self.init(number: segment.number, file: file, files: files, metrics: metrics)
        state.withLock { $0.fresh.end = segment.length }
    }

    /// Something was written that is not known to be durable.
    var isDirty: Bool { state.withLock { $0.settling.start < $0.fresh.end } }
    /// A sync failed: what is not known to be durable is in doubt until the segment is written anew.
    var isInDoubt: Bool { state.withLock { $0.failure != nil } }
    /// Bytes of copies.
    var heldBytes: Int { state.withLock { $0.heldBytes } }
    /// What is not known to be durable, in order, up to the file's end.
    var runs: [Run] { state.withLock { [$0.settling, $0.fresh] } }

    /// `count` bytes of `storage` were written at the file's end. Called by the appender, which makes the
    /// segment durable here when there are too many copies.
    func wrote(_ storage: [UInt8], count: Int) {
        let isFull = state.withLock { state in
            // One record may be longer than the bound: it is copied when it is the only one.
            if state.fresh.isWhole, state.heldBytes == 0 || state.heldBytes + count <= Self.limitBytes {
                state.fresh.copy.append(contentsOf: storage[..<count])
            }
            state.fresh.end += UInt64(count)
            hold?.set(state.heldBytes)
            let isOver = state.heldBytes >= Self.limitBytes || !state.fresh.isWhole
            return isOver && state.failure == nil
        }
        guard isFull else { return }
        // It has been told and counted; the keeper writes the segment anew.
        try? sync()
    }

    /// The file was cut back to `length` bytes.
    func cut(to length: UInt64) {
        state.withLock { state in
            state.settling.cut(to: length)
            state.fresh.cut(to: length)
            hold?.set(state.heldBytes)
        }
    }

    /// Lets the copies go: the oldest segments in doubt have used the memory for them up.
    func forgetCopies() {
        state.withLock { state in
            state.settling.copy = []
            state.fresh.copy = []
            hold?.set(0)
        }
    }

    /// Makes durable what was written so far. After a failure it throws that again without asking the disk,
    /// whose answer would mean nothing.
    func sync() throws(FileError) {
        try syncing.withLock { _ throws(FileError) in
            let earlier = state.withLock { state in
                if state.failure == nil { state.begin() }
                return state.failure
            }
            if let earlier { throw earlier }
            do throws(FileError) {
                try files.sync(file)
            } catch {
                state.withLock { $0.failure = error }
                metrics.syncFailed(error)
                throw error
            }
            state.withLock { state in
                state.succeed()
                hold?.set(state.heldBytes)
            }
        }
    }
}
