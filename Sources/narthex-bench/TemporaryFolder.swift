import Platform

#if canImport(Glibc)
import Glibc
#endif

/// A folder that is gone after the run.
struct TemporaryFolder {
    let path: String

    init() throws(BenchError) {
        var template = Array("/tmp/narthex-bench.XXXXXX".utf8CString)
        // Safety: mkdtemp writes inside the null-terminated template it is given.
        guard let made = unsafe mkdtemp(&template) else { throw BenchError("mkdtemp: errno \(errno)") }
        path = unsafe String(cString: made)
    }

    /// Removes the folder and what is in it.
    func remove() {
        Self.remove(path)
    }

    private static func remove(_ folder: String) {
        let files = POSIXFiles()
        // What cannot be removed stays in the temporary folder, which the system clears.
        for name in (try? files.list(folder)) ?? [] {
            let entry = "\(folder)/\(name)"
            if let status = try? files.status(entry), status.isDirectory {
                remove(entry)
            } else {
                try? files.remove(entry)
            }
        }
        // Safety: rmdir reads the null-terminated path it is given.
        _ = unsafe rmdir(folder)
    }
}
