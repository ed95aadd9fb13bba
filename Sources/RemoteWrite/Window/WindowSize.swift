/// How many requests may fly at once: as many as keep the sender busy for a round trip, between
/// `min_shards` and `max_shards`. A number and nothing more, so that it changes without a drain.
///
/// While an answer is on its way, one request after the other could be cut: a round trip divided by the
/// time that a cut takes, and one more. Fewer leave the sender idle, more gain nothing. What is not needed
/// is not used: a window of fifty with one request a second has one in flight.
struct WindowSize: Sendable {
    let least: Int
    let most: Int
    /// Answers so quick are the machine's own time and no distance.
    static let nearNs = 5_000_000.0
    /// In flight towards a receiver that is near: one is on its way while the next is cut.
    static let nearSize = 2
    /// How much of a new measurement counts: of a change of the round trip three quarters are seen after
    /// six answers.
    private static let weight = 0.2
    /// A cut is not taken for quicker, so that one odd measurement opens no window.
    private static let leastCutNs = 100_000.0

    private var roundTripNs: Double?
    private var cutNs: Double?
    /// What 429 and 503 leave: halved by each, one more for each window of answers after it.
    private var ceiling: Double

    init(least: Int, most: Int) {
        self.least = max(1, least)
        self.most = max(self.least, most)
        ceiling = Double(self.most)
    }

    /// How many may fly now.
    var size: Int {
        let wanted = max(least, min(most, wantedSize))
        return max(1, min(wanted, Int(ceiling)))
    }

    /// How many would be of use, whatever `max_shards` is.
    var wantedSize: Int {
        guard let roundTripNs, roundTripNs > Self.nearNs else { return Self.nearSize }
        let cutNs = max(Self.leastCutNs, cutNs ?? Self.leastCutNs)
        return 1 + Int(min(1e6, (roundTripNs / cutNs).rounded(.up)))
    }

    /// A request was read, encoded and compressed in so much time.
    mutating func cut(ns: UInt64) { cutNs = Self.smoothed(cutNs, Double(ns)) }

    /// A request was stored after so much time.
    mutating func stored(ns: UInt64) {
        roundTripNs = Self.smoothed(roundTripNs, Double(ns))
        ceiling = min(Double(most), ceiling + 1 / max(1, ceiling))
    }

    /// The receiver asks for less (429, 503); `inFlight` were on their way.
    mutating func throttled(inFlight: Int) {
        ceiling = max(1, min(ceiling, Double(max(1, inFlight))) / 2)
    }

    private static func smoothed(_ before: Double?, _ now: Double) -> Double {
        before.map { $0 + weight * (now - $0) } ?? now
    }
}
