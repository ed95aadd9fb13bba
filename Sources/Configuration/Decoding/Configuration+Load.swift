extension Configuration {
    /// The largest configuration that is read. Prometheus sets no bound; real files are a thousandth of this.
    public static let limitBytes = 1 << 20

    /// Decodes a configuration file. `file` is its path: errors name it, and relative paths inside are taken
    /// from its folder. `shownAs` is what errors call it instead, where a document of that name holds it.
    /// `environment` gives `${NAME}` in `external_labels`. `including` reads what a path or
    /// pattern of `scrape_config_files` names; `counting` tells how many files a pattern of `rule_files`
    /// names, or nil where that cannot be told. With `isStrict` every setting without effect is an error.
    /// With `expandsEnvironment` every value of all files has its `${NAME}` and `${NAME:-DEFAULT}` replaced.
    /// Throws every error of all files at once.
    public static func load(
        text: [UInt8], file: String, shownAs: String? = nil, environment: [String: String],
        features: FeatureFlags = FeatureFlags(),
        isStrict: Bool = false, expandsEnvironment: Bool = false,
        including: ((String) -> IncludedFiles)? = nil,
        counting: ((String) -> Int?)? = nil
    ) throws(ConfigurationErrors) -> Configuration {
        let inclusion = Inclusion(including.map { Inclusion.Reader(read: $0) }, isStrict: isStrict)
        let sink = ErrorSink(file: shownAs ?? file)
        let root = try YAMLFile.root(text, file: sink.file, limits: .init(bytes: limitBytes, nodes: 500_000))
        let decoder = ConfigurationDecoder(
            sink: sink, folder: FilePath.folder(of: file), environment: environment, features: features,
            inclusion: inclusion, ruleFileCount: counting, expandsEnvironment: expandsEnvironment)
        var result = decoder.decode(decoder.expanded(root))
        if isStrict { sink.refuseIgnored() }
        try sink.finish(with: inclusion.errors)
        result.warnings = sink.warnings + inclusion.warnings
        result.lints = sink.lints + inclusion.lints
        result.ignored =
            sink.ignored.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
            + inclusion.ignored
        return result
    }
}
