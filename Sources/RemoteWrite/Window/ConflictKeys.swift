internal import MetricModel
internal import Platform

/// What must not fly at once: two frames with a key in common leave one after the other, as they may hold
/// the same series.
///
/// A target's key is a hash of its own labels without `job` and without external labels, so that one
/// target keeps its order under two jobs, and before and after a change of external labels. Where series
/// of a frame lack one of these labels (`honor_labels`, `labeldrop`), another target of the job may have
/// the same series: such frames share one more key, the job's. Series that only `write_relabel_configs`
/// make equal are not ordered, as in Prometheus.
struct ConflictKeys: Sendable {
    struct Keys: Equatable, Sendable {
        let target: UInt64
        /// Nil when every series has the target's own labels.
        var job: UInt64?
    }

    private struct Known {
        weak var chunk: LayoutChunk?
        /// Bit i: some series lacks the target's label i.
        let lacking: UInt64
    }

    /// By the target's id.
    private var targets: [UInt64: UInt64] = [:]
    /// By the chunk's identity, which may be another's once it is gone: the entry knows.
    private var chunks: [ObjectIdentifier: Known] = [:]
    /// Whether layouts state a series twice, by a hash of their chunks' contents.
    private var repeating: [UInt64: Bool] = [:]
    /// Beyond so many everything is found out anew: an entry takes a few dozen bytes.
    static let mostKnown = 100_000
    /// Targets with more labels are taken for ones whose series lack some.
    private static let mostLabels = 64

    /// The keys of a frame, as it was read from the buffer.
    mutating func keys(of frame: Frame) -> Keys {
        var keys = Keys(target: key(of: frame.target))
        if lacksLabels(frame) {
            var hash = FNV1a("job")
            hash.mix(0xFF)
            hash.mix(frame.target.job)
            keys.job = hash.value
        }
        return keys
    }

    /// Whether parts of the frame may hold the same series: its layout states one twice.
    mutating func repeatsSeries(_ frame: Frame) -> Bool {
        var hash = FNV1a()
        for chunk in frame.layout.chunks {
            for shift in stride(from: 0, to: 64, by: 8) {
                hash.mix(UInt8(truncatingIfNeeded: chunk.digest >> UInt64(shift)))
            }
        }
        if let known = repeating[hash.value] { return known }
        let repeats = Self.repeatsSeries(frame.layout)
        if repeating.count >= Self.mostKnown { repeating = [:] }
        repeating[hash.value] = repeats
        return repeats
    }

    /// By a table of hashes, at most half full: some twenty nanoseconds a series, since a target that loses
    /// and gains a few series with each scrape has a new layout each time.
    private static func repeatsSeries(_ layout: Layout) -> Bool {
        var capacity = 16
        while capacity < 2 * layout.seriesCount { capacity *= 2 }
        var table = Array(repeating: UInt64(0), count: capacity)
        var hasZero = false
        for chunk in layout.chunks {
            for series in 0..<chunk.seriesCount {
                let hash = chunk.seriesHash(series)
                // An empty place holds zero.
                if hash == 0 {
                    if hasZero { return true }
                    hasZero = true
                    continue
                }
                var place = Int(truncatingIfNeeded: hash) & (capacity - 1)
                while table[place] != 0 {
                    if table[place] == hash { return true }
                    place = (place + 1) & (capacity - 1)
                }
                table[place] = hash
            }
        }
        return false
    }

    private mutating func key(of target: Target) -> UInt64 {
        if let known = targets[target.id] { return known }
        var hash = FNV1a()
        for (label, isExternal) in zip(target.labels.labels, target.isExternal)
        where !isExternal && label.name != "job" {
            hash.mix(0xFF)
            hash.mix(label.name)
            hash.mix(0xFF)
            hash.mix(label.value)
        }
        if targets.count >= Self.mostKnown { targets = [:] }
        targets[target.id] = hash.value
        return hash.value
    }

    private mutating func lacksLabels(_ frame: Frame) -> Bool {
        let labels = frame.target.labels.labels
        guard labels.count <= Self.mostLabels else { return true }
        var wanted: UInt64 = 0
        for (index, label) in labels.enumerated()
        where !frame.target.isExternal[index] && label.name != "job" {
            wanted |= 1 << UInt64(index)
        }
        guard wanted != 0 else { return false }
        for chunk in frame.layout.chunks where lacking(chunk) & wanted != 0 { return true }
        for departed in frame.departed where lacking(departed.chunk) & wanted != 0 { return true }
        return false
    }

    private mutating func lacking(_ chunk: LayoutChunk) -> UInt64 {
        let key = ObjectIdentifier(chunk)
        if let known = chunks[key], known.chunk === chunk { return known.lacking }
        var lacking: UInt64 = 0
        for series in 0..<chunk.seriesCount {
            var has: UInt64 = 0
            for piece in chunk.pieces[Int(chunk.pieceOffsets[series])..<Int(chunk.pieceOffsets[series + 1])] {
                let first = Int(piece.firstTargetLabel)
                for label in first..<first + Int(piece.targetLabelCount) where label < Self.mostLabels {
                    has |= 1 << UInt64(label)
                }
            }
            lacking |= ~has
        }
        if chunks.count >= Self.mostKnown { chunks = chunks.filter { $0.value.chunk != nil } }
        if chunks.count >= Self.mostKnown { chunks = [:] }
        chunks[key] = Known(chunk: chunk, lacking: lacking)
        return lacking
    }
}
