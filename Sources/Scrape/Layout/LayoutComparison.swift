import MetricModel

/// What a changed layout means for the series of a target: which are new, which have left, which stand twice.
struct LayoutComparison {
    /// A line whose series another line before it has, too.
    struct Duplicate: Sendable, Equatable {
        /// Ordinals in the layout.
        let series: UInt32
        let first: UInt32
    }

    /// Ascending by series.
    private(set) var duplicates: [Duplicate] = []
    /// Series that the old layout did not have.
    private(set) var addedCount = 0
    private(set) var departed: [Frame.Departed] = []

    /// Compares two lists of chunks of one target. `silent` are ordinals of the old layout that get no stale
    /// marker: ascending. The series of `report` are the agent's own and count as the first of their kind.
    init(
        old: [TemplateChunk], silent: [UInt32], oldIsLive: Bool, new: [TemplateChunk], report: [UInt64],
        schema: TargetSchema
    ) {
        let newHashes = new.map { $0.seriesHashes(of: schema) }
        let total = newHashes.reduce(0) { $0 + $1.count }
        var table = SeriesTable(capacity: total + report.count)
        for (index, hash) in report.enumerated() { _ = table.insert(hash, UInt32(total + index)) }
        var ordinal: UInt32 = 0
        for hashes in newHashes {
            for hash in hashes {
                if let first = table.insert(hash, ordinal) {
                    duplicates.append(Duplicate(series: ordinal, first: first))
                }
                ordinal += 1
            }
        }
        compare(old, silent, oldIsLive, new, newHashes, table, UInt32(total), schema)
    }

    /// `silent` may name the only line of a series that was left out of the old frame, and a chunk that both
    /// layouts have may hold a series that changed chunks hold too; hence sets, and the whole of both.
    private mutating func compare(
        _ old: [TemplateChunk], _ silent: [UInt32], _ oldIsLive: Bool, _ new: [TemplateChunk],
        _ newHashes: [[UInt64]], _ table: SeriesTable, _ newCount: UInt32, _ schema: TargetSchema
    ) {
        let kept = Set(new.map { ObjectIdentifier($0) })
        let before = Set(old.map { ObjectIdentifier($0) })
        // The new layout's series go in as well, each to be counted once.
        var oldTable = SeriesTable(capacity: old.reduce(Int(newCount)) { $0 + $1.lineCount })
        var silentIndex = 0
        var start = 0
        for chunk in old {
            let hashes = chunk.seriesHashes(of: schema)
            for hash in hashes { _ = oldTable.insert(hash, 0) }
            let isKept = kept.contains(ObjectIdentifier(chunk))
            var left: [UInt32] = []
            for (index, hash) in hashes.enumerated() {
                let ordinal = UInt32(start + index)
                var isSilent = false
                while silentIndex < silent.count, silent[silentIndex] <= ordinal {
                    isSilent = silent[silentIndex] == ordinal
                    silentIndex += 1
                }
                // A series that the report now covers has not left.
                if oldIsLive, !isKept, !isSilent, table.number(of: hash) == nil { left.append(UInt32(index)) }
            }
            if !left.isEmpty { departed.append(Frame.Departed(chunk: chunk.layout, series: left)) }
            start += chunk.lineCount
        }
        for (chunk, hashes) in zip(new, newHashes) where !before.contains(ObjectIdentifier(chunk)) {
            for hash in hashes where oldTable.insert(hash, 0) == nil { addedCount += 1 }
        }
    }
}
