import MetricModel

/// The series of a target's last good scrape: those that go on being taken while memory is short.
struct KnownSeries: Sendable {
    private let chunks: [TemplateChunk]
    /// The lines, where the chunks have none.
    private let order: PageOrder?
    /// Ordinals of series in the chunks that have left, ascending.
    private let holes: [UInt32]
    private let schema: TargetSchema

    /// Those of `state`, which a target of `schema` has left.
    init(_ state: ScrapeState, _ schema: TargetSchema) {
        chunks = state.chunks
        order = state.order
        holes = state.holes
        self.schema = schema
    }

    /// Those that have left included.
    var count: Int { chunks.reduce(0) { $0 + $1.seriesCount } }

    /// Lines that they stand for, and those that had no series.
    var lineCount: Int { chunks.reduce(order?.lineCount ?? 0) { $0 + $1.lineCount } }
    /// Lines that were kept without room and without the reserve.
    var unpaidLines: Int { chunks.reduce(0) { $0 + $1.unpaidLines } }
    /// Lines without a series that were not shed.
    var plainLineCount: Int {
        let ofOrder = order?.ordinals.count { $0 == PageOrder.noSeries } ?? 0
        return chunks.reduce(ofOrder) { $0 + $1.plainLineCount }
    }

    /// Of the comments that stood in front of the lines.
    var commentBytes: Int { chunks.reduce(0) { $0 + $1.metadata.count } }

    /// A table of the comments that stood in front of their lines.
    func comments() -> SeriesPrints {
        var count = 0
        for chunk in chunks { PackedMetadata.forEach(chunk.metadata) { _ in count += 1 } }
        var prints = SeriesPrints(capacity: count)
        for chunk in chunks {
            let packed = chunk.metadata
            PackedMetadata.forEach(packed) { prints.insert(PackedMetadata.hash(packed, $0)) }
        }
        return prints
    }

    /// Whether a series with this hash is known. Compares it with every series, which takes no memory.
    func contains(_ hash: UInt64) -> Bool {
        let own = hash &- schema.allLabelsHash
        var start = 0
        for chunk in chunks {
            let hashes = chunk.exclusions.isEmpty ? chunk.ownHashes : chunk.seriesHashes(of: schema)
            let wanted = chunk.exclusions.isEmpty ? own : hash
            for index in hashes.indices where hashes[index] == wanted {
                if !isHole(start + index) { return true }
            }
            start += hashes.count
        }
        return false
    }

    private func isHole(_ ordinal: Int) -> Bool {
        var (low, high) = (0, holes.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(holes[middle]) < ordinal { low = middle + 1 } else { high = middle }
        }
        return low < holes.count && Int(holes[low]) == ordinal
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

/// A set of series, or of comments, by a part of their hashes: four bytes for each place, so that it is small
/// where memory is short. Of some billion series that are not in it one is taken for one that is.
struct SeriesPrints {
    private var places: [UInt32]
    /// Places in use; at most three of four, so that every search meets an empty one.
    private var count = 0

    /// A set for up to `count` series.
    init(capacity count: Int) {
        places = Array(repeating: 0, count: count + count / 3 + 16)
    }

    /// Adds a series; no more of them than the set was made for.
    mutating func insert(_ hash: UInt64) {
        let place = place(of: hash)
        guard places[place] == 0 else { return }
        count += 1
        precondition(count <= places.count / 4 * 3 + 3, "the set was made for as many series as it takes")
        places[place] = Self.print(hash)
    }

    /// Whether the series is in the set.
    func contains(_ hash: UInt64) -> Bool { places[place(of: hash)] != 0 }

    /// Where the series stands, or the empty place where it would.
    private func place(of hash: UInt64) -> Int {
        let print = Self.print(hash)
        var place = firstPlace(of: hash)
        while places[place] != 0, places[place] != print {
            place += 1
            if place == places.count { place = 0 }
        }
        return place
    }

    /// Where a search begins: the lower half of the hash, scaled to the number of places.
    private func firstPlace(of hash: UInt64) -> Int {
        Int((UInt64(UInt32(truncatingIfNeeded: hash)) &* UInt64(places.count)) >> 32)
    }

    /// How many places a search for the series looks at.
    func searchLength(of hash: UInt64) -> Int {
        let steps = place(of: hash) - firstPlace(of: hash)
        return 1 + (steps < 0 ? steps + places.count : steps)
    }

    /// The upper half of the hash, as the place comes from the lower one; zero marks an empty place.
    private static func print(_ hash: UInt64) -> UInt32 { max(1, UInt32(truncatingIfNeeded: hash >> 32)) }
}
