/// What the type texts of the tables mean, for those who write a schema or a configuration from the tables.
extension Schema {
    /// The keys of a block; nil for a key whose value is no block of the schema.
    static func table(of key: KeyTable.Key) -> KeyTable? {
        guard ["mapping", "list of mapping", "mapping of mapping"].contains(key.type) else { return nil }
        let isOfRelabelling = ["metric_relabel_configs", "write_relabel_configs"].contains(key.name)
        return isOfRelabelling ? relabel : all.first { $0.name == key.name }
    }

    /// A default that a file could hold as it stands; nil for one that is told in words, is inherited, or is
    /// none.
    static func literalDefault(_ key: KeyTable.Key) -> String? {
        let text = key.defaultText
        return text.isEmpty || text.contains(" ") || inheritedKey(key) != nil ? nil : text
    }

    /// The key of `global` whose value stands where this one is absent.
    static func inheritedKey(_ key: KeyTable.Key) -> String? {
        let prefix = "global."
        return key.defaultText.hasPrefix(prefix) ? String(key.defaultText.dropFirst(prefix.count)) : nil
    }

    /// Keys whose values may hold a token, though their type does not say so.
    static let hidden: Set<String> = ["headers", "params", "endpoint_params", "values"]

    /// Whether the values of a key are never shown.
    static func isSecret(_ key: KeyTable.Key) -> Bool {
        key.type.contains("secret") || hidden.contains(key.name)
    }
}
