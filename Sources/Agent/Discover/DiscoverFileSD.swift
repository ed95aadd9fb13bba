import Discovery
import MetricModel
import Platform

/// Findings as target groups, as `file_sd_configs` takes them: what was discovered, before any relabelling,
/// so that whoever reads the file relabels.
enum DiscoverFileSD {
    /// `plainOnly` leaves the meta labels away, as prometheus-ecs-discovery knows none.
    static func text(_ found: [Discovered], plainOnly: Bool, isJSON: Bool) -> String {
        let groups = found.flatMap { job in
            job.groups.flatMap { group in group.targets.map { (group, $0) } }
        }.compactMap { group, target -> (address: String, labels: LabelSet)? in
            guard let address = target["__address__"] else { return nil }
            var labels = LabelSet(group.labels.labels + target.labels)
            labels["__address__"] = nil
            if plainOnly { labels = LabelSet(labels.labels.filter { !$0.name.hasPrefix("__meta_") }) }
            return (address, labels)
        }
        return isJSON ? json(groups) : yaml(groups)
    }

    private static func json(_ groups: [(address: String, labels: LabelSet)]) -> String {
        let lines = groups.map { group in
            let address = JSONText.quoted(group.address)
            return "  {\"targets\": [\(address)], \"labels\": \(DiscoverJSON.labels(group.labels))}"
        }
        return lines.isEmpty ? "[]\n" : "[\n" + lines.joined(separator: ",\n") + "\n]\n"
    }

    private static func yaml(_ groups: [(address: String, labels: LabelSet)]) -> String {
        guard !groups.isEmpty else { return "[]\n" }
        return groups.map { group in
            "- targets:\n  - \(JSONText.quoted(group.address))\n"
                + (group.labels.isEmpty ? "" : "  labels:\n")
                + group.labels.labels.map { "    \($0.name): \(JSONText.quoted($0.value))\n" }.joined()
        }.joined()
    }
}
