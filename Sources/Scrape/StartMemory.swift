import MetricModel

/// What is remembered of series that have left and whose start was told: one that returns with an old start
/// has not begun anew.
struct StartMemory: Sendable {
    /// Every series that is not known otherwise counts as if it had its last sample then: what another run of
    /// the agent may have stored, and what this one had to forget.
    private(set) var floorMs: Int64
    /// By the series' hash, the timestamp of the last sample.
    private var lastMs: [UInt64: Int64] = [:]

    /// More are not remembered, above the number of series that a target has.
    static let spare = 1_000

    init(floorMs: Int64 = Int64.min) { self.floorMs = floorMs }

    var isEmpty: Bool { lastMs.isEmpty }
    var count: Int { lastMs.count }

    /// When a series that the layout before did not have had its last sample.
    func last(of hash: UInt64) -> Int64 { max(floorMs, lastMs[hash] ?? Int64.min) }

    mutating func left(_ hash: UInt64, lastMs ms: Int64) { lastMs[hash] = ms }

    /// The layout has the series again.
    mutating func returned(_ hash: UInt64) { lastMs[hash] = nil }

    /// Forgets all when there are more than a target with so many series may leave behind.
    mutating func bound(seriesCount: Int) {
        guard lastMs.count > seriesCount + Self.spare else { return }
        floorMs = max(floorMs, lastMs.values.max() ?? floorMs)
        lastMs = [:]
    }
}
