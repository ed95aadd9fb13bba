import Platform
import StandIns

/// A temporary folder for the demo's configuration and buffer, gone at the end.
struct DemoFolder {
    private let folder: TemporaryFolder
    private let files = POSIXFiles()

    init() throws(FileError) { folder = try TemporaryFolder(name: "narthex-demo") }

    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    func write(_ name: String, _ text: String) throws(FileError) {
        let file = try files.open(path(name), .create)
        let bytes = Array(text.utf8)
        // Safety: UInt8 has no padding, so every byte of the span may be read.
        try unsafe files.write(bytes.span.bytes, to: file, at: 0)
        try files.close(file)
    }

    func remove() { folder.remove() }
}
