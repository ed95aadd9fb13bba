internal import Platform

/// What a destination's window holds in memory, charged to what reading may hold: an estimate, since the
/// bodies of requests are made and let go by its slots.
struct WindowHold: Sendable {
    private let hold: MemoryHold
    /// A value of a frame's column.
    private static let waitingSampleBytes = 8
    /// The value, and what of the request's body is a sample's: 25 bytes, up to 40 without compression to
    /// speak of.
    private static let flyingSampleBytes = 8 + 40
    /// A part that waits, with its keys.
    private static let partBytes = MemoryLayout<WaitingSlices.Entry>.stride + 64

    init(_ account: MemoryAccount) { hold = MemoryHold(account, .reading) }

    /// So much waits and flies now.
    func set(_ waiting: WaitingSlices, flyingSamples: Int) {
        hold.set(
            waiting.sampleCount * Self.waitingSampleBytes + waiting.partCount * Self.partBytes
                + flyingSamples * Self.flyingSampleBytes)
    }
}
