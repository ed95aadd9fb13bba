internal import MetricModel

/// Finds series of a frame that would be the same once their names are escaped. Of such series one is sent:
/// the one that needs no escaping, else the one whose labels come first in the order of their bytes. So the
/// order in which a target gives its series changes nothing. What is found of a layout is kept for the next
/// frame.
struct NameCollisions {
    private struct Found {
        private struct Chunk {
            weak var object: LayoutChunk?
        }

        private let chunks: [Chunk]
        let collided: [UInt32]

        init(_ views: [ChunkView], _ collided: [UInt32]) {
            chunks = views.map { Chunk(object: $0.chunk) }
            self.collided = collided
        }

        /// Whether all of its chunks are there. Others may have their identities then.
        var isCurrent: Bool { chunks.allSatisfy { $0.object != nil } }

        /// Bytes held, the key's among them.
        var heldBytes: Int { 128 + chunks.count * 24 + collided.count * 4 }
    }

    /// What tells series apart: 128 bits, so that two of a target have one by chance never.
    private struct SeriesHash: Hashable {
        let first: Int
        let second: Int

        init(_ labels: LabelSet) {
            var hashers = (Hasher(), Hasher())
            hashers.1.combine(UInt8(1))
            for label in labels.labels {
                for text in [label.name, label.value] {
                    for byte in text.utf8 {
                        hashers.0.combine(byte)
                        hashers.1.combine(byte)
                    }
                    // No text in UTF-8 has this byte.
                    hashers.0.combine(UInt8(0xFF))
                    hashers.1.combine(UInt8(0xFF))
                }
            }
            first = hashers.0.finalize()
            second = hashers.1.finalize()
        }
    }

    /// What is kept; beyond that all is found anew.
    static let mostBytes = 1 << 20

    private var known: [[ObjectIdentifier]: Found] = [:]
    /// Bytes held.
    private(set) var heldBytes = 0

    /// Adds to `drops` what collides in the frame, whose chunks look as `views` say.
    mutating func find(
        _ views: [ChunkView], _ departed: [ChunkView], _ frame: Frame, _ names: EscapedNames,
        into drops: inout SeriesDrops
    ) {
        let layout = collided(views, frame, names)
        drops.collided = layout
        drops.layout = (drops.layout + layout).sorted()
        var taken: Set<SeriesHash>?
        for (index, view) in departed.enumerated() {
            var collided: [UInt32] = []
            for series in frame.departed[index].series {
                guard !Self.contains(view.collided, series) else {
                    collided.append(series)
                    continue
                }
                guard Self.contains(view.escaped, series),
                    let labels = view.chunk.labels(ofSeries: Int(series), target: frame.target)
                else { continue }
                var present = taken ?? Self.present(views, frame)
                taken = nil
                // A marker would end the series that has the name.
                if !present.insert(SeriesHash(labels)).inserted {
                    collided.append(series)
                    names.collided(Self.name(series, of: frame.departed[index].chunk, frame.target))
                }
                taken = present
            }
            drops.departedCollided.append(collided)
            drops.departed[index] = (drops.departed[index] + collided).sorted()
        }
    }

    /// Which of the layout's series collide, by number, in ascending order.
    private mutating func collided(
        _ views: [ChunkView], _ frame: Frame, _ names: EscapedNames
    ) -> [UInt32] {
        let key = views.map { ObjectIdentifier($0.chunk) }
        if let found = known[key] {
            if found.isCurrent { return found.collided }
            known[key] = nil
            heldBytes -= found.heldBytes
        }
        let found = Found(views, Self.find(views, frame, names))
        guard found.heldBytes <= Self.mostBytes else { return found.collided }
        if heldBytes + found.heldBytes > Self.mostBytes {
            known = known.filter { $0.value.isCurrent }
            heldBytes = known.values.reduce(0) { $0 + $1.heldBytes }
        }
        if heldBytes + found.heldBytes > Self.mostBytes {
            known.removeAll()
            heldBytes = 0
        }
        known[key] = found
        heldBytes += found.heldBytes
        return found.collided
    }

