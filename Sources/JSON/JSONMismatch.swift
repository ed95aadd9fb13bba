/// Why a JSON value is not what it is read as: the member, its place in the text and what should stand there.
/// Never quotes the value, nor a key that nobody asked for.
public struct JSONMismatch: Error, Sendable, Equatable {
    /// From the outermost value: `tasks[3].taskArn`; empty for that value itself.
    public private(set) var path: String
    /// Bytes before the value.
    public let offset: Int
    /// What should stand there.
    public let message: String

    public init(_ message: String, at node: JSONNode) {
        path = ""
        offset = node.offset
        self.message = message
    }

    /// The same seen from the object that holds the value as its member `key`.
    func inMember(_ key: String) -> JSONMismatch { within(key) }

    /// The same seen from the array that holds the value.
    func inItem(_ index: Int) -> JSONMismatch { within("[\(index)]") }

    private func within(_ step: String) -> JSONMismatch {
        var outer = self
        outer.path = path.isEmpty || path.hasPrefix("[") ? step + path : "\(step).\(path)"
        return outer
    }
}
