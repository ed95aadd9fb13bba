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
}
