/// How many requests a second a lane may begin, learned from "429": halved by each, raised a little by what
/// succeeds after. Without a 429 there is no limit.
struct Pace: Sendable, Equatable {
    /// Requests a second; nil without a limit.
    private(set) var perSecond: Double?
    private var lastBeginNs: UInt64?
    private var lastRaiseNs: UInt64 = 0
    /// Seconds between the requests of late, smoothed.
    private var gap: Double?

    /// One request in ten seconds is let through however often the receiver says no.
    static let least = 0.1
    /// Above this there is nothing to limit.
    static let most = 500.0
    /// Requests a second that each second of success adds.
    static let raise = 0.5

    /// When the next request may begin.
    func earliestNs(_ nowNs: UInt64) -> UInt64 {
        guard let perSecond, let lastBeginNs else { return nowNs }
        return max(nowNs, lastBeginNs + UInt64(1e9 / perSecond))
    }

    mutating func began(_ nowNs: UInt64) {
        if let lastBeginNs, nowNs >= lastBeginNs {
            let seconds = Double(nowNs - lastBeginNs) / 1e9
            gap = gap.map { $0 * 0.8 + seconds * 0.2 } ?? seconds
        }
        lastBeginNs = nowNs
    }

    mutating func throttled(_ nowNs: UInt64) {
        let now = perSecond ?? min(Self.most, 1 / max(gap ?? 1, 1 / Self.most))
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
