public import Platform

/// A duration that Prometheus shows twice: as a summary, and as a histogram under a name of its own.
/// Thread-safe.
public struct DurationMetric: Sendable {
    /// The classic buckets of these histograms in Prometheus 3, in seconds.
    public static let histogramBounds = [0.01, 0.1, 1, 10]

    private let summary: Summary
    private let histogram: Histogram

    public init(_ summary: Summary, _ histogram: Histogram) {
        self.summary = summary
        self.histogram = histogram
    }

    /// Adds a duration in seconds to both.
    public func observe(seconds: Double) {
        summary.observe(seconds)
        histogram.observe(seconds)
    }

    /// Adds the time since `startNs` of the clock's `monotonicNs` to both.
    public func observe(sinceNs startNs: UInt64, _ clock: any AgentClock) {
        observe(seconds: Double(clock.monotonicNs &- startNs) / 1e9)
    }
}
