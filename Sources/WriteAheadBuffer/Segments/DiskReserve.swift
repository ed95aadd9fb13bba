internal import Logging
internal import Platform
import Synchronization
internal import Telemetry

/// Room on the disk for what must still be written when frames have filled it: cursors, without which no
/// segment can go, and the beginning of a segment. It is a file that is removed when a write finds no space.
/// Until it could be made again the disk is given no frame: frames would eat what it left.
final class DiskReserve: Sendable {
    private struct State {
        var isHeld = false
        var isGivenUp = false
        /// When it was last tried in vain, and beside how many bytes of segments.
        var tried: (ns: UInt64, segmentBytes: UInt64)?
        /// That the disk does not let it go was said.
        var hasSaidStuck = false
    }

    /// Where the segments have not shrunk, somebody else may have made room: looked at this often.
    static let retryNs: UInt64 = 10_000_000_000

    private let path: String
    private let sizeBytes: Int
    private let files: any FileDoor
    /// How often it was given up.
    private let uses: Counter
    private let logger: Logger
    private let state = Mutex(State())

    /// Without bytes there is none, and nothing is ever refused for its sake.
    init(directory: String, sizeBytes: Int, files: any FileDoor, uses: Counter, logger: Logger) {
        path = "\(directory)/\(BufferFileName.reserve)"
        self.sizeBytes = sizeBytes
        self.files = files
        self.uses = uses
        self.logger = logger
    }

    /// Whether the disk was full and may still be: it is to be given no frame.
    var isGivenUp: Bool { state.withLock { $0.isGivenUp } }

    /// Whether it is to be made again: it was given up, or could not be made at the start.
    var isMissing: Bool { sizeBytes > 0 && state.withLock { !$0.isHeld } }

    /// Whether the disk was full and still had no room for it, beside so many bytes of segments as there are.
    func hasNoRoom(besideSegmentBytes bytes: UInt64) -> Bool {
        state.withLock { state in state.isGivenUp && state.tried.map { bytes >= $0.segmentBytes } ?? false }
    }

    /// Makes it, or takes the one that is there. At the start, by one thread.
    func make() {
        guard sizeBytes > 0 else { return }
        do throws(FileError) {
            // A start does not wait for the disk: its room was asked for, or is there since an earlier run.
            try write(syncs: false)
            state.withLock { $0.isHeld = true }
        } catch {
            state.withLock { $0.isGivenUp = error.isNoSpace }
            // Of a full disk the first frame tells.
            guard !error.isNoSpace else { return }
            logger.error(
                "no room can be kept free for a full disk; it is tried again", metadata: ["err": "\(error)"])
        }
    }

    /// Frees its space; true when there was one. `cause` is the write that found none.
    func giveUp(_ cause: FileError) -> Bool {
        let wasHeld = state.withLock { state in
            guard state.isHeld else { return false }
            state.isHeld = false
            state.isGivenUp = true
            return true
        }
        guard wasHeld else { return false }
        do throws(FileError) {
            try files.remove(path)
            uses.add()
            return true
        } catch {
            if error.errno == 2 {  // ENOENT: somebody else has removed it
                uses.add()
                return true
            }
            // It still takes its room, so nothing is to be made again.
            let isFirst = state.withLock { state in
                defer { state.hasSaidStuck = true }
                state.isHeld = true
                state.isGivenUp = false
                return !state.hasSaidStuck
            }
            if isFirst {
                logger.error(
                    "the room kept free for a full disk cannot be used",
                    metadata: ["err": "\(error)", "cause": "\(cause)"])
            }
            return false
        }
    }

    /// Makes it again where there may be space now. Called by the keeper.
    func regain(segmentBytes: UInt64, nowNs: UInt64) {
        let mayTry = state.withLock { state in
            guard let tried = state.tried else { return true }
            return segmentBytes < tried.segmentBytes || nowNs >= tried.ns + Self.retryNs
        }
        guard mayTry else { return }
        do throws(FileError) {
            try write(syncs: true)
        } catch {
            return state.withLock { $0.tried = (nowNs, segmentBytes) }
        }
        state.withLock { $0 = State(isHeld: true) }
    }

    /// Bytes rather than an allocation alone: no file system gives those away twice or does not know them.
    /// The allocation comes first, as some file systems look for the room of what is written only later.
    private func write(syncs: Bool) throws(FileError) {
        let file = try files.open(path, .update)
        do throws(FileError) {
            if try !isWhole(file) {
                try files.truncate(file, to: 0)
                try files.allocate(file, length: UInt64(sizeBytes))
                let bytes = FillerBytes.make(count: sizeBytes)
                // Safety: UInt8 has no padding, so every byte of the span may be read.
                try unsafe files.write(bytes.span.bytes, to: file, at: 0)
                if syncs { try files.sync(file) }
            }
            try files.close(file)
        } catch {
            // What was written of it takes the room that is needed; the fault is told by who called.
            try? files.close(file)
            try? files.remove(path)
            throw error
        }
    }

    /// Whether the file is one that takes its room: earlier versions wrote zeros, which take none where the
    /// file system compresses.
    private func isWhole(_ file: OpenFile) throws(FileError) -> Bool {
        guard try files.length(of: file) == UInt64(sizeBytes) else { return false }
        let wanted = min(8, sizeBytes)
        var window = RecordWindow(file, files: files)
        window.reach = .wanted
        guard let base = try window.require(wanted, at: 0, limit: UInt64(sizeBytes)) else { return false }
        return window.bytes[base..<base + wanted].contains { $0 != 0 }
    }
}

extension FileError {
    /// ENOSPC or EDQUOT: the disk, or what this user may have of it, is full.
    var isNoSpace: Bool { errno == 28 || errno == 122 }
}

extension BufferCore {
    /// Does what must go on though the disk is full: with the reserve given up it is tried once more.
    func evenIfFull<Result>(_ body: () throws(FileError) -> Result) throws(FileError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            guard error.isNoSpace, reserve.giveUp(error) else { throw error }
        }
        return try body()
    }
}
