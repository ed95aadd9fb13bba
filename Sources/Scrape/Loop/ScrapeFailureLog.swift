internal import JSON
public import Platform
import Synchronization

/// A file with a line of JSON for every scrape that failed: `scrape_failure_log_file`. The fields are
/// Prometheus'. Several jobs may share one. Thread-safe.
public final class ScrapeFailureLog: Sendable {
    private struct State {
        var file: OpenFile
        /// Whether the last line could not be written.
        var isFailing = false
    }

    private let path: String
    private let files: any FileDoor
    private let state: Mutex<State>

    /// Opens the file, and makes it when it is not there.
    public init(_ path: String, files: any FileDoor) throws(FileError) {
        self.path = path
        self.files = files
        state = Mutex(State(file: try files.open(path, .update)))
    }

    /// Opens the file at the same path again, so that one which was renamed is let go and a new one begins.
    /// After a throw the old file is written on.
    func reopen() throws(FileError) {
        let fresh = try files.open(path, .update)
        let old = state.withLock { state in
            defer { state = State(file: fresh) }
            return state.file
        }
        // Nothing is lost: every line was written at once.
        try? files.close(old)
    }

    /// Appends one line. Throws the first time that it cannot be written, and again only after it could be:
    /// a full disk is no reason for a message a scrape.
    func write(job: String, target: String, error: String, wallMs: Int64) throws(FileError) {
        let failure = JSONValue.object([
            "time": .string(Timestamp.text(ms: wallMs)), "level": "ERROR", "msg": .string(error),
            "job_name": .string(job), "target": .string(target),
        ])
        let line = Array((failure.text() + "\n").utf8)
        try state.withLock { state throws(FileError) in
            do throws(FileError) {
                // Asked each time: whoever rotates the file may cut it short meanwhile.
                let end = try files.length(of: state.file)
                // Safety: bytes have no padding, so every one of the span's may be read.
                try unsafe files.write(line.span.bytes, to: state.file, at: end)
                state.isFailing = false
            } catch {
                defer { state.isFailing = true }
                if !state.isFailing { throw error }
            }
        }
    }

    deinit {
        // Nothing is lost: every line was written at once.
        try? files.close(state.withLock { $0.file })
    }
}
