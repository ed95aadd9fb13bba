import MetricModel

/// Which lines of a layout have no sample although nothing stands twice: those that broke a rule of the job,
/// and with `on_limit: shed` the new ones beyond `sample_limit`. Made when a layout changes.
struct ShedPlan: Sendable {
    /// Ordinals, ascending.
    private(set) var leftOut: [UInt32] = []
    /// Of those, the ones that `sample_limit` took.
    private(set) var shedCount = 0
    /// Of those, the ones that broke a rule.
    private(set) var refusedCount = 0
    /// What the first that broke a rule did.
    private(set) var firstRefusal: String?
    /// The label that has most values among the shed series: what grew. A name without end is cut.
    private(set) var grownLabel: String?
    /// Series that count and that the layout before did not have.
    private(set) var addedCount = 0
    /// Samples that `sample_limit` counts, shed ones included.
    private(set) var countedSamples = 0

    /// Series of which the grown label is found.
    private static let examined = 2_000
    private static let mostNameBytes = 200

    init() {}

    /// `before` and `silent` are the chunks of the layout before and its ordinals that had no sample;
    /// `duplicates` ascend.
    init(
        _ chunks: [TemplateChunk], duplicates: [LayoutComparison.Duplicate], before: [TemplateChunk],
        leftOutBefore: [UInt32], limit: Int, sheds: Bool, target: Target, schema: TargetSchema
    ) {
        var without = Set(duplicates.map(\.series))
        var start: UInt32 = 0
        for chunk in chunks {
            for ordinal in chunk.refused { leftOut.append(start + ordinal) }
            if firstRefusal == nil { firstRefusal = chunk.refusal }
            start += UInt32(chunk.seriesCount)
        }
        refusedCount = leftOut.count
        without.formUnion(leftOut)
        countedSamples = Int(start) - without.count
        guard sheds, limit > 0, countedSamples > limit else {
            if !leftOut.isEmpty || !leftOutBefore.isEmpty {
                addedCount = newSeries(chunks, before, leftOutBefore, schema, without)
            }
            return
        }
        shed(chunks, before, leftOutBefore, limit, target, schema, without)
    }

    /// Known series first, in the order of the lines, then new ones as far as the limit goes.
    private mutating func shed(
        _ chunks: [TemplateChunk], _ before: [TemplateChunk], _ leftOutBefore: [UInt32], _ limit: Int,
        _ target: Target, _ schema: TargetSchema, _ without: Set<UInt32>
    ) {
        let known = Self.known(before, leftOutBefore, schema)
        var isKnown: [Bool] = []
        var ordinal: UInt32 = 0
        for chunk in chunks {
            for hash in chunk.seriesHashes(of: schema) {
                isKnown.append(!without.contains(ordinal) && known.number(of: hash) == 0)
                ordinal += 1
            }
        }
        var room = limit - min(limit, isKnown.count { $0 })
        var knownRoom = limit
        var shed: [UInt32] = []
        for index in isKnown.indices where !without.contains(UInt32(index)) {
            if isKnown[index], knownRoom > 0 {
                knownRoom -= 1
            } else if !isKnown[index], room > 0 {
                room -= 1
                addedCount += 1
            } else {
                shed.append(UInt32(index))
            }
        }
        shedCount = shed.count
        grownLabel = Self.grownLabel(chunks, shed, target)
        leftOut = (leftOut + shed).sorted()
    }

    private func newSeries(
        _ chunks: [TemplateChunk], _ before: [TemplateChunk], _ leftOutBefore: [UInt32],
        _ schema: TargetSchema, _ without: Set<UInt32>
    ) -> Int {
        let known = Self.known(before, leftOutBefore, schema)
        var result = 0
        var ordinal: UInt32 = 0
        for chunk in chunks {
            for hash in chunk.seriesHashes(of: schema) {
                if !without.contains(ordinal), known.number(of: hash) != 0 { result += 1 }
                ordinal += 1
            }
        }
        return result
    }

    /// The series of the layout before: 0 for those that counted, 1 for those left out.
    private static func known(
        _ chunks: [TemplateChunk], _ leftOut: [UInt32], _ schema: TargetSchema
    ) -> SeriesTable {
        var table = SeriesTable(capacity: chunks.reduce(0) { $0 + $1.seriesCount })
        var next = 0
        var ordinal: UInt32 = 0
        for chunk in chunks {
            for hash in chunk.seriesHashes(of: schema) {
                let isLeftOut = next < leftOut.count && leftOut[next] == ordinal
                if isLeftOut { next += 1 }
                _ = table.insert(hash, isLeftOut ? 1 : 0)
                ordinal += 1
            }
        }
        return table
    }

    private static func grownLabel(
        _ chunks: [TemplateChunk], _ shed: [UInt32], _ target: Target
    ) -> String? {
        var values: [String: Set<String>] = [:]
        var chunkIndex = 0
        var start = 0
        for ordinal in shed.prefix(examined) {
            while Int(ordinal) >= start + chunks[chunkIndex].seriesCount {
                start += chunks[chunkIndex].seriesCount
                chunkIndex += 1
            }
            let labels = chunks[chunkIndex].layout.labels(ofSeries: Int(ordinal) - start, target: target)
            for label in labels?.labels ?? [] { values[label.name, default: []].insert(label.value) }
        }
        // Of labels that grew alike the first by name, so that the answer stays the same.
        let grown = values.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key
        // It goes into the log with every change: so names of a megabyte must not.
        return grown.map { String(decoding: $0.utf8.prefix(mostNameBytes), as: UTF8.self) }
    }
}
