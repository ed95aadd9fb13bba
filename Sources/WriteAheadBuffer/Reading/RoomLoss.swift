/// What a destination has lost of late as neither disk nor memory had room for it, or as it was too old: for
/// whoever asks whether what waits is safe.
struct RoomLoss: Sendable {
    /// For so long a loss counts although samples are delivered again.
    static let lastsNs: UInt64 = 600_000_000_000

    private(set) var samples: UInt64 = 0
    /// When some were lost last, by the monotonic clock.
    private var lastNs: UInt64 = 0

    /// Whether samples are let go for this reason because there is no room, or for their age.
    static func isReason(_ reason: String) -> Bool {
        reason == BufferDropReason.memoryFull || reason == BufferDropReason.retentionSize
            || reason == BufferDropReason.retentionAge
    }

    mutating func lost(_ count: UInt64, nowNs: UInt64) {
        guard count > 0 else { return }
        samples = SampleCount.sum(samples, count)
        lastNs = nowNs
    }

    /// Some samples arrived. As long as none do what was lost counts.
    mutating func delivered(nowNs: UInt64) {
        if nowNs >= lastNs, nowNs - lastNs >= Self.lastsNs { samples = 0 }
    }
}
