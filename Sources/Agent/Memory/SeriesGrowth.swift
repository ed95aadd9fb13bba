/// By how much the series of each job grew within the last minutes. Knows neither a clock nor the jobs: both
/// are told to it.
struct SeriesGrowth: Sendable {
    typealias Size = (job: String, series: Int)

    /// How far back it looks.
    static let windowNs: UInt64 = 300_000_000_000
    /// How often it is told the sizes, so that it holds a dozen of them.
    static let intervalNs: UInt64 = 30_000_000_000

    /// The oldest first.
    private var past: [(ns: UInt64, series: [String: Int])] = []

    /// Whether it is to be told the sizes again.
    func isDue(nowNs: UInt64) -> Bool {
        guard let last = past.last else { return true }
        return nowNs >= last.ns && nowNs - last.ns >= Self.intervalNs
    }

    /// Takes the sizes of all jobs. `nowNs` is of a clock that does not go back.
    mutating func note(_ sizes: [Size], nowNs: UInt64) {
        past.removeAll { nowNs > $0.ns && nowNs - $0.ns > Self.windowNs }
        past.append((nowNs, Dictionary(sizes.map { ($0.job, $0.series) }, uniquingKeysWith: +)))
    }

    /// The job that has grown most to its present size, without those `except`; of several the largest. Where
    /// none has grown it is the largest as well: its next scrape may be what grows. Nil without jobs.
    func fastest(of sizes: [Size], except: [String]) -> String? {
        sizes.filter { !except.contains($0.job) }.max { one, other in
            let (grown, otherGrown) = (growth(of: one), growth(of: other))
            guard grown == otherGrown else { return grown < otherGrown }
            return one.series == other.series ? one.job > other.job : one.series < other.series
        }?.job
    }

    /// Since the earliest size that is known; a job that none is known of grew by all it has, once others
    /// are known.
    private func growth(of size: Size) -> Int {
        guard !past.isEmpty else { return 0 }
        let before = past.lazy.compactMap { $0.series[size.job] }.first ?? 0
        return max(0, size.series - before)
    }
}
