import MetricModel

/// What a changed layout means for the series of a target: which are new, which have left, which stand twice.
///
/// Where no series stood twice before and none does now, the work follows the change: a line more in a
/// hundred thousand costs two chunks and one look at the hashes of the rest.
struct LayoutComparison {
    /// A line whose series another line before it has, too, or the report.
    struct Duplicate: Sendable, Equatable {
        /// Ordinals in the layout; the report's series come after all lines.
        let series: UInt32
        let first: UInt32
    }

    /// One side of the comparison.
    struct Side {
        let chunks: [TemplateChunk]
        /// Ordinals that get no stale marker, ascending.
        var silent: [UInt32] = []
        /// Whether the series still await their markers.
        var isLive = false
        var hasDuplicates = false
    }

    /// Ascending by series.
    private(set) var duplicates: [Duplicate] = []
    /// Series that the old layout did not have.
    private(set) var addedCount = 0
    private(set) var departed: [Frame.Departed] = []

    /// Compares two lists of chunks of one target. The series of `report` are the agent's own and go before a
    /// line of the same labels.
    init(old: Side, new: [TemplateChunk], report: [UInt64], schema: TargetSchema) {
        if !old.hasDuplicates, !old.chunks.isEmpty, compareChanges(old, new, report, schema) { return }
        compareAll(old, new, report, schema)
    }

    /// Looks at chunks that only one side has; false when a series stands twice now, with nothing set.
    private mutating func compareChanges(
        _ old: Side, _ new: [TemplateChunk], _ report: [UInt64], _ schema: TargetSchema
    ) -> Bool {
        let before = Set(old.chunks.map { ObjectIdentifier($0) })
        let now = Set(new.map { ObjectIdentifier($0) })
        // A chunk that stands twice has every series twice.
        guard now.count == new.count else { return false }
        let leaving = old.chunks.filter { !now.contains(ObjectIdentifier($0)) }
        let coming = new.filter { !before.contains(ObjectIdentifier($0)) }
        let left = SeriesTable(of: leaving, schema)
        // What was among the changed lines before is nowhere else, for no series stood twice.
        var arrived = SeriesTable(capacity: coming.reduce(0) { $0 + $1.seriesCount })
        var added = SeriesTable(capacity: coming.reduce(0) { $0 + $1.seriesCount })
        for chunk in coming {
            for hash in chunk.seriesHashes(of: schema) {
                if arrived.insert(hash, 0) != nil { return false }
                if left.number(of: hash) == nil { _ = added.insert(hash, 0) }
            }
        }
        if added.count > 0 {
            if report.contains(where: { added.number(of: $0) != nil }) { return false }
            for chunk in new where before.contains(ObjectIdentifier(chunk)) {
                if chunk.sharesSeries(with: added, schema) { return false }
            }
        }
        addedCount = added.count
        if old.isLive {
            departed = Self.departed(old, kept: now, schema) { arrived.number(of: $0) == nil }
        }
        return true
    }

    /// Looks at every line of both sides.
    private mutating func compareAll(
        _ old: Side, _ new: [TemplateChunk], _ report: [UInt64], _ schema: TargetSchema
    ) {
        let total = new.reduce(0) { $0 + $1.seriesCount }
        let before = SeriesTable(of: old.chunks, schema)
        var table = SeriesTable(capacity: total + report.count)
        for (index, hash) in report.enumerated() { _ = table.insert(hash, UInt32(total + index)) }
        var ordinal: UInt32 = 0
        for chunk in new {
            for hash in chunk.seriesHashes(of: schema) {
                if let first = table.insert(hash, ordinal) {
                    duplicates.append(Duplicate(series: ordinal, first: first))
                } else if before.number(of: hash) == nil {
                    addedCount += 1
                }
                ordinal += 1
            }
        }
        if old.isLive {
            departed = Self.departed(old, kept: [], schema) { table.number(of: $0) == nil }
        }
    }

    /// The lines of `old` whose series `hasLeft` says have left, without the silent ones and those of `kept`
    /// chunks.
    private static func departed(
        _ old: Side, kept: Set<ObjectIdentifier>, _ schema: TargetSchema, _ hasLeft: (UInt64) -> Bool
    ) -> [Frame.Departed] {
        var result: [Frame.Departed] = []
        var silentIndex = 0
        var start = 0
        for chunk in old.chunks {
            defer { start += chunk.seriesCount }
            if kept.contains(ObjectIdentifier(chunk)) { continue }
            var left: [UInt32] = []
            for (index, hash) in chunk.seriesHashes(of: schema).enumerated() where hasLeft(hash) {
                let ordinal = UInt32(start + index)
                while silentIndex < old.silent.count, old.silent[silentIndex] < ordinal { silentIndex += 1 }
                if silentIndex < old.silent.count, old.silent[silentIndex] == ordinal { continue }
                left.append(UInt32(index))
            }
            if !left.isEmpty { result.append(Frame.Departed(chunk: chunk.layout, series: left)) }
        }
        return result
    }
}