    private static func find(_ views: [ChunkView], _ frame: Frame, _ names: EscapedNames) -> [UInt32] {
        var collided: [UInt32] = []
        /// The escaped series that has a name: its chunk, and its ordinal there.
        var holders: [SeriesHash: (chunk: Int, series: UInt32)] = [:]
        func lose(_ holder: (chunk: Int, series: UInt32)) {
            collided.append(frame.layout.starts[holder.chunk] + holder.series)
            names.collided(name(holder.series, of: frame.layout.chunks[holder.chunk], frame.target))
        }
        for (index, view) in views.enumerated() {
            collided += view.collided.map { frame.layout.starts[index] + $0 }
            for series in view.escaped {
                guard let labels = view.chunk.labels(ofSeries: Int(series), target: frame.target) else {
                    continue
                }
                let hash = SeriesHash(labels)
                let own = (chunk: index, series: series)
                if let holder = holders[hash] {
                    let isLess = precedes(own, holder, frame)
                    holders[hash] = isLess ? own : holder
                    lose(isLess ? holder : own)
                } else {
                    holders[hash] = own
                }
            }
        }
        guard !holders.isEmpty else { return collided.sorted() }
        for view in views {
            for series in unescaped(view) {
                guard let labels = view.chunk.labels(ofSeries: Int(series), target: frame.target),
                    let holder = holders.removeValue(forKey: SeriesHash(labels))
                else { continue }
                lose(holder)
            }
        }
        return collided.sorted()
    }

    /// Series that are sent under the names that they have.
    private static func unescaped(_ view: ChunkView) -> some Sequence<UInt32> {
        (0..<UInt32(view.chunk.seriesCount)).lazy.filter {
            !contains(view.escaped, $0) && !contains(view.dropped, $0) && !contains(view.collided, $0)
        }
    }

    /// The names under which the frame's series are sent.
    private static func present(_ views: [ChunkView], _ frame: Frame) -> Set<SeriesHash> {
        var hashes: Set<SeriesHash> = []
        for view in views {
            for series in 0..<UInt32(view.chunk.seriesCount)
            where !contains(view.dropped, series) && !contains(view.collided, series) {
                guard let labels = view.chunk.labels(ofSeries: Int(series), target: frame.target) else {
                    continue
                }
                hashes.insert(SeriesHash(labels))
            }
        }
        return hashes
    }

    /// Whether a series as its target names it comes before another, byte by byte.
    private static func precedes(
        _ own: (chunk: Int, series: UInt32), _ other: (chunk: Int, series: UInt32), _ frame: Frame
    ) -> Bool {
        func labels(_ place: (chunk: Int, series: UInt32)) -> [Label] {
            frame.layout.chunks[place.chunk].labels(ofSeries: Int(place.series), target: frame.target)?.labels
                ?? []
        }
        for (one, another) in zip(labels(own), labels(other)) {
            for (text, otherText) in [(one.name, another.name), (one.value, another.value)] {
                if text.utf8.elementsEqual(otherText.utf8) { continue }
                return text.utf8.lexicographicallyPrecedes(otherText.utf8)
            }
        }
        return false
    }

    /// The series as its target names it.
    private static func name(_ series: UInt32, of chunk: LayoutChunk, _ target: Target) -> String {
        chunk.labels(ofSeries: Int(series), target: target)?.description ?? ""
    }

    private static func contains(_ ascending: [UInt32], _ series: UInt32) -> Bool {
        var low = 0
        var high = ascending.count
        while low < high {
            let middle = (low + high) / 2
            if ascending[middle] < series { low = middle + 1 } else { high = middle }
        }
        return low < ascending.count && ascending[low] == series
    }
}

extension SeriesDrops {
    /// How many of the frame's samples in this range are of series that collide.
    func collisions(in samples: Range<Int>, of frame: Frame) -> Int {
        guard !collided.isEmpty || departedCollided.contains(where: { !$0.isEmpty }) else { return 0 }
        let present = frame.values.count - frame.absent.count
        var count = 0
        if samples.lowerBound < present {
            let first = FrameWalk(frame, from: samples.lowerBound, count: 0).ordinal
            let end =
                samples.upperBound >= present
                ? frame.values.count : FrameWalk(frame, from: samples.upperBound, count: 0).ordinal
            let absent = Set(frame.absent)
            count += collided.count { (first..<max(first, end)).contains(Int($0)) && !absent.contains($0) }
        }
        var start = present
        for (part, collided) in zip(frame.departed, departedCollided) {
            let range = samples.clamped(to: start..<start + part.series.count)
            let series = Set(collided)
            count += range.count { series.contains(part.series[$0 - start]) }
            start += part.series.count
        }
        return count
    }
}
