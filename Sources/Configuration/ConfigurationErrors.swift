import Platform

/// One thing wrong in a configuration or target file: where, what, and what to write instead. Never a secret.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    public let file: String
    /// From 1; 0 when the error has no line, for instance an unreadable file.
    public let line: Int
    /// From 1, counted in characters.
    public let column: Int
    /// What it quotes of the file is shown by `VisibleText`.
    public let message: String

    public init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = VisibleText.shown(message)
    }

    public var description: String {
        VisibleText.shown(line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)")
    }
}

/// Everything wrong in a file and those it includes, file by file, each in its order.
public struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// Never empty.
    public let errors: [ConfigurationError]

    public init(_ errors: [ConfigurationError]) {
        precondition(!errors.isEmpty, "an error says what is wrong")
        // What has no line concerns the whole and comes last.
        var files: [String: Int] = [:]
        for error in errors where files[error.file] == nil { files[error.file] = files.count }
        self.errors = errors.sorted {
            (files[$0.file] ?? 0, place($0), $0.column) < (files[$1.file] ?? 0, place($1), $1.column)
        }
        func place(_ error: ConfigurationError) -> Int { error.line > 0 ? error.line : Int.max }
    }

    /// A line an error.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
