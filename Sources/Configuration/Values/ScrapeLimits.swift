/// What a scrape may bring. 0 is no limit everywhere. A scrape beyond one of them fails as a whole, unless
/// the job says otherwise.
public struct ScrapeLimits: Sendable, Equatable {
    /// Samples, after metric relabelling.
    public var samples: Int
    /// Labels of a series, its name and the target's among them.
    public var labels: Int
    /// Bytes of a label's name.
    public var labelNameLength: Int
    /// Bytes of a label's value.
    public var labelValueLength: Int

    public init(samples: Int = 0, labels: Int = 0, labelNameLength: Int = 0, labelValueLength: Int = 0) {
        self.samples = samples
        self.labels = labels
        self.labelNameLength = labelNameLength
        self.labelValueLength = labelValueLength
    }

    /// The limits, each replaced by that of `inherited` where there is none.
    func filled(from inherited: ScrapeLimits) -> ScrapeLimits {
        ScrapeLimits(
            samples: samples == 0 ? inherited.samples : samples,
            labels: labels == 0 ? inherited.labels : labels,
            labelNameLength: labelNameLength == 0 ? inherited.labelNameLength : labelNameLength,
            labelValueLength: labelValueLength == 0 ? inherited.labelValueLength : labelValueLength)
    }
}

/// What becomes of a scrape that is beyond a limit of samples or labels.
public enum LimitAction: String, CaseIterable, Sendable {
    /// The scrape fails, as in Prometheus.
    case fail
    /// Series already known stay, new ones beyond the limit are left out.
    case shed
}

/// What becomes of a scrape with a line that is not in the format.
public enum BadLineAction: String, CaseIterable, Sendable {
    /// The scrape fails, as in Prometheus.
    case fail
    /// The line is left out.
    case skip
}
