import HTTPTransport
import Platform
import Synchronization

/// A file that options name, and the key that names it.
struct NamedFile: Sendable, Hashable {
    let path: String
    /// For instance `ca_file`.
    let key: String
}

/// Files of secrets and certificates, read when they changed. To be called on threads that may block.
final class FileTexts: Sendable {
    /// Largest file taken: a bundle of every public authority has a fifth of this.
    static let limitBytes = 1 << 20

    private struct Known: Sendable {
        let status: FileStatus
        let bytes: [UInt8]
    }

    private let files: any FileDoor
    private let known = Mutex<[String: Known]>([:])

    init(files: any FileDoor) { self.files = files }

    /// Every file's bytes: from memory unless inode, size or time changed. Fails when one cannot be read: an
    /// old secret is no substitute for one that was taken away.
    func look(at named: [NamedFile]) throws(HTTPError) -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for file in named {
            let path = file.path
            do throws(FileError) {
                guard let status = try files.status(path) else {
                    throw FileError(operation: "open", path: path, errno: 0, message: "no such file")
                }
                if let before = known.withLock({ $0[path] }), before.status == status {
                    contents[path] = before.bytes
                    continue
                }
                let bytes = try files.contents(of: path, limitBytes: Self.limitBytes)
                known.withLock { $0[path] = Known(status: status, bytes: bytes) }
                contents[path] = bytes
            } catch {
                throw HTTPError(
                    .credentials, "\(file.key): the file cannot be read: \(error.description)")
            }
        }
        return contents
    }
}
