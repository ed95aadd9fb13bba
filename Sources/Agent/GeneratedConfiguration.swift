import Platform

/// The configuration of an agent that was given no file: discover, scrape and ship, in the same text a person
/// would write. It goes through the same checks as a file.
struct GeneratedConfiguration: Sendable, Equatable {
    /// Clusters of one region.
    struct Clusters: Sendable, Equatable {
        var region: String
        var names: [String]
    }

    var remoteWriteURL: String
    /// What requests are signed for; nil: they are not signed.
    var signingRegion: String?
    var clusters: [Clusters]
    var scrapeInterval: String
    var externalLabels: [(name: String, value: String)]
    /// Where the agent's own metrics are; nil when that is not known beforehand.
    var ownAddress: String?
    /// The path that the agent's own pages are under, for instance `/prometheus`; empty at the root.
    var ownPrefix = ""
    /// Tells this agent's own metrics from another's.
    var ownInstance: String

    static func == (one: Self, other: Self) -> Bool { one.text == other.text }

    /// YAML, written as text for its comment and its lines. Only values that come from outside are quoted, as
    /// double-quoted scalars, which are quoted as strings of JSON are.
    var text: String {
        var lines = ["global:", "  scrape_interval: \(JSONText.quoted(scrapeInterval))"]
        if !externalLabels.isEmpty {
            lines.append("  external_labels:")
            lines += externalLabels.map { "    \(JSONText.quoted($0.name)): \(JSONText.quoted($0.value))" }
        }
        lines += [
            "scrape_configs:", "  # Containers whose Docker labels carry PROMETHEUS_EXPORTER_PORT.",
            "  - job_name: ecs", "    ecs_sd_configs:",
        ]
        for group in clusters {
            lines.append("      - region: \(JSONText.quoted(group.region))")
            lines.append("        clusters: [\(group.names.map(JSONText.quoted).joined(separator: ", "))]")
        }
        if let ownAddress {
            lines += [
                "  - job_name: narthex", "    static_configs:",
                "      - targets: [\(JSONText.quoted(ownAddress))]",
                "        labels: {instance: \(JSONText.quoted(ownInstance))}",
            ]
            if !ownPrefix.isEmpty {
                lines.append("    metrics_path: \(JSONText.quoted(ownPrefix + "/metrics"))")
            }
        }
        lines += ["remote_write:", "  - url: \(JSONText.quoted(remoteWriteURL))"]
        if let signingRegion { lines.append("    sigv4: {region: \(JSONText.quoted(signingRegion))}") }
        return lines.joined(separator: "\n") + "\n"
    }
}
