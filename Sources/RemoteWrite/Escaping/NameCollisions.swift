internal import MetricModel

/// Finds series of a frame that would be one once their names are escaped. A series that needs no escaping
/// has its name; of those that do the first has it. What is found of a layout is kept for the next frame.
struct NameCollisions {
    private struct Found {
        /// Held, so that none of them takes another's identity.
        let chunks: [LayoutChunk]
        let collided: [UInt32]
        /// The series of this target.
        let taken: Set<LabelSet>
        let target: Target
    }

    /// Layouts that are kept; beyond that all are found anew.
    private static let most = 256

    private var known: [[ObjectIdentifier]: Found] = [:]

    /// Adds to `drops` what collides in the frame, whose chunks look as `views` say.
    mutating func find(
        _ views: [ChunkView], _ departed: [ChunkView], _ frame: Frame, _ names: EscapedNames,
        into drops: inout SeriesDrops
    ) {
        let found = found(views, frame, names)
        drops.collided = found.collided
        drops.layout = (drops.layout + found.collided).sorted()
        // Targets with one layout have series of their own.
        let isAnothers = !departed.isEmpty && found.target !== frame.target
        var taken = isAnothers ? Self.find(views, frame, names).taken : found.taken
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
                // A marker would end the series that has the name.
                if !taken.insert(labels).inserted {
                    collided.append(series)
                    names.collided(Self.name(series, of: frame.departed[index].chunk, frame.target))
                }
            }
            drops.departedCollided.append(collided)
            drops.departed[index] = (drops.departed[index] + collided).sorted()
        }
    }

    private mutating func found(_ views: [ChunkView], _ frame: Frame, _ names: EscapedNames) -> Found {
        let key = views.map { ObjectIdentifier($0.chunk) }
        if let found = known[key] { return found }
        let found = Self.find(views, frame, names)
        if known.count >= Self.most { known.removeAll() }
        known[key] = found
        return found
    }

    private static func find(_ views: [ChunkView], _ frame: Frame, _ names: EscapedNames) -> Found {
        var taken: Set<LabelSet> = []
        var collided: [UInt32] = []
        for isEscaped in [false, true] {
            for (index, view) in views.enumerated() {
                let start = frame.layout.starts[index]
                if isEscaped { collided += view.collided.map { start + $0 } }
                for series in 0..<UInt32(view.chunk.seriesCount)
                where contains(view.escaped, series) == isEscaped && !contains(view.dropped, series)
                    && !contains(view.collided, series)
                {
                    guard let labels = view.chunk.labels(ofSeries: Int(series), target: frame.target),
                        !taken.insert(labels).inserted, isEscaped
                    else { continue }
                    collided.append(start + series)
                    names.collided(name(series, of: frame.layout.chunks[index], frame.target))
                }
            }
        }
        return Found(
            chunks: views.map(\.chunk), collided: collided.sorted(), taken: taken, target: frame.target)
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
