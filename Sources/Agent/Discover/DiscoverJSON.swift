import Discovery
import MetricModel
import Platform

/// Findings for programs.
enum DiscoverJSON {
    static func text(_ found: [Discovered]) -> String {
        array(found.map(job), indent: "") + "\n"
    }

    private static func job(_ job: Discovered) -> String {
        let fields = [
            ("job", JSONText.quoted(job.job)),
            (
                "targets",
                array(
                    job.targets.map { target in
                        object([
                            ("url", JSONText.quoted(target.url)), ("labels", labels(target.labels)),
                            ("discoveredLabels", labels(target.discoveredLabels)),
                        ])
                    }, indent: "    ")
            ),
            (
                "leftOut",
                array(
                    job.leftOut.map { left in
                        let reason = left.what.isEmpty ? left.reason : "\(left.what): \(left.reason)"
                        let before = left.before.map { [("discoveredLabels", labels($0))] } ?? []
                        return object(
                            [
                                ("reason", JSONText.quoted(reason)),
                                ("isFault", left.isFault ? "true" : "false"),
                            ]
                                + before)
                    }, indent: "    ")
            ),
            ("warnings", array(job.warnings.map(JSONText.quoted), indent: "    ")),
            ("failures", array(job.failures.map(JSONText.quoted), indent: "    ")),
            ("isComplete", job.isComplete ? "true" : "false"),
        ]
        let members = fields.map { "    \(JSONText.quoted($0.0)): \($0.1)" }
        return "{\n" + members.joined(separator: ",\n") + "\n  }"
    }

    private static func array(_ items: [String], indent: String) -> String {
        items.isEmpty
            ? "[]" : "[\n" + items.map { "\(indent)  \($0)" }.joined(separator: ",\n") + "\n\(indent)]"
    }

    private static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\(JSONText.quoted($0.0)): \($0.1)" }.joined(separator: ", ") + "}"
    }

    static func labels(_ labels: LabelSet) -> String {
        object(labels.labels.map { ($0.name, JSONText.quoted($0.value)) })
    }
}
