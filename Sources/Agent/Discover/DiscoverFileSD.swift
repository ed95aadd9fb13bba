import Discovery
import JSON
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
        let values = groups.map { group in
            JSONValue.object(["targets": .strings([group.address]), "labels": .labels(group.labels)])
        }
        return JSONValue.array(values).text(.lines(depth: 1)) + "\n"
    }

    /// Double-quoted scalars of YAML are quoted as strings of JSON are.
    private static func yaml(_ groups: [(address: String, labels: LabelSet)]) -> String {
        guard !groups.isEmpty else { return "[]\n" }
        return groups.map { group in
            "- targets:\n  - \(JSONText.quoted(group.address))\n"
                + (group.labels.isEmpty ? "" : "  labels:\n")
                + group.labels.labels.map { "    \(key($0.name)): \(JSONText.quoted($0.value))\n" }.joined()
        }.joined()
    }

    /// A label's name, in quotes where it is more than letters, digits and _, of which YAML may make
    /// something else.
    private static func key(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                || $0 == 0x5F
        }
        return isPlain && !(0x30...0x39).contains(name.utf8.first ?? 0) ? name : JSONText.quoted(name)
    }
}
