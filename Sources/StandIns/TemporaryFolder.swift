public import Platform

#if canImport(Glibc)
import Glibc
#endif

/// A folder for the demo's and the benchmark's files, gone after the run.
public struct TemporaryFolder: Sendable {
    public let path: String

    /// Makes a folder of its own in `TMPDIR`, or else in `/tmp`; `name` is how its name begins.
    public init(name: String) throws(FileError) {
        let base = ProcessEnvironment.current["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        // mkdtemp(3) replaces six of this letter at the end.
        let replaced = String(repeating: "X", count: 6)
        var template = Array("\(base)/\(name).\(replaced)".utf8CString)
        // Safety: mkdtemp writes inside the null-terminated template it is given.
        guard unsafe mkdtemp(&template) != nil else {
            throw FileError(operation: "mkdtemp", path: base, errno: errno, message: "no temporary folder")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes the folder and what is in it.
    public func remove() { Self.remove(path) }

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
