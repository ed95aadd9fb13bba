/// What a text is that should be a configuration.
public enum ConfigurationDocument: Sendable, Equatable {
    /// A mapping, an empty text, or a text that is no YAML. The last is an error when it is loaded.
    case configuration
    /// A job of ECS Files Composer, which holds or names the configuration.
    case composerJob(ComposerJob)
    /// A single value or a list: perhaps base64.
    case noMapping

    /// `name` stands in errors. `environment` has the variables of `{{ env_var('NAME') }}` in a job, which
    /// the composer replaces before it reads the job. Throws what is wrong with a composer's job.
    public static func of(
        _ text: [UInt8], name: String, environment: [String: String] = [:]
    ) throws(ConfigurationErrors) -> ConfigurationDocument {
        let masked = String(validating: text, as: UTF8.self).flatMap {
            JobTemplate(environment: environment, isTemplate: false).masked($0)
        }
        // With expressions a job may be no YAML, and other YAML than is meant.
        if let masked, let root = root(Array(masked.text.utf8)), isJob(root) {
            return .composerJob(try ComposerJob(root, name: name, text: masked.text, masked: masked))
        }
        guard let root = root(text) else { return .configuration }
        guard case .mapping = root.content else { return root.isNull ? .configuration : .noMapping }
        guard isJob(root) else { return .configuration }
        return .composerJob(
            try ComposerJob(root, name: name, text: String(decoding: text, as: UTF8.self), masked: nil))
    }

    private static func isJob(_ root: YAMLNode) -> Bool {
        guard case .mapping(let entries) = root.content, case .mapping? = root.entry("files")?.content else {
            return false
        }
        return !entries.contains { $0.key.scalarText.map(isTopKey) ?? false }
    }

    /// Whether a text is YAML with a mapping at its top.
    public static func isMapping(_ text: [UInt8]) -> Bool {
        guard case .mapping? = root(text)?.content else { return false }
        return true
    }

    /// Whether a text is a mapping with a section of a Prometheus configuration.
    public static func isConfiguration(_ text: [UInt8]) -> Bool { has(text, isTopKey) }

    /// Whether a text is a mapping with a section that no file of `scrape_config_files` has.
    public static func isMainConfiguration(_ text: [UInt8]) -> Bool {
        has(text) { isTopKey($0) && $0 != "scrape_configs" }
    }

    private static func has(_ text: [UInt8], _ isWanted: (String) -> Bool) -> Bool {
        guard case .mapping(let entries)? = root(text)?.content else { return false }
        return entries.contains { $0.key.scalarText.map(isWanted) ?? false }
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
