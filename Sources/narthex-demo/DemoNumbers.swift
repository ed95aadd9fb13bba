/// What the demo shows at one moment. Counts are since the start.
struct DemoNumbers: Sendable, Equatable {
    var elapsedMs: Int64 = 0
    var discoveredTargets = 0
    /// Targets whose last scrape succeeded.
    var healthyTargets = 0
    var series = 0
    var scrapedSamples: UInt64 = 0
    var bufferedSamples: UInt64 = 0
    var acknowledgedSamples: UInt64 = 0
    var droppedSamples: UInt64 = 0
    var requests: UInt64 = 0
    /// Bytes of the requests' bodies, compressed.
    var requestBytes: UInt64 = 0
    var signaturesChecked: UInt64 = 0
    var signaturesRefused: UInt64 = 0
    var statusURL = ""
}
