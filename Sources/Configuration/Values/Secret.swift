/// A text that is never shown: not in logs, pages, errors or dumps.
public struct Secret: Sendable, Hashable {
    /// The text itself, for the one place that sends it.
    public let revealed: String

    public init(_ text: String) { revealed = text }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<secret>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
