import Discovery
import MetricModel

/// Findings for programs.
enum DiscoverJSON {
    static func text(_ found: [Discovered]) -> String {
        array(found.map(job), indent: "") + "\n"
    }

    private static func job(_ job: Discovered) -> String {
        let fields = [
            ("job", string(job.job)),
            (
                "targets",
                array(
                    job.targets.map { target in
                        object([
                            ("url", string(target.url)), ("labels", labels(target.labels)),
                            ("discoveredLabels", labels(target.discoveredLabels)),
                        ])
                    }, indent: "    ")
            ),
            (
                "leftOut",
                array(
                    job.leftOut.map { left in
                        object(
                            [
                                (
                                    "reason",
                                    string(left.what.isEmpty ? left.reason : "\(left.what): \(left.reason)")
                                ),
                                ("isFault", left.isFault ? "true" : "false"),
                            ]
                                + (left.before.map { [("discoveredLabels", labels($0))] } ?? []))
                    }, indent: "    ")
            ),
            ("warnings", array(job.warnings.map(string), indent: "    ")),
            ("failures", array(job.failures.map(string), indent: "    ")),
            ("isComplete", job.isComplete ? "true" : "false"),
        ]
        return "{\n" + fields.map { "    \(string($0.0)): \($0.1)" }.joined(separator: ",\n") + "\n  }"
    }

    private static func array(_ items: [String], indent: String) -> String {
        items.isEmpty
            ? "[]" : "[\n" + items.map { "\(indent)  \($0)" }.joined(separator: ",\n") + "\n\(indent)]"
    }

    private static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\(string($0.0)): \($0.1)" }.joined(separator: ", ") + "}"
    }

    static func labels(_ labels: LabelSet) -> String {
        object(labels.labels.map { ($0.name, string($0.value)) })
    }

    /// RFC 8259 §7; also a double-quoted scalar of YAML 1.2.
    static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || scalar.value == 0x2028 || scalar.value == 0x2029:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
