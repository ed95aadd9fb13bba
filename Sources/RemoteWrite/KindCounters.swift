internal import Telemetry

/// Three counters of one event: float samples, native histograms, and exemplars beside them.
struct KindCounters: Sendable {
    let samples: Counter
    let histograms: Counter
    let exemplars: Counter

    /// Counts what a request holds.
    func add(_ request: PreparedRequest) {
        samples.add(UInt64(request.sampleCount - request.histogramCount))
        histograms.add(UInt64(request.histogramCount))
        exemplars.add(UInt64(request.exemplarCount))
    }

    /// Counts so much of a request.
    func add(_ count: WrittenCounts) {
        samples.add(UInt64(count.samples))
        histograms.add(UInt64(count.histograms))
        exemplars.add(UInt64(count.exemplars))
    }
}
