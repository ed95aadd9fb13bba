import Platform

/// `@FILE` on a command line: the file's lines stand in its place, as in Prometheus (kingpin's
/// ExpandArgsFromFile): an argument a line, nothing trimmed, lines that begin with `#` left out. A line may
/// name another file.
struct ArgumentFiles {
    /// A command line's worth: the kernel takes about as much.
    private static let fileLimitBytes = 1 << 20
    private static let mostFiles = 32
    private static let mostArguments = 10_000

    private let files: any FileDoor
    private var opened = 0
    private var taken = 0

    init(files: any FileDoor) { self.files = files }

    /// The arguments that stand for `argument`, which begins with `@`. A file that names itself is stopped by
    /// the bounds. Throws a sentence.
    mutating func arguments(for argument: String) throws(CommandLineError) -> [String] {
        let path = String(argument.dropFirst())
        guard !path.isEmpty else { throw CommandLineError("@ needs the name of a file with arguments") }
        opened += 1
        guard opened <= Self.mostFiles else {
            throw CommandLineError("@\(path): more than \(Self.mostFiles) files of arguments are named")
        }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try files.contents(of: path, limitBytes: Self.fileLimitBytes)
        } catch {
            throw CommandLineError("@\(path): the file of arguments cannot be read: \(error.message)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandLineError("@\(path): the file of arguments is not valid UTF-8")
        }
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
            .map(String.init)
        // What ends the last line begins no other one.
        if lines.last?.isEmpty == true { lines.removeLast() }
        lines.removeAll { $0.hasPrefix("#") }
        taken += lines.count
        guard taken <= Self.mostArguments else {
            throw CommandLineError("@\(path): more than \(Self.mostArguments) arguments are in files")
        }
        return lines
    }
}
