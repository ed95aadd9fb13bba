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
    /// Tells this agent's own metrics from another's.
    var ownInstance: String

    static func == (one: Self, other: Self) -> Bool { one.text == other.text }

    var text: String {
        var lines = ["global:", "  scrape_interval: \(Self.quoted(scrapeInterval))"]
        if !externalLabels.isEmpty {
            lines.append("  external_labels:")
            lines += externalLabels.map { "    \(Self.quoted($0.name)): \(Self.quoted($0.value))" }
        }
        lines += [
            "scrape_configs:", "  # Containers whose Docker labels carry PROMETHEUS_EXPORTER_PORT.",
            "  - job_name: ecs", "    ecs_sd_configs:",
        ]
        for group in clusters {
            lines.append("      - region: \(Self.quoted(group.region))")
            lines.append("        clusters: [\(group.names.map(Self.quoted).joined(separator: ", "))]")
        }
        if let ownAddress {
            lines += [
                "  - job_name: narthex", "    static_configs:",
                "      - targets: [\(Self.quoted(ownAddress))]",
                "        labels: {instance: \(Self.quoted(ownInstance))}",
            ]
        }
        lines += ["remote_write:", "  - url: \(Self.quoted(remoteWriteURL))"]
        if let signingRegion { lines.append("    sigv4: {region: \(Self.quoted(signingRegion))}") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A YAML string in double quotes.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
