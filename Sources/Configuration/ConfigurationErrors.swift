/// One thing wrong in a configuration or target file: where, what, and what to write instead. Never a secret.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    public let file: String
    /// From 1; 0 when the error has no line, for instance an unreadable file.
    public let line: Int
    /// From 1, counted in characters.
    public let column: Int
    public let message: String

    public init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    public var description: String {
        line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)"
    }
}

/// Everything wrong in one file, in the order of the file.
public struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// Never empty.
    public let errors: [ConfigurationError]

    public init(_ errors: [ConfigurationError]) {
        precondition(!errors.isEmpty, "an error says what is wrong")
        self.errors = errors.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
    }

    /// A line an error.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
