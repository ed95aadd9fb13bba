import Configuration

/// What a job asks of each series and what becomes of those that do not comply. Looked at when a line is
/// parsed, never for a line that is as it was.
struct SeriesRules: Sendable, Equatable {
    var limits = ScrapeLimits()
    var onLimit = LimitAction.fail
    var onBadLine = BadLineAction.fail
    var validation = NameValidationScheme.utf8
    /// By how much a sample may be older than the last one of its series.
    var outOfOrderWindowMs: Int64 = 0

    init() {}

    init(_ configuration: ScrapeConfiguration) {
        limits = configuration.limits
        onLimit = configuration.onLimit
        onBadLine = configuration.onBadLine
        validation = configuration.metricNameValidationScheme
        outOfOrderWindowMs = configuration.outOfOrderWindowMs
    }

    /// Whether a series has to be looked at at all.
    var checkSeries: Bool {
        validation == .legacy || limits.labels > 0 || limits.labelNameLength > 0
            || limits.labelValueLength > 0
    }

    /// Whether a series with this fault is left out of a scrape that goes on.
    func leavesOut(_ fault: ScrapeError) -> Bool {
        switch fault.code {
        case .labelLimit: onLimit == .shed
        case .exposition: onBadLine == .skip
        default: false
        }
    }

    /// What is wrong with a label; nil when nothing is.
    func fault(name: [UInt8], value: [UInt8], metric: [UInt8], offset: Int) -> ScrapeError? {
        if validation == .legacy, !isLegacy(name, value) {
            return ScrapeError(
                "\(Self.shown(name == Self.metricName ? value : name)) is a name that"
                    + " metric_name_validation_scheme legacy refuses", offset: offset)
        }
        if limits.labelNameLength > 0, name.count > limits.labelNameLength {
            return ScrapeError(
                .labelLimit,
                "the label name \(Self.shown(name)) of \(Self.shown(metric)) has \(name.count) bytes;"
                    + " label_name_length_limit is \(limits.labelNameLength)")
        }
        if limits.labelValueLength > 0, value.count > limits.labelValueLength {
            return ScrapeError(
                .labelLimit,
                "the label \(Self.shown(name)) of \(Self.shown(metric)) has a value of \(value.count) bytes;"
                    + " label_value_length_limit is \(limits.labelValueLength)")
        }
        return nil
    }

    /// What is wrong with the number of a series' labels; nil when nothing is.
    func fault(labelCount: Int, metric: [UInt8]) -> ScrapeError? {
        guard limits.labels > 0, labelCount > limits.labels else { return nil }
        return ScrapeError(
            .labelLimit,
            "\(Self.shown(metric)) has \(labelCount) labels, its name and the target's among them;"
                + " label_limit is \(limits.labels)")
    }

    private static let metricName = Array("__name__".utf8)

    private func isLegacy(_ name: [UInt8], _ value: [UInt8]) -> Bool {
        func complies(_ bytes: [UInt8], colons: Bool) -> Bool {
            guard let first = bytes.first, !Byte.isDigit(first) else { return false }
            return bytes.allSatisfy {
                Byte.isNameStart($0) || Byte.isDigit($0) || (colons && $0 == Byte.colon)
            }
        }
        return complies(name, colons: false) && (name != Self.metricName || complies(value, colons: true))
    }

    /// At most 50 bytes of it, as Prometheus shows.
    private static func shown(_ bytes: [UInt8]) -> String {
        "\"" + String(decoding: bytes.prefix(50), as: UTF8.self) + (bytes.count > 50 ? "…" : "") + "\""
    }
}
