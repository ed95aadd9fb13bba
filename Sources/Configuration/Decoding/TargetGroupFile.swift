/// Files of target groups, as `file_sd_configs` reads them: a YAML or JSON list of `targets` and `labels`.
public enum TargetGroupFile {
    /// The largest file that is read: some fifty thousand targets.
    public static let limitBytes = 16 << 20

    /// Decodes a file. Addresses are not looked at here, as in Prometheus: one bad target must not cost the
    /// others. `isJSON` allows what JSON has and YAML lacks: escaped surrogate pairs.
    public static func decode(
        _ bytes: [UInt8], file: String, isJSON: Bool
    ) throws(ConfigurationErrors) -> [StaticConfiguration] {
        let text = isJSON ? JSONEscapes.joiningSurrogates(bytes) : bytes
        let root = try YAMLFile.root(text, file: file, limits: .init(bytes: limitBytes, nodes: 1_000_000))
        guard let root, !root.isNull else { return [] }
        let sink = ErrorSink(file: file)
        var groups: [StaticConfiguration] = []
        if case .sequence(let items) = root.content {
            let decoder = TargetGroupDecoder(sink: sink, checksAddresses: false)
            groups = items.compactMap { decoder.group($0) }
        } else {
            sink.report(
                root,
                "a target file is a list of groups with targets and labels, but this is \(root.kindName)")
        }
        try sink.finish()
        return groups
    }
}
