import Cryptography
import Platform

/// The last good text of a source that is not on this machine, kept in the storage directory for a start
/// while the source is away, with the files that its job brings. Readable by its owner alone: it may hold
/// secrets.
///
/// The first line says whose text it is and that it is whole; behind it stand fields, each a line with its
/// length in bytes and the bytes.
struct ConfigurationCache: Sendable {
    static let fileName = "last-good-configuration"
    private static let mark = "narthex-configuration-2"
    /// Texts, companions and what stands before them.
    private static let limit = 48 << 20
    /// What else says where a name of AWS leads.
    private static let variables = [
        "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    ]

    private let path: String
    private let folder: String
    private let source: String
    private let files: any FileDoor

    /// `location` is the text that names the source, and `environment` says in which region and at which
    /// endpoint; the text of another source is never taken for it.
    init(storagePath: String, location: String, environment: [String: String], files: any FileDoor) {
        folder = storagePath
        path = storagePath.hasSuffix("/") ? storagePath + Self.fileName : "\(storagePath)/\(Self.fileName)"
        source = ([location] + Self.variables.map { environment[$0] ?? "" }).joined(separator: "\n")
        self.files = files
    }

    /// Keeps a text that was taken into use.
    func store(_ found: ReadConfiguration) throws(FileError) {
        let contents = contents(found)
        // Most looks find what is there already, and a disk that is written to for nothing wears out.
        if let old = try files.status(path), old.length == UInt64(contents.count),
            try files.contents(of: path, limitBytes: Self.limit) == contents
        {
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
        let body = Array(contents[contents.index(after: headEnd)...])
        guard Array(contents[..<headEnd]) == head(body) else { return nil }
        var rest = body[...]
        guard let name = Self.field(&rest), let shownName = Self.field(&rest), let text = Self.field(&rest)
        else { return nil }
        var found = ReadConfiguration(
            name: String(decoding: name, as: UTF8.self), text: text,
            version: ConfigurationVersion(parts: [], isRemote: true), isKept: true)
        if !shownName.isEmpty { found.shownName = String(decoding: shownName, as: UTF8.self) }
        while !rest.isEmpty {
            guard let path = Self.field(&rest), let modeText = Self.field(&rest),
                let mode = UInt32(String(decoding: modeText, as: UTF8.self)), let bytes = Self.field(&rest)
            else { return nil }
            found.companions.append(
                .init(path: String(decoding: path, as: UTF8.self), bytes: bytes, mode: mode))
        }
        return found
    }

    private func contents(_ found: ReadConfiguration) -> [UInt8] {
        var body: [UInt8] = []
        func add(_ bytes: [UInt8]) { body += Array("\(bytes.count)\n".utf8) + bytes }
        add(Array(found.name.utf8))
        add(Array((found.shownName ?? "").utf8))
        add(found.text)
        for file in found.companions {
            add(Array(file.path.utf8))
            add(Array("\(file.mode)".utf8))
            add(file.bytes)
        }
        return head(body) + [0x0A] + body
    }

    /// Takes a field off the front of `rest`; nil where there is none.
    private static func field(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard let end = rest.firstIndex(of: 0x0A),
            let count = Int(String(decoding: rest[..<end], as: UTF8.self)), count >= 0,
            rest.distance(from: end, to: rest.endIndex) - 1 >= count
        else { return nil }
        let start = end + 1
        defer { rest = rest[(start + count)...] }
        return Array(rest[start..<start + count])
    }

    private func head(_ body: [UInt8]) -> [UInt8] {
        Array("\(Self.mark) \(SHA256.hex(source)) \(SHA256.hex(bytes: body))".utf8)
    }
}
