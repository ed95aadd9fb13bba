import Glibc
import Platform

/// A folder of the test's own, gone with the object.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/narthex-agent-XXXXXX".utf8CString)
        // Safety: mkdtemp writes into the array, which lives through the call and ends with a zero.
        guard unsafe mkdtemp(&template) != nil else {
            throw FileError(operation: "mkdtemp", path: base, errno: errno, message: "no temporary folder")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        let files = POSIXFiles()
        // What cannot be removed stays in the temporary folder: nothing depends on it.
        guard let status = try? files.status(path), status.isDirectory else {
            try? files.remove(path)
            return
        }
        for name in (try? files.list(path)) ?? [] { remove("\(path)/\(name)") }
        _ = unsafe rmdir(path)
    }
}
