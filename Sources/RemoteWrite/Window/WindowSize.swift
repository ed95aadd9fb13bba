/// How many requests may fly at once, between `min_shards` and `max_shards`. A number and nothing more, so
/// that it changes without a drain.
///
/// Towards a receiver that is near there are two: one is on its way while the next is cut. Towards one that
/// is not, every answer that comes while all of them fly lets two more fly, so that the window grows
/// threefold in a round trip, as long as there is more to send than flies. It does not grow beyond a round
/// trip divided by the time that a cut takes, as the sender could not use more. A window of which less than
/// half was used becomes smaller again, and so does one whose receiver has come near: by two an answer, as
/// it grew.
struct WindowSize: Sendable {
    let least: Int
    let most: Int
    /// A receiver whose answers come within this time is near: the machines themselves may take as long.
    static let nearNs: UInt64 = 5_000_000
    /// In flight towards a receiver that is near.
    static let nearSize = 2
    /// Answers by which the distance is judged: at two in flight and 200 ms they take 0.8 s.
    private static let remembered = 8
    /// The distance is the second shortest of their round trips: what is longer has waited for a busy
    /// receiver or for this machine, and one odd quick answer does not close a window.
    private static let rank = 1
    /// An answer lets so many more fly while all fly that may.
    private static let growth = 2
    /// A cut counts as taking this long at least, so that one odd measurement does not open the window.
    private static let leastCutNs = 100_000.0
    /// How much of a new measurement of a cut counts.
    private static let weight = 0.2

    /// The newest, in no order.
    private var roundTripsNs: [UInt64] = []
    /// Which of them the next one replaces.
    private var oldest = 0
    private var cutNs: Double?
    private var grown = nearSize
    /// Answers since it was last judged whether the window is used, and the most that flew at one of them.
    private var answers = 0
    private var mostInFlight = 0
    /// What 429 and 503 leave: halved by each, one more for each window of answers after it.
    private var ceiling: Double

    init(least: Int, most: Int) {
        self.least = max(1, least)
        self.most = max(self.least, most)
        ceiling = Double(self.most)
    }

    /// How many may fly now.
    var size: Int {
        // Towards a receiver that has come near it shrinks by `grown` alone, a little an answer: a few quick
        // answers do not close a window.
        let useful = isFar ? min(grown, wantedSize) : grown
        return max(1, min(max(least, min(most, useful)), Int(ceiling)))
    }

    /// How many the sender could use, whatever `max_shards` is and however much there is to send.
    var wantedSize: Int {
        guard let distanceNs, distanceNs > Self.nearNs else { return Self.nearSize }
        let cutNs = max(Self.leastCutNs, cutNs ?? Self.leastCutNs)
        return 1 + Int(min(1e6, (Double(distanceNs) / cutNs).rounded(.up)))
    }

    /// A request was read, encoded and compressed in so much time.
    mutating func cut(ns: UInt64) {
        cutNs = cutNs.map { $0 + Self.weight * (Double(ns) - $0) } ?? Double(ns)
    }

    /// A request was stored after so much time; `inFlight` flew then, itself among them.
    mutating func stored(ns: UInt64, inFlight: Int) {
        note(ns)
        ceiling = min(Double(most), ceiling + 1 / max(1, ceiling))
        guard let distanceNs, distanceNs > Self.nearNs else {
            grown = max(Self.nearSize, min(grown, most) - Self.growth)
            (answers, mostInFlight) = (0, 0)
            return
        }
        answers += 1
        mostInFlight = max(mostInFlight, inFlight)
        if inFlight >= size {
            // Where the ceiling or `least` decides the size, `grown` stays: growth that no request has used
            // would show at once when the ceiling rises.
            if grown <= size { grown = min(most, size + Self.growth) }
        } else if answers >= 2 * size {
            if 2 * mostInFlight < grown { grown = max(Self.nearSize, grown - grown / 4) }
            (answers, mostInFlight) = (0, 0)
        }
    }

    /// The receiver asks for less (429, 503); `inFlight` were on their way.
    mutating func throttled(inFlight: Int) {
        ceiling = max(1, min(ceiling, Double(max(1, inFlight))) / 2)
    }

    private mutating func note(_ ns: UInt64) {
        if roundTripsNs.count < Self.remembered {
            roundTripsNs.append(ns)
        } else {
            roundTripsNs[oldest] = ns
            oldest = (oldest + 1) % Self.remembered
        }
    }

    private var isFar: Bool { (distanceNs ?? 0) > Self.nearNs }

    /// The round trip without what made it longer now and then; nil before the first answer.
    private var distanceNs: UInt64? {
        guard !roundTripsNs.isEmpty else { return nil }
        // Of the first few the shortest.
        let rank = roundTripsNs.count < Self.remembered / 2 ? 0 : Self.rank
        return roundTripsNs.sorted()[rank]
    }
}
