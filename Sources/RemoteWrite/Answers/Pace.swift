/// How many requests a second a destination may be sent. An answer 429 sets it to half of the recent pace,
/// and each request that is stored afterwards raises it a little. Before the first 429 there is no limit.
struct Pace: Sendable, Equatable {
    /// Requests a second; nil without a limit.
    private(set) var perSecond: Double?
    private var lastBeginNs: UInt64?
    private var lastRaiseNs: UInt64 = 0
    /// When the requests of late began; once it is full, each takes the place of the oldest.
    private var begins: [UInt64] = []
    private var oldest = 0

    /// One request in ten seconds is let through however often the receiver says no.
    static let least = 0.1
    /// Above this there is nothing to limit.
    static let most = 500.0
    /// Requests a second that each second of success adds.
    static let raise = 0.5
    /// So long ago a request may have begun that is answered now.
    private static let lookedAtNs: UInt64 = 10_000_000_000

    /// When the next request may begin.
    func earliestNs(_ nowNs: UInt64) -> UInt64 {
        guard let perSecond, let lastBeginNs else { return nowNs }
        return max(nowNs, lastBeginNs + UInt64(1e9 / perSecond))
    }

    mutating func began(_ nowNs: UInt64) {
        lastBeginNs = nowNs
        if begins.count < Int(Self.most) {
            begins.append(nowNs)
        } else {
            begins[oldest] = nowNs
            oldest = (oldest + 1) % begins.count
        }
    }

    /// Requests of the busiest second of late: what the receiver was asked too much by. Quiet times before,
    /// when there was nothing to send or one probe alone, say nothing of that.
    private func busiestSecond(_ nowNs: UInt64) -> Double {
        let times = begins.filter { nowNs <= $0 + Self.lookedAtNs }.sorted()
        var (first, most) = (0, 1)
        for last in times.indices {
            while times[last] - times[first] >= 1_000_000_000 { first += 1 }
            most = max(most, last - first + 1)
        }
        return Double(most)
    }

    mutating func throttled(_ nowNs: UInt64) {
        let now = perSecond ?? min(Self.most, busiestSecond(nowNs))
        perSecond = max(Self.least, now / 2)
        lastRaiseNs = nowNs
    }

    mutating func succeeded(_ nowNs: UInt64) {
        guard let limit = perSecond else { return }
        let seconds = min(5, Double(nowNs - min(nowNs, lastRaiseNs)) / 1e9)
        let raised = limit + Self.raise * seconds
        perSecond = raised >= Self.most ? nil : raised
        lastRaiseNs = nowNs
    }
}
