import Configuration
import Discovery
import MetricModel
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
        guard let trial else { return lines.joined(separator: "\n") + "\n" }
        if let status = trial.status {
            lines.append(
                "answer   \(status), \(trial.contentType ?? "no Content-Type"), \(trial.bodyBytes) bytes")
        }
        if let refusal = trial.refusal {
            lines.append("refused  the whole scrape, \(refusal.code.rawValue): \(refusal)")
        }
        let counts = counts(trial)
        lines.append(
            "samples  \(trial.lines.count) exposed, \(counts.kept) kept, \(counts.dropped) dropped,"
                + " \(counts.duplicates) duplicates")
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
        return lines.joined(separator: "\n") + "\n"
    }

    /// For programs: everything, as one JSON object.
    public func json() -> String {
        var fields = [
            ("job", JSONValue.string(job.jobName)), ("url", .string(url)), ("good", .bool(isGood)),
        ]
        if let leftOut {
            fields.append(
                ("refused", .object([("reason", .string(leftOut.message)), ("code", .string("target"))])))
            fields.append(("discovered_labels", .labels(leftOut.discoveredLabels)))
            fields.append(("labels", .labels(leftOut.labels)))
        }
        if let target { fields.append(("labels", .labels(target.labels))) }
        if let trial {
            if let status = trial.status { fields.append(("status", .integer(status))) }
            if let type = trial.contentType { fields.append(("content_type", .string(type))) }
            fields.append(("body_bytes", .integer(trial.bodyBytes)))
            if let refusal = trial.refusal {
                fields.append(
                    (
                        "refused",
                        .object([
                            ("reason", .string("\(refusal)")), ("code", .string(refusal.code.rawValue)),
                        ])
                    ))
            }
            let counts = counts(trial)
            fields.append(
                (
                    "samples",
                    .object([
                        ("exposed", .integer(trial.lines.count)), ("kept", .integer(counts.kept)),
                        ("dropped", .integer(counts.dropped)), ("duplicates", .integer(counts.duplicates)),
                    ])
                ))
            fields.append(("series", .list(trial.lines.map(json))))
        }
        return JSONValue.object(fields).text + "\n"
    }

    private func counts(_ trial: ScrapeTrial) -> (kept: Int, dropped: Int, duplicates: Int) {
        let kept = trial.lines.count { $0.fate == .kept }
        let duplicates = trial.lines.count { $0.fate == .duplicate }
        return (kept, trial.lines.count - kept - duplicates, duplicates)
    }

    private func reason(_ fate: ScrapeTrial.Line.Fate) -> String? {
        switch fate {
        case .kept: nil
        case .dropped(let rule): "metric_relabel_configs[\(rule)]: \(job.metricRelabelRules.rules[rule])"
        case .emptied: "metric_relabel_configs leave no label"
        case .duplicate: "a line before it is the same series"
        }
    }

    private func describe(_ line: ScrapeTrial.Line) -> String {
        let labels = line.fate == .kept ? line.stored ?? line.exposed : line.exposed
        return "\(labels) \(line.value)" + (reason(line.fate).map { "  \($0)" } ?? "")
    }

    private func json(_ line: ScrapeTrial.Line) -> JSONValue {
        var fields = [
            ("kept", JSONValue.bool(line.fate == .kept)), ("exposed", .labels(line.exposed)),
            ("value", .string("\(line.value)")),
        ]
        if let stored = line.stored { fields.append(("stored", .labels(stored))) }
        if let timestampMs = line.timestampMs {
            fields.append(("timestamp_ms", .integer(Int(clamping: timestampMs))))
        }
        if let reason = reason(line.fate) { fields.append(("reason", .string(reason))) }
        return .object(fields)
    }
}

/// What is written as JSON (RFC 8259).
indirect enum JSONValue {
    case string(String)
    case integer(Int)
    case bool(Bool)
    case list([JSONValue])
    case object([(String, JSONValue)])

    static func labels(_ labels: LabelSet) -> JSONValue {
        .object(labels.labels.map { ($0.name, .string($0.value)) })
    }

    var text: String {
        switch self {
        case .string(let text): Self.quoted(text)
        case .integer(let number): "\(number)"
        case .bool(let value): value ? "true" : "false"
        case .list(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
        case .object(let fields):
            "{" + fields.map { Self.quoted($0.0) + ":" + $0.1.text }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
