import Logging
import Platform
import WriteAheadBuffer

#if canImport(Glibc)
import Glibc
#endif

/// The directory of `--storage.agent.path` before the buffer opens it, and what to do where it cannot.
enum StorageDirectory {
    /// What Prometheus locks with flock(2) while it runs: `lock` in its data directory.
    private static let lockName = "lock"
    /// Only Prometheus' agents and servers have these directories there.
    private static let ofPrometheus = ["wal", "chunks_head"]

    /// Tells of a directory that a Prometheus has written. Throws where one has it locked.
    static func check(_ path: String, files: any FileDoor, logger: Logger) throws(AgentError) {
        var directory = path
        while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        let known = ofPrometheus.filter { name in
            // What cannot be looked at is told when the buffer opens it.
            (try? files.status("\(directory)/\(name)"))?.isDirectory ?? false
        }
        guard !known.isEmpty else { return }
        if isLocked("\(directory)/\(lockName)", files: files, logger: logger) {
            let pid = LockHolder.pid(of: "\(directory)/\(lockName)", files: files)
            let holder = pid.map { "a Prometheus, probably process \($0)," } ?? "a Prometheus"
            throw AgentError(
                .storage,
                "--storage.agent.path: \(holder) runs on \(directory) and has \(directory)/\(lockName)"
                    + " locked: stop it, or give --storage.agent.path another directory")
        }
        // Debian's Prometheus locks nothing unless it is told to.
        if let pid = OpenFileUser.pid(ofFilesIn: known.map { "\(directory)/\($0)" }, files: files) {
            throw AgentError(
                .storage,
                "--storage.agent.path: the process \(pid), probably a Prometheus, has files of \(directory)"
                    + " open: stop it, or give --storage.agent.path another directory")
        }
        logger.warning(
            """
            the storage directory is that of a Prometheus: its samples there are left alone and not sent. \
            Let that Prometheus send what it has before it is replaced. Narthex keeps its own files beside \
            them
            """,
            metadata: [
                "dir": "\(directory)",
                "left_alone": "\(known.map { "\(directory)/\($0)" }.joined(separator: " "))",
            ])
    }

    private static func isLocked(_ path: String, files: any FileDoor, logger: Logger) -> Bool {
        do throws(FileError) {
            guard try files.status(path)?.isRegular ?? false else { return false }
            let file = try files.open(path, .read)
            let isFree: Result<Bool, FileError>
            do throws(FileError) { isFree = .success(try files.lock(file)) } catch {
                isFree = .failure(error)
            }
            try files.close(file)
            return try !isFree.get()
        } catch {
            logger.warning(
                "it cannot be found out whether a Prometheus uses the storage directory",
                metadata: ["err": "\(error)"])
            return false
        }
    }

    /// An error of the buffer, with what to do about it.
    static func fault(_ error: BufferError, in path: String) -> AgentError {
        let whatToDo = error.cause.map { advice(errno: $0.errno, path: path) } ?? ""
        return AgentError(.storage, "--storage.agent.path: \(error)\(whatToDo)")
    }

    /// What to do where the kernel refuses; a sentence behind the error, or nothing.
    static func advice(errno: Int32, path: String) -> String {
        switch errno {
        case EACCES, EPERM:
            ". Let the user that Narthex runs as (uid \(geteuid())) write to \(path), or give"
                + " --storage.agent.path another directory"
        case EROFS:
            ". The file system is read-only: mount a volume that can be written, and give its directory to"
                + " --storage.agent.path"
        case ENOSPC, EDQUOT:
            ". Make room there, or give --storage.agent.path a directory on another disk; the buffer takes up"
                + " to --storage.agent.retention.max-size"
        case ENOTDIR, EEXIST, EISDIR, ENOENT:
            ". Give --storage.agent.path a directory, or a path at which one can be made"
        case EIO: ". The disk fails: give --storage.agent.path a directory on another one"
        default: ""
        }
    }
}
