import MetricModel

/// Which series of a target's chunks the lines of a new page stand for.
struct SeriesUses {
    /// A new line whose series an older chunk has: its text has changed and its labels have not, or the
    /// series was away.
    struct Known {
        /// Of the new series.
        let number: UInt32
        let ordinal: UInt32
        /// Whether the page before had no line of it.
        let wasHole: Bool
    }

    enum Mark: UInt8 {
        case unused, used
        /// Neither this page nor the one before has a line of it.
        case hole
    }

    /// For each series of the chunks before.
    private(set) var marks: [Mark]
    /// For each chunk, series that no line stands for.
    private(set) var holes: [Int] = []
    private let chunks: [TemplateChunk]

    init(_ before: PageChange.Before, _ walk: some WalkedPage) {
        chunks = before.chunks
        marks = Array(repeating: .unused, count: chunks.reduce(0) { $0 + $1.seriesCount })
        for ordinal in before.order.holes { marks[Int(ordinal)] = .hole }
        for ordinal in walk.ordinals where ordinal < PageWalk.newSeries { marks[Int(ordinal)] = .used }
        count()
    }

    private mutating func count() {
        holes.removeAll(keepingCapacity: true)
        var start = 0
        for chunk in chunks {
            holes.append(marks[start..<start + chunk.seriesCount].count { $0 != .used })
            start += chunk.seriesCount
        }
    }

    func isUsed(_ ordinal: Int) -> Bool { marks[ordinal] == .used }

    /// The new series that older chunks have, ascending by number: they are used from now on. Nil when a
    /// series stands twice, or is a native histogram in one place and a number in the other.
    mutating func findKnown(
        _ new: [TemplateChunk], report: [UInt64], _ schema: TargetSchema
    ) -> [Known]? {
        let count = new.reduce(0) { $0 + $1.seriesCount }
        guard count > 0 else { return [] }
        var table = SeriesTable(capacity: count)
        var number: UInt32 = 0
        var histograms: Set<UInt32> = []
        for chunk in new {
            for series in chunk.layout.histogramSeries { histograms.insert(number + series) }
            for hash in chunk.seriesHashes(of: schema) {
                if table.insert(hash, number) != nil { return nil }
                number += 1
            }
        }
        guard !report.contains(where: { table.number(of: $0) != nil }) else { return nil }
        var found: [Known] = []
        var start = 0
        for chunk in chunks {
            var hasFault = false
            let histogramsBefore = Set(chunk.layout.histogramSeries)
            chunk.forEachSeries(in: table, schema) { series, number in
                let ordinal = start + series
                let isTwice = marks[ordinal] == .used
                let isOther = histograms.contains(number) != histogramsBefore.contains(UInt32(series))
                hasFault = hasFault || isTwice || isOther
                found.append(
                    Known(number: number, ordinal: UInt32(ordinal), wasHole: marks[ordinal] == .hole))
                marks[ordinal] = .used
            }
            if hasFault { return nil }
            start += chunk.seriesCount
        }
        guard !found.isEmpty else { return found }
        self.count()
        return found.sorted { $0.number < $1.number }
    }
}

extension TemplateChunk {
    /// Calls `body` with each series that is in `table` and its number there.
    fileprivate func forEachSeries(
        in table: SeriesTable, _ schema: TargetSchema, _ body: (Int, UInt32) -> Void
    ) {
        guard exclusions.isEmpty else {
            for (series, hash) in seriesHashes(of: schema).enumerated() {
                if let number = table.number(of: hash) { body(series, number) }
            }
            return
        }
        for series in ownHashes.indices {
            if let number = table.number(of: ownHashes[series] &+ schema.allLabelsHash) {
                body(series, number)
            }
        }
    }
}
