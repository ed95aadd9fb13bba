#if canImport(Glibc)
import Glibc
#endif

/// The process' own streams and surroundings.
public enum StandardStreams {
    /// Writes to standard error. When that fails there is nowhere left to say so.
    public static func writeError(_ text: String) { _ = write(text, to: STDERR_FILENO) }

    /// Writes to standard output. Gives the kernel's words for why not all of it could be written; nil when
    /// it was. A closed pipe is the reader's choice and no error of ours.
    @discardableResult
    public static func writeOutput(_ text: String) -> String? {
        let problem = write(text, to: STDOUT_FILENO)
        guard problem != 0, problem != EPIPE else { return nil }
        // Safety: strerror's text is copied at once.
        return unsafe strerror(problem).map { unsafe String(cString: $0) } ?? "error \(problem)"
    }

    /// Whether standard output is a terminal.
    public static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// The kernel's errno; 0 when everything was written.
    private static func write(_ text: String, to descriptor: Int32) -> Int32 {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            // Safety: the pointer is used only inside the closure, inside the array's bounds.
            let count = unsafe bytes[done...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : EIO }
            done += count
        }
        return 0
    }
}
