/// The members of a JSON object, asked for by name. A member that is null counts as absent, and one that
/// nobody asks for is passed over. Of equal keys the last counts.
public struct JSONFields {
    private let object: JSONNode
    private let members: [JSONNode.Member]

    /// Throws for anything but an object.
    public init(_ json: JSONNode) throws(JSONMismatch) {
        object = json
        members = try json.members()
    }

    /// The member `key` as a `Value`; nil when it is absent. Throws when it is a value of another kind.
    public func optional<Value: JSONReadable>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(JSONMismatch) -> Value? {
        guard let node = node(key) else { return nil }
        do throws(JSONMismatch) { return try Value(json: node) } catch { throw error.inMember(key) }
    }

    /// The member `key` as a `Value`. Throws when it is absent, or a value of another kind.
    public func required<Value: JSONReadable>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(JSONMismatch) -> Value {
        guard let value = try optional(key, as: type) else {
            throw JSONMismatch("the member \(key) is missing", at: object)
        }
        return value
    }

    private func node(_ key: String) -> JSONNode? {
        guard let node = members.last(where: { $0.key == key })?.value else { return nil }
        if case .null = node.content { return nil }
        return node
    }
}
