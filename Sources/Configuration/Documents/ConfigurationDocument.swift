/// What a text is that should be a configuration.
public enum ConfigurationDocument: Sendable, Equatable {
    /// A mapping, or nothing at all, or no YAML: whoever loads it says what is wrong.
    case configuration
    /// A job of ECS Files Composer, which holds or names the configuration.
    case composerJob(ComposerJob)
    /// A single value or a list: perhaps base64.
    case noMapping

    /// `name` stands in errors. Throws what is wrong with a composer's job.
    public static func of(_ text: [UInt8], name: String) throws(ConfigurationErrors) -> ConfigurationDocument
    {
        guard let root = root(text) else { return .configuration }
        guard case .mapping(let entries) = root.content else {
            return root.isNull ? .configuration : .noMapping
        }
        let keys = Set(entries.compactMap { $0.key.scalarText })
        guard case .mapping? = root.entry("files")?.content, !keys.contains(where: isTopKey) else {
            return .configuration
        }
        return .composerJob(try ComposerJob(root, name: name))
    }

    /// Whether a text is YAML with a mapping at its top.
    public static func isMapping(_ text: [UInt8]) -> Bool {
        guard case .mapping? = root(text)?.content else { return false }
        return true
    }

    /// Whether a text is a mapping with a section of a Prometheus configuration.
    public static func isConfiguration(_ text: [UInt8]) -> Bool {
        guard case .mapping(let entries)? = root(text)?.content else { return false }
        return entries.contains { $0.key.scalarText.map(isTopKey) ?? false }
    }

    private static func isTopKey(_ key: String) -> Bool {
        Schema.top.has(key) || Schema.top.ignored.contains { $0.name == key }
    }

    /// Nil for what is no YAML: the one who loads the text says where and why.
    private static func root(_ text: [UInt8]) -> YAMLNode? {
        try? YAMLComposer.compose(
            text, limits: .init(bytes: Configuration.documentLimitBytes, nodes: 500_000))
    }
}

extension Configuration {
    /// The largest text from a source that may hold more than a configuration: base64, or a composer's job.
    public static let documentLimitBytes = 4 << 20
}
