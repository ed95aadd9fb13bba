extension Configuration {
    /// The largest configuration that is read. Prometheus sets no bound; real files are a thousandth of this.
    public static let limitBytes = 1 << 20

    /// Decodes a configuration file. `file` is its path: errors name it, and relative paths inside are taken
    /// from its folder. `environment` gives `${NAME}` in `external_labels`. `including` reads what a path or
    /// pattern of `scrape_config_files` names. Throws every error of all files at once.
    public static func load(
        text: [UInt8], file: String, environment: [String: String], features: FeatureFlags = FeatureFlags(),
        including: ((String) -> IncludedFiles)? = nil
    ) throws(ConfigurationErrors) -> Configuration {
        let inclusion = Inclusion(including.map { Inclusion.Reader(read: $0) })
        let sink = ErrorSink(file: file)
        let root = try YAMLFile.root(text, file: file, limits: .init(bytes: limitBytes, nodes: 500_000))
        let decoder = ConfigurationDecoder(
            sink: sink, folder: FilePath.folder(of: file), environment: environment, features: features,
            inclusion: inclusion)
        var result = decoder.decode(root)
        try sink.finish(with: inclusion.errors)
        result.warnings = sink.warnings + inclusion.warnings
        return result
    }
}
