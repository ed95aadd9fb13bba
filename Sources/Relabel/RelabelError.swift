/// What is wrong with a rule, and which of its keys is at fault.
public struct RelabelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// By the key's name in the configuration.
    public enum Key: String, Sendable {
        case action, regex, modulus, separator, replacement
        case sourceLabels = "source_labels"
        case targetLabel = "target_label"
    }

    public let key: Key
    public let message: String

    init(_ key: Key, _ message: String) {
        self.key = key
        self.message = message
    }

    public var description: String { message }
}
