extension Configuration {
    /// The largest configuration that is read. Prometheus sets no bound; real files are a thousandth of this.
    public static let limitBytes = 1 << 20

    /// Decodes a configuration file. `file` is its path: errors name it, and relative paths inside are taken
    /// from its folder. `environment` gives `${NAME}` in `external_labels`. Throws every error of the file at
    /// once.
    public static func load(
        text: [UInt8], file: String, environment: [String: String]
    ) throws(ConfigurationErrors) -> Configuration {
        let sink = ErrorSink(file: file)
        let root = try YAMLFile.root(text, file: file, limits: .init(bytes: limitBytes, nodes: 500_000))
        let decoder = ConfigurationDecoder(
            sink: sink, folder: FilePath.folder(of: file), environment: environment)
        var result = decoder.decode(root)
        try sink.finish()
        result.warnings = sink.warnings
        return result
    }
}
