import Cryptography
import Platform

/// The last good text of a source that is not on this machine, kept in the storage directory for a start
/// while the source is away. Readable by its owner alone: it may hold secrets.
struct ConfigurationCache: Sendable {
    static let fileName = "last-good-configuration"
    private static let mark = "narthex-configuration-1"

    private let path: String
    private let folder: String
    private let location: String
    private let files: any FileDoor

    /// `location` is the text that names the source; the text of another source is never taken for it.
    init(storagePath: String, location: String, files: any FileDoor) {
        folder = storagePath
        path = storagePath.hasSuffix("/") ? storagePath + Self.fileName : "\(storagePath)/\(Self.fileName)"
        self.location = location
        self.files = files
    }

    /// Keeps a text that was taken into use.
    func store(_ found: ReadConfiguration) throws(FileError) {
        let contents = contents(found)
        // Most looks find what is there already, and a disk that is written to for nothing wears out.
        if try files.status(path) != nil, try files.contents(of: path, limitBytes: Self.limit) == contents {
            return
        }
        try files.makeDirectory(folder)
        try files.replace(path, with: contents, isPublic: false)
    }

    /// The text kept for this source; nil where none is, or it is damaged or another source's.
    func load() throws(FileError) -> ReadConfiguration? {
        guard try files.status(path) != nil else { return nil }
        let contents = try files.contents(of: path, limitBytes: Self.limit)
        guard let headEnd = contents.firstIndex(of: 0x0A) else { return nil }
        let rest = contents[contents.index(after: headEnd)...]
        guard let nameEnd = rest.firstIndex(of: 0x0A) else { return nil }
        let body = Array(rest)
        guard Array(contents[..<headEnd]) == head(body) else { return nil }
        return ReadConfiguration(
            name: String(decoding: rest[..<nameEnd], as: UTF8.self),
            text: Array(rest[rest.index(after: nameEnd)...]), version: ConfigurationVersion(parts: []),
            isKept: true)
    }

    /// A text, its name and the line before them.
    private static let limit = 8 << 20

    /// The first line tells whose text it is and that it is whole; the second is its name.
    private func contents(_ found: ReadConfiguration) -> [UInt8] {
        let body = Array(found.name.filter { !$0.isNewline }.utf8) + [0x0A] + found.text
        return head(body) + [0x0A] + body
    }

    private func head(_ body: [UInt8]) -> [UInt8] {
        Array("\(Self.mark) \(SHA256.hex(location)) \(SHA256.hex(bytes: body))".utf8)
    }
}
