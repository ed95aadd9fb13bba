/// Files of target groups, as `file_sd_configs` reads them: a YAML or JSON list of `targets` and `labels`.
public enum TargetGroupFile {
    /// The largest file that is read: some fifty thousand targets.
    public static let limitBytes = 16 << 20
    /// The most values in a file. It bounds memory: 16 MiB could hold five million empty lists.
    static let nodeLimit = 1_000_000

    /// Decodes a file. Addresses are not looked at here, as in Prometheus: one bad target must not cost the
    /// others. With `isJSON` the text must be JSON, as Prometheus takes it from a web server and from a file
    /// whose name ends in .json; no text at all is no JSON then: a writer that died leaves that behind.
    public static func decode(
        _ bytes: [UInt8], file: String, isJSON: Bool
    ) throws(ConfigurationErrors) -> [StaticConfiguration] {
        let sink = ErrorSink(file: file)
        let decoder = TargetGroupDecoder(sink: sink, checksAddresses: false)
        let groups = isJSON ? try json(bytes, decoder) : try yaml(bytes, decoder)
        try sink.finish()
        return groups
    }

    private static func json(
        _ bytes: [UInt8], _ decoder: TargetGroupDecoder
    ) throws(ConfigurationErrors) -> [StaticConfiguration] {
        var groups = try JSONTargetGroups(bytes, sink: decoder.sink)
        return groups.nodes.compactMap { decoder.group(groups.group($0)) }
    }

    private static func yaml(
        _ bytes: [UInt8], _ decoder: TargetGroupDecoder
    ) throws(ConfigurationErrors) -> [StaticConfiguration] {
        let root = try YAMLFile.root(
            bytes, file: decoder.sink.file, limits: .init(bytes: limitBytes, nodes: nodeLimit))
        guard let root, !root.isNull else { return [] }
        guard case .sequence(let items) = root.content else {
            decoder.sink.report(
                root,
                "a target file is a list of groups with targets and labels, but this is \(root.kindName)")
            return []
        }
        return items.compactMap { decoder.group($0) }
    }
}
