/// When one exporter was scraped.
public struct ScrapeTimes: Sendable, Equatable {
    public private(set) var count: UInt64 = 0
    /// By the monotonic clock.
    public private(set) var firstNs: UInt64 = 0
    public private(set) var lastNs: UInt64 = 0
    /// Between any scrape and the next.
    public private(set) var greatestGapNs: UInt64 = 0

    /// Of an exporter that was never scraped.
    public init() {}

    mutating func note(_ nowNs: UInt64) {
        if count == 0 {
            firstNs = nowNs
        } else {
            greatestGapNs = max(greatestGapNs, nowNs &- lastNs)
        }
        lastNs = nowNs
        count += 1
    }

    /// A line for each exporter: count, first, last and greatest gap.
    static func text(_ all: [ScrapeTimes]) -> String {
        all.map { "\($0.count) \($0.firstNs) \($0.lastNs) \($0.greatestGapNs)\n" }.joined()
    }

    /// What `GET /scrapes` on any port of a fleet answers; nil when it is something else.
    public static func all(in text: String) -> [ScrapeTimes]? {
        var all: [ScrapeTimes] = []
        for line in text.split(separator: "\n") {
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count == 4 else { return nil }
            var times = ScrapeTimes()
            times.count = numbers[0]
            times.firstNs = numbers[1]
            times.lastNs = numbers[2]
            times.greatestGapNs = numbers[3]
            all.append(times)
        }
        return all
    }
}
