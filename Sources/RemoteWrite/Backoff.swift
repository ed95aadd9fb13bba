/// Waits that double, with jitter from a generator of its own, so that lanes and agents do not come back in
/// step.
struct Backoff: Sendable {
    let firstMs: Int64
    let mostMs: Int64
    private(set) var tries = 0

    init(firstMs: Int64, mostMs: Int64) {
        self.firstMs = max(1, firstMs)
        self.mostMs = max(self.firstMs, mostMs)
    }

    mutating func reset() { tries = 0 }

    /// The next wait: between half of the doubled step and all of it.
    mutating func nextMs(_ random: inout SplitMix64) -> Int64 {
        // 2^40 ms are 35 years: no configuration goes beyond, and the shift cannot overflow below it.
        let doubled = tries < 40 && firstMs <= mostMs >> tries ? firstMs << tries : mostMs
        tries += 1
        let step = min(doubled, mostMs)
        return step - Int64(random.next() % UInt64(step / 2 + 1))
    }
}

/// Sebastiano Vigna's SplitMix64: enough for jitter, and the same numbers from the same seed in tests.
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        // Defined modulo 2^64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

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
