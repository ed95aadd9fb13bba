/// Finds a key that stands twice in an object. Objects of a few members are searched, which needs no memory;
/// larger ones have a set, so that no number of keys costs more than its share.
struct JSONKeyIndex {
    /// Up to here a search takes no longer than a set.
    private static let searchLimit = 32

    private var keys: Set<String> = []

    /// Notes `key` as the next one of `members`; false where it stands among them already.
    mutating func add(_ key: String, to members: [JSONNode.Member]) -> Bool {
        guard members.count >= Self.searchLimit else {
            // Most keys differ in length, which is the quicker question.
            let count = key.utf8.count
            return !members.contains { $0.key.utf8.count == count && $0.key == key }
        }
        if keys.isEmpty { keys.formUnion(members.lazy.map(\.key)) }
        return keys.insert(key).inserted
    }
}
