internal import JSON
public import Platform
import Synchronization

/// A file with a line of JSON for every scrape that failed: `scrape_failure_log_file`. The fields are
/// Prometheus'. Several jobs may share one. Thread-safe.
public final class ScrapeFailureLog: Sendable {
    private let file: OpenFile
    private let files: any FileDoor
    /// Whether the last line could not be written.
    private let isFailing = Mutex(false)

    /// Opens the file, and makes it when it is not there.
    public init(_ path: String, files: any FileDoor) throws(FileError) {
        self.files = files
        file = try files.open(path, .update)
    }

    /// Appends one line. Throws the first time that it cannot be written, and again only after it could be:
    /// a full disk is no reason for a message a scrape.
    func write(job: String, target: String, error: String, wallMs: Int64) throws(FileError) {
        let failure = JSONValue.object([
            "time": .string(Timestamp.text(ms: wallMs)), "level": "ERROR", "msg": .string(error),
            "job_name": .string(job), "target": .string(target),
        ])
        let line = Array((failure.text() + "\n").utf8)
        try isFailing.withLock { isFailing throws(FileError) in
            do throws(FileError) {
                // Asked each time: whoever rotates the file may cut it short meanwhile.
                let end = try files.length(of: file)
                // Safety: bytes have no padding, so every one of the span's may be read.
                try unsafe files.write(line.span.bytes, to: file, at: end)
                isFailing = false
            } catch {
                defer { isFailing = true }
                if !isFailing { throw error }
            }
        }
    }

    deinit {
        // Nothing is lost: every line was written at once.
        try? files.close(file)
    }
}
