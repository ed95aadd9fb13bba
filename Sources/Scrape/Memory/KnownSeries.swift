import MetricModel

/// The series of a target's last good scrape: those that go on being taken while memory is short.
final class KnownSeries: Sendable {
    private let chunks: [TemplateChunk]
    /// Ordinals of series in the chunks that have left, ascending.
    private let holes: [UInt32]
    private let schema: TargetSchema
    /// Those that have left included.
    let count: Int

    /// Those of `state`, which a target of `schema` has left.
    init(_ state: ScrapeState, _ schema: TargetSchema) {
        chunks = state.chunks
        holes = state.holes
        count = chunks.reduce(0) { $0 + $1.seriesCount }
        self.schema = schema
    }

    /// A table of their hashes, for one page: a look at every series.
    func prints() -> SeriesPrints {
        var prints = SeriesPrints(capacity: count)
        var holes = holes[...]
        var ordinal: UInt32 = 0
        for chunk in chunks {
            for hash in chunk.seriesHashes(of: schema) {
                if holes.first == ordinal { holes.removeFirst() } else { prints.insert(hash) }
                ordinal += 1
            }
        }
        return prints
    }
}

/// A set of series by a part of their hashes: four bytes for each place, so that it is small where memory is
/// short. Of some billion series that are not in it one is taken for one that is.
struct SeriesPrints {
    private var places: [UInt32]
    private let mask: Int
    /// Places in use; at most half of them, so that every search meets an empty one.
    private var count = 0

    /// A set for up to `count` series.
    init(capacity count: Int) {
        var size = 16
        while size < count * 2 { size *= 2 }
        places = Array(repeating: 0, count: size)
        mask = size - 1
    }

    /// Adds a series; no more of them than the set was made for.
    mutating func insert(_ hash: UInt64) {
        let place = place(of: hash)
        guard places[place] == 0 else { return }
        count += 1
        precondition(count <= places.count / 2, "the set was made for as many series as it takes")
        places[place] = Self.print(hash)
    }

    /// Whether the series is in the set.
    func contains(_ hash: UInt64) -> Bool { places[place(of: hash)] != 0 }

    /// Where the series stands, or the empty place where it would.
    private func place(of hash: UInt64) -> Int {
        let print = Self.print(hash)
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] != 0, places[place] != print { place = (place + 1) & mask }
        return place
    }

    /// The upper half of the hash, as the place comes from the lower one; zero marks an empty place.
    private static func print(_ hash: UInt64) -> UInt32 { max(1, UInt32(truncatingIfNeeded: hash >> 32)) }
}
