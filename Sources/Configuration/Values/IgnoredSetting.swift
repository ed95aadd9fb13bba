import Platform

/// A setting that a configuration file holds and that has no effect in this agent.
public struct IgnoredSetting: Sendable, Equatable, CustomStringConvertible {
    /// What the user loses by it.
    public enum Severity: Sendable, Equatable {
        /// Nothing: what is scraped, stored and sent is the same without the setting.
        case harmless
        /// Something that a Prometheus server would do, and that somebody may rely on, does not happen.
        case missed
    }

    /// The block and the key, for instance `queue_config.capacity`. A key at the top of the file stands
    /// alone. There are no more of these than the schema has keys.
    public let key: String
    public let file: String
    /// From 1.
    public let line: Int
    /// From 1, counted in characters.
    public let column: Int
    /// What does not happen, and what to use instead; it follows the key. Never a secret.
    public internal(set) var sentence: String
    public let severity: Severity

    public init(
        key: String, file: String, line: Int, column: Int, sentence: String, severity: Severity
    ) {
        self.key = key
        self.file = file
        self.line = line
        self.column = column
        self.sentence = VisibleText.shown(sentence)
        self.severity = severity
    }

    /// `file:line:column`.
    public var place: String { VisibleText.shown("\(file):\(line):\(column)") }

    public var description: String { "\(place): \(key) \(sentence)" }

    /// The same as an error, for those who want a file without such settings.
    var refusal: ConfigurationError {
        ConfigurationError(
            file: file, line: line, column: column, message: "\(key) \(sentence) (--config.strict refuses it)"
        )
    }
}
