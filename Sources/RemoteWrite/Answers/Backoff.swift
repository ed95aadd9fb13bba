internal import Platform

/// Waits that double, with jitter from a generator of its own, so that slots and agents do not come back in
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

    /// The next wait: between nine tenths of the doubled step and all of it. So no wait is much shorter than
    /// the one before, also where the steps have reached their bound.
    mutating func nextMs(_ random: inout SplitMix64) -> Int64 {
        // 2^40 ms are 35 years: no configuration goes beyond, and the shift cannot overflow below it.
        let doubled = tries < 40 && firstMs <= mostMs >> tries ? firstMs << tries : mostMs
        tries += 1
        let step = min(doubled, mostMs)
        return step - Int64(random.next() % UInt64(step / 10 + 1))
    }
}
