internal import Logging
internal import Platform
import Synchronization

/// Room on the disk for what must still be written when frames have filled it: cursors, without which no
/// segment can go, and the beginning of a segment. It is a file of zeros that is removed when a write finds
/// no space. Until it could be made again no frame is taken: frames would eat what it left.
final class DiskReserve: Sendable {
    private struct State {
        var isHeld = false
        var isGivenUp = false
        /// When it was last tried in vain, and beside how many bytes of segments.
        var tried: (ns: UInt64, segmentBytes: UInt64)?
    }

    /// Where the segments have not shrunk, somebody else may have made room: looked at this often.
    static let retryNs: UInt64 = 10_000_000_000

    private let path: String
    private let sizeBytes: Int
    private let files: any FileDoor
    private let logger: Logger
    private let state = Mutex(State())

    /// Without bytes there is none, and nothing is ever refused for its sake.
    init(directory: String, sizeBytes: Int, files: any FileDoor, logger: Logger) {
        path = "\(directory)/\(BufferFileName.reserve)"
        self.sizeBytes = sizeBytes
        self.files = files
        self.logger = logger
    }

    /// Whether frames are to be refused.
    var isGivenUp: Bool { state.withLock { $0.isGivenUp } }

    /// Makes it, or takes the one that is there. At the start, by one thread.
    func make() {
        guard sizeBytes > 0 else { return }
        do throws(FileError) {
            try write()
            state.withLock { $0.isHeld = true }
        } catch {
            state.withLock { $0.isGivenUp = error.isNoSpace }
            logger.error(
                error.isNoSpace
                    ? "the disk is full: no sample is taken until \(sizeBytes) bytes are free"
                    : "no room can be kept free for a full disk",
                metadata: ["err": "\(error)"])
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
        logger.error(
            "the disk is full: samples are lost until there is room; what is buffered is still sent",
            metadata: ["err": "\(cause)"])
        do throws(FileError) {
            try files.remove(path)
            return true
        } catch {
            logger.error("the room kept free cannot be used", metadata: ["err": "\(error)"])
            return false
        }
    }

    /// Makes it again where there may be space now. Called by the keeper.
    func regain(segmentBytes: UInt64, nowNs: UInt64) {
        let isDue = state.withLock { state in
            guard state.isGivenUp else { return false }
            guard let tried = state.tried else { return true }
            return segmentBytes < tried.segmentBytes || nowNs >= tried.ns + Self.retryNs
        }
        guard isDue else { return }
        do throws(FileError) {
            try write()
        } catch {
            // Told when it was given up; the disk is as full as then.
            return state.withLock { $0.tried = (nowNs, segmentBytes) }
        }
        state.withLock { $0 = State(isHeld: true) }
        logger.info("the disk has room again: samples are taken")
    }

    /// Zeros rather than an allocation: no file system gives those away twice or does not know them.
    private func write() throws(FileError) {
        let file = try files.open(path, .update)
        do throws(FileError) {
            if try files.length(of: file) != UInt64(sizeBytes) {
                try files.truncate(file, to: 0)
                let zeros = [UInt8](repeating: 0, count: sizeBytes)
                // Safety: UInt8 has no padding, so every byte of the span may be read.
                try unsafe files.write(zeros.span.bytes, to: file, at: 0)
            }
            try files.close(file)
        } catch {
            // What was written of it takes the room that is needed; the fault is told by who called.
            try? files.close(file)
            try? files.remove(path)
            throw error
        }
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
