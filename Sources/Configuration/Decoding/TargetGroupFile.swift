/// Files of target groups, as `file_sd_configs` reads them: a YAML or JSON list of `targets` and `labels`.
public enum TargetGroupFile {
    /// The largest file that is read: some fifty thousand targets.
    public static let limitBytes = 16 << 20

    /// Decodes a file. Addresses are not looked at here, as in Prometheus: one bad target must not cost the
    /// others. `isJSON` allows what JSON has and YAML lacks: escaped surrogate pairs. It also refuses what is
    /// no JSON and would be an empty list in YAML, such as no text at all: a writer that died leaves that
    /// behind.
    public static func decode(
        _ bytes: [UInt8], file: String, isJSON: Bool
    ) throws(ConfigurationErrors) -> [StaticConfiguration] {
        let text = isJSON ? JSONEscapes.joiningSurrogates(try jsonList(bytes, file)) : bytes
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

    /// The text without white space before the list, of which YAML takes no tabs. What begins the list stays
    /// in its line.
    private static func jsonList(_ bytes: [UInt8], _ file: String) throws(ConfigurationErrors) -> [UInt8] {
        let blank = bytes.prefix { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        let list = bytes[blank.count...]
        guard list.first == UInt8(ascii: "[") || list.starts(with: "null".utf8) else {
            let what = list.isEmpty ? "it is empty" : "it does not begin with ["
            throw ConfigurationErrors([
                ConfigurationError(
                    file: file, line: 1 + blank.count { $0 == 0x0A }, column: 1,
                    message: "no JSON list of target groups: \(what)")
            ])
        }
        return blank.filter { $0 == 0x0A } + list
    }
}
