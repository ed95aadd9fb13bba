#if canImport(Glibc)
import Glibc
#endif

/// The process' own streams and surroundings.
public enum StandardStreams {
    /// Writes to standard error. When that fails there is nowhere left to say so.
    public static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Writes to standard output. A closed pipe is the reader's choice and no error of ours.
    public static func writeOutput(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Whether standard output is a terminal.
    public static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            // Safety: the pointer is used only inside the closure, inside the array's bounds.
            let count = unsafe bytes[done...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            done += count
        }
    }
}

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// A copy, read through `environ` without Foundation. A name that stands twice keeps its first value, as
    /// getenv does.
    public static var current: [String: String] {
        var result: [String: String] = [:]
        // Safety: `environ` is a null-terminated array of null-terminated strings; nothing in this process
        // writes it.
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                let name = String(line[..<equals])
                if result[name] == nil { result[name] = String(line[line.index(after: equals)...]) }
            }
            unsafe entry += 1
        }
        return result
    }
}

/// What this machine is called.
public enum HostName {
    /// The kernel's node name; empty when it has none.
    public static var current: String {
        var names = utsname()
        // Safety: `names` lives through the call; the field is null-terminated inside its own length.
        guard unsafe uname(&names) == 0 else { return "" }
        return unsafe withUnsafeBytes(of: names.nodename) { raw in
            unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
