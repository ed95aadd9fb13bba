public import Platform
import Synchronization

/// The failure logs of all jobs, one for each file.
public final class ScrapeFailureLogs: Sendable {
    private let files: any FileDoor
    private let open = Mutex<[String: ScrapeFailureLog]>([:])

    public init(files: any FileDoor) { self.files = files }

    /// The log in the file at `path`; nil without one.
    public func log(_ path: String?) throws(FileError) -> ScrapeFailureLog? {
        guard let path else { return nil }
        return try open.withLock { open throws(FileError) in
            if let known = open[path] { return known }
            let log = try ScrapeFailureLog(path, files: files)
            open[path] = log
            return log
        }
    }

    /// Opens the files at `paths` again, as logrotate expects of a reload, and lets go of the others. Blocks
    /// on the disk. Returns what went wrong: such a file is written on as it is.
    public func reopen(_ paths: Set<String>) -> [FileError] {
        let logs = open.withLock { open in
            open = open.filter { paths.contains($0.key) }
            return Array(open.values)
        }
        return logs.compactMap { log in
            do throws(FileError) {
                try log.reopen()
                return nil
            } catch {
                return error
            }
        }
    }
}
