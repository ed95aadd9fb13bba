import Platform

/// The file in the storage directory that says where a running agent's pages are, for `narthex healthcheck`:
/// a URL a line. An agent that was killed leaves it behind, and the next one writes it anew.
struct StatusAddressFile: Sendable {
    static let name = "narthex.status-address"
    /// The most that is read of the file. The addresses of an agent take far less.
    private static let limitBytes = 65_536

    private let directory: String
    private let path: String
    private let files: any FileDoor

    init(storagePath: String, files: any FileDoor) {
        directory = storagePath
        path = storagePath.hasSuffix("/") ? storagePath + Self.name : "\(storagePath)/\(Self.name)"
        self.files = files
    }

    func store(_ urls: [String]) throws(FileError) {
        try files.replace(path, with: Array(urls.map { $0 + "\n" }.joined().utf8))
    }

    /// What was stored; empty where there is no such file.
    func load() throws(FileError) -> [String] {
        guard try files.status(path) != nil else { return [] }
        let text = String(decoding: try files.contents(of: path, limitBytes: Self.limitBytes), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    /// Takes it away, where it is.
    func remove() throws(FileError) {
        if try files.status(path) != nil { try files.remove(path) }
    }
}
