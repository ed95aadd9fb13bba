/// Which of the samples that a target's scrapes leave out are to be said: those of a reason that is new, and
/// all of them once an hour while it lasts.
struct LeftOutMemory: Sendable {
    private static let repeatNs: UInt64 = 3_600_000_000_000

    private var saidAtNs: [LeftOutSamples.Reason: UInt64] = [:]

    /// The ordinal of the series to be named, which counts as said with all that the scrape left out; nil
    /// when there is nothing to be said.
    mutating func shown(of samples: LeftOutSamples, nowNs: UInt64) -> UInt32? {
        let due = samples.reasons.first { reason in
            saidAtNs[reason].map { nowNs &- $0 >= Self.repeatNs } ?? true
        }
        guard let due else { return nil }
        for reason in samples.reasons { saidAtNs[reason] = nowNs }
        return samples.first(due)
    }
}
