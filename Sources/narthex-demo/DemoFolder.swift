import Platform

#if canImport(Glibc)
import Glibc
#endif

/// A temporary folder for the demo's configuration and buffer, gone at the end.
struct DemoFolder {
    private let root: String
    private let files = POSIXFiles()

    init() throws(FileError) {
        let temporary = ProcessEnvironment.current["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        root = "\(temporary)/narthex-demo-\(getpid())"
        try files.makeDirectory(root)
    }

    func path(_ name: String) -> String { "\(root)/\(name)" }

    func write(_ name: String, _ text: String) throws(FileError) {
        let file = try files.open(path(name), .create)
        let bytes = Array(text.utf8)
        // Safety: UInt8 has no padding, so every byte of the span may be read.
        try unsafe files.write(bytes.span.bytes, to: file, at: 0)
        try files.close(file)
    }

    func remove() { remove(root) }

    private func remove(_ folder: String) {
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
