/// How many samples a receiver takes in a second; what comes beyond is to come again later.
struct SampleBudget {
    private let samplesPerSecond: Double
    /// May be below zero, since the samples of a request are known only when it was read.
    private var left: Double
    private var lastNs: UInt64?

    /// A second's worth may come at once.
    init(samplesPerSecond: Int) {
        self.samplesPerSecond = Double(samplesPerSecond)
        left = self.samplesPerSecond
    }

    /// Whether a request that comes now is taken.
    mutating func takes(nowNs: UInt64) -> Bool {
        let seconds = lastNs.map { Double(nowNs &- $0) / 1e9 } ?? 0
        lastNs = nowNs
        left = min(samplesPerSecond, left + seconds * samplesPerSecond)
        return left > 0
    }

    /// A request that was taken had so many samples.
    mutating func spend(_ samples: Int) { left -= Double(samples) }
}
