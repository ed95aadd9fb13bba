/// Names of labels that a destination refuses.
extension ConfigurationDecoder {
    /// Amazon Managed Service for Prometheus takes no series with such a label, so its samples would be
    /// refused one by one.
    func warnOfNames(in root: YAMLNode) {
        var blocks = [root.entry("global")?.entry("external_labels")]
        for job in root.entry("scrape_configs")?.items ?? [] {
            blocks += (job.entry("static_configs")?.items ?? []).map { $0.entry("labels") }
        }
        for case .mapping(let entries)? in blocks.map({ $0?.content }) {
            for entry in entries {
                guard let name = entry.key.scalarText, !Checks.isPlainLabelName(name) else { continue }
                sink.warn(
                    entry.key.mark,
                    "Amazon Managed Service for Prometheus refuses every series with the label"
                        + " \(quoted(name)): it takes letters, digits and _ only, not beginning with a digit."
                        + " Rename it, or drop it with write_relabel_configs")
            }
        }
    }
}

extension YAMLNode {
    /// The value of a mapping's key; nil where this is no mapping or has no such key.
    func entry(_ name: String) -> YAMLNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key.scalarText == name }?.value
    }

    /// The items of a list; none where this is none.
    var items: [YAMLNode] {
        if case .sequence(let items) = content { return items }
        return []
    }
}
