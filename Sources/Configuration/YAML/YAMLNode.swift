/// A node of a YAML document with the place it stands at. An alias is a copy of what it names, at the alias'
/// place; the copy shares its storage.
struct YAMLNode {
    struct Entry {
        let key: YAMLNode
        let value: YAMLNode
    }

    enum Content {
        /// `plain`: written without quotes, so it may mean a number, a truth value or nothing.
        case scalar(text: String, plain: Bool)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    let content: Content
    var mark: YAMLMark
    /// How many nodes walking this one visits, aliases followed.
    var expandedCount = 1

    /// True for what YAML 1.1 reads as null: nothing at all, `~`, `null`.
    var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return text.isEmpty || ["~", "null", "Null", "NULL"].contains(text)
    }

    /// True for null, an empty list, and a mapping of nothing but these: a key with such a value asks for
    /// nothing.
    var isEmpty: Bool {
        switch content {
        case .scalar: isNull
        case .sequence(let items): items.isEmpty
        case .mapping(let entries): entries.allSatisfy(\.value.isEmpty)
        }
    }

    /// What this is, for messages; never the value itself, which may be a secret.
    var kindName: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar(let text, let plain):
            if isNull {
                "empty"
            } else if plain, YAMLScalar.bool(text) != nil {
                "a truth value"
            } else if plain, YAMLScalar.number(text) != nil {
                "a number"
            } else {
                "a string"
            }
        }
    }
}
