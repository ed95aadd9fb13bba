import Glibc
import Platform

/// A folder of the test's own, gone with the object.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/narthex-buffer-XXXXXX".utf8CString)
        // Safety: mkdtemp writes into the array, which lives through the call and ends with a zero.
        guard unsafe mkdtemp(&template) != nil else {
            throw FileError(operation: "mkdtemp", path: base, errno: errno, message: "no temporary folder")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        let files = POSIXFiles()
        // What cannot be removed stays in the temporary folder: nothing depends on it.
        for name in (try? files.list(path)) ?? [] { try? files.remove("\(path)/\(name)") }
        _ = unsafe rmdir(path)
    }
}
