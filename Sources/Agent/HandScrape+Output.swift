import Configuration
import Discovery
import JSON
import MetricModel
import Platform
import Relabel
import Scrape

extension HandScrape {
    /// For people; at most `limit` series of each kind are listed.
    public func table(limit: Int) -> String {
        var lines = ["job      \(job.jobName)", "url      \(url)"]
        if let leftOut {
            lines.append("refused  the target: \(leftOut.message)")
            lines.append("labels   before: \(leftOut.discoveredLabels)")
            lines.append("         after:  \(leftOut.labels)")
        }
        if let target { lines.append("target   \(target.labels)") }
        guard let trial else { return Self.text(lines) }
        if let status = trial.status {
            lines.append(
                "answer   \(status), \(trial.contentType ?? "no Content-Type"), \(trial.bodyBytes) bytes")
        }
        if let refusal = trial.refusal {
            lines.append("refused  the whole scrape, \(refusal.code.rawValue): \(refusal)")
        }
        lines.append("samples  \(summary(trial))")
        for (index, rule) in job.metricRelabelRules.rules.enumerated() {
            let count = trial.lines.count { $0.fate == .dropped(byRule: index) }
            if count > 0 { lines.append("         \(count) by metric_relabel_configs[\(index)]: \(rule)") }
        }
        for (title, isShown) in [
            ("dropped", { (line: ScrapeTrial.Line) in line.fate != .kept }),
            ("kept", { $0.fate == .kept }),
        ] {
            let shown = trial.lines.filter(isShown)
            for line in shown.prefix(limit) { lines.append("\(title)  \(describe(line))") }
            if shown.count > limit { lines.append("\(title)  … and \(shown.count - limit) more (--limit)") }
        }
        for family in trial.metadata.prefix(limit) {
            let unit = family.unit.isEmpty ? "" : " in \(family.unit)"
            lines.append("family   \(family.family) \(family.type)\(unit)  \(family.help)")
        }
        if trial.metadata.count > limit {
            lines.append("family   … and \(trial.metadata.count - limit) more (--limit)")
        }
        return Self.text(lines)
    }

    /// What stands in a line may be the target's.
    private static func text(_ lines: [String]) -> String {
        lines.map { VisibleText.shown($0) + "\n" }.joined()
    }

    /// For programs: everything, as one JSON object.
    public func json() -> String {
        var members: [JSONValue.Member] = [
            .init("job", .string(job.jobName)), .init("url", .string(url)), .init("good", .bool(isGood)),
        ]
        func add(_ name: String, _ value: JSONValue) { members.append(.init(name, value)) }
        if let leftOut {
            add("refused", ["reason": .string(leftOut.message), "code": "target"])
            add("discovered_labels", .labels(leftOut.discoveredLabels))
            add("labels", .labels(leftOut.labels))
        }
        if let target { add("labels", .labels(target.labels)) }
        if let trial {
            if let status = trial.status { add("status", .integer(status)) }
            if let type = trial.contentType { add("content_type", .string(type)) }
            add("body_bytes", .integer(trial.bodyBytes))
            if let refusal = trial.refusal {
                add("refused", ["reason": .string("\(refusal)"), "code": .string(refusal.code.rawValue)])
            }
            let counts = Self.kinds.map { kind in
                JSONValue.Member(kind.name, .integer(trial.lines.count { kind.includes($0.fate) }))
            }
            add("samples", .object([.init("exposed", .integer(trial.lines.count))] + counts))
            if trial.skippedLines > 0 {
                add("skipped_lines", .integer(trial.skippedLines))
                add("skipped_reason", .string(trial.skippedReason ?? ""))
            }
            add("series", .array(trial.lines.map(json)))
            let families = trial.metadata.map { family in
                JSONValue.object([
                    "metric": .string(family.family), "type": .string(family.type),
                    "help": .string(family.help), "unit": .string(family.unit),
                ])
            }
            add("metadata", .array(families))
        }
        return JSONValue.object(members).text() + "\n"
    }

    /// What becomes of series, for counting.
    private struct Kind: Sendable {
        let name: String
        let includes: @Sendable (ScrapeTrial.Line.Fate) -> Bool
    }

    private static let kinds = [
        Kind(name: "kept") { $0 == .kept },
        Kind(name: "dropped") { fate in
            if case .dropped = fate { return true }
            return fate == .emptied
        },
        Kind(name: "duplicates") { $0 == .duplicate },
        Kind(name: "refused") { fate in
            if case .refused = fate { return true }
            return fate == .contradictory || fate == .timestamp
        },
        Kind(name: "shed") { $0 == .shed },
    ]

    private func summary(_ trial: ScrapeTrial) -> String {
        var parts = ["\(trial.lines.count) exposed"]
        for kind in Self.kinds {
            let count = trial.lines.count { kind.includes($0.fate) }
            if count > 0 || ["kept", "dropped", "duplicates"].contains(kind.name) {
                parts.append("\(count) \(kind.name)")
            }
        }
        if trial.skippedLines > 0 {
            parts.append("\(trial.skippedLines) lines skipped (\(trial.skippedReason ?? ""))")
        }
        return parts.joined(separator: ", ")
    }

    private func reason(_ fate: ScrapeTrial.Line.Fate) -> String? {
        switch fate {
        case .kept: nil
        case .dropped(let rule): "metric_relabel_configs[\(rule)]: \(job.metricRelabelRules.rules[rule])"
        case .emptied: "metric_relabel_configs leave no label"
        case .duplicate: "a line before it is the same series"
        case .refused(let reason): reason
        case .shed: "sample_limit: \(job.limits.samples) (on_limit: shed)"
        case .contradictory: "its parts contradict each other, so that it cannot become a native histogram"
        case .timestamp: "its timestamp is too far ahead, more than an hour old, or not after the one before"
        }
    }

    private func describe(_ line: ScrapeTrial.Line) -> String {
        let labels = line.fate == .kept ? line.stored ?? line.exposed : line.exposed
        return "\(labels) \(text(line))" + (reason(line.fate).map { "  \($0)" } ?? "")
    }

    private func text(_ line: ScrapeTrial.Line) -> String {
        guard let histogram = line.histogram else {
            if line.isHistogram { return "histogram" }
            return line.value.isNaN ? "NaN" : "\(line.value)"
        }
        return histogram.summary
    }

    private func json(_ line: ScrapeTrial.Line) -> JSONValue {
        .object([
            "kept": .bool(line.fate == .kept), "exposed": .labels(line.exposed), "value": .string(text(line)),
            "stored": line.stored.map { .labels($0) }, "timestamp_ms": line.timestampMs.map { .integer($0) },
            "reason": reason(line.fate).map { .string($0) },
        ])
    }
}
