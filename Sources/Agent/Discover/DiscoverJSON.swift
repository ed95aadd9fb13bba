import Discovery
import JSON

/// Findings for programs.
enum DiscoverJSON {
    /// A target stands on one line.
    static func text(_ found: [Discovered]) -> String {
        JSONValue.array(found.map(job)).text(.lines(depth: 3)) + "\n"
    }

    private static func job(_ job: Discovered) -> JSONValue {
        let targets = job.targets.map { target in
            JSONValue.object([
                "url": .string(target.url), "labels": .labels(target.labels),
                "discoveredLabels": .labels(target.discoveredLabels),
            ])
        }
        let leftOut = job.leftOut.map { left in
            JSONValue.object([
                "reason": .string(left.what.isEmpty ? left.reason : "\(left.what): \(left.reason)"),
                "isFault": .bool(left.isFault), "discoveredLabels": left.before.map { .labels($0) },
            ])
        }
        return .object([
            "job": .string(job.job), "targets": .array(targets), "leftOut": .array(leftOut),
            "warnings": .strings(job.warnings), "failures": .strings(job.failures),
            "isComplete": .bool(job.isComplete),
        ])
    }
}
