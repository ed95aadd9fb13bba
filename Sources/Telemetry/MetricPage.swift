import Synchronization

/// The formats of the page of metrics.
public enum MetricFormat: Sendable, CaseIterable {
    /// Prometheus' text exposition format 0.0.4.
    case text
    /// OpenMetrics 1.0.0.
    case openMetrics
}

/// Writes a page of metrics, family by family.
struct MetricPage {
    private let format: MetricFormat
    private var text = ""
    /// What samples of the family that was begun last are called.
    private var sampleName = ""

    init(_ format: MetricFormat) { self.format = format }

    /// The whole page.
    var finished: String { format == .openMetrics ? text + "# EOF\n" : text }

    /// Begins a family; its samples follow.
    mutating func begin(_ name: String, _ type: MetricType, help: String) {
        sampleName = name
        var family = name
        // In OpenMetrics a counter's samples end in `_total` and its family's name does not.
        if format == .openMetrics, type == .counter {
            if family.hasSuffix("_total") { family.removeLast("_total".count) }
            sampleName = family + "_total"
        }
        text += "# HELP \(family) \(Self.escaped(help, quotes: format == .openMetrics))\n"
        text += "# TYPE \(family) \(type.rawValue)\n"
        guard format == .openMetrics else { return }
        for unit in ["seconds", "bytes"] where family.hasSuffix("_\(unit)") {
            text += "# UNIT \(family) \(unit)\n"
        }
    }

    /// Adds a sample of a counter or a gauge.
    mutating func add(_ value: Double, _ labels: MetricRegistry.Labels) { line("", labels, value) }

    /// Adds a histogram's buckets, sum and count.
    mutating func add(_ histogram: Histogram, _ labels: MetricRegistry.Labels) {
        let snapshot = histogram.state.withLock { $0 }
        var cumulative: UInt64 = 0
        for (bound, count) in zip(histogram.bounds + [.infinity], snapshot.counts) {
            cumulative += count
            line("_bucket", labels + [("le", labelNumber(bound))], Double(cumulative))
        }
        line("_sum", labels, snapshot.sum)
        line("_count", labels, Double(cumulative))
    }

    /// Adds a summary's quantiles, sum and count.
    mutating func add(_ summary: Summary.Snapshot, _ labels: MetricRegistry.Labels) {
        for (quantile, value) in summary.quantiles {
            line("", labels + [("quantile", labelNumber(quantile))], value)
        }
        line("_sum", labels, summary.sum)
        line("_count", labels, Double(summary.count))
    }

    private mutating func line(_ suffix: String, _ labels: MetricRegistry.Labels, _ value: Double) {
        text += sampleName + suffix
        if !labels.isEmpty {
            text += "{"
            text += labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
                .joined(separator: ",")
            text += "}"
        }
        text += " \(number(value))\n"
    }

    /// A number as the value of `le` or `quantile`: in OpenMetrics a whole one has a fraction as well.
    private func labelNumber(_ value: Double) -> String {
        format == .openMetrics && value.isFinite ? "\(value)" : number(value)
    }

    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    /// The text with escapes for what would end it.
    static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
