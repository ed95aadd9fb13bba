import MetricModel
import Platform

/// A run of lines as the next scrape is expected to have them: for each line the hash and length of its
/// segment, and the series they stand for. Immutable, and shared by the targets of a pool whose lines are
/// equal.
///
/// A segment is everything from the end of the line before to the end of the line's name or labels; the
/// comments in front of a sample belong to it.
final class TemplateChunk: Sendable {
    /// A series without some of its target's labels.
    struct Exclusion: Equatable {
        let series: UInt32
        /// Indices into `Target.labels`.
        let targetLabels: [UInt16]
    }

    /// For each line, the keyed hash of its segment.
    let hashes: [UInt64]
    /// For each line, the length of its segment.
    let lengths: [UInt32]
    /// Lines that have no series, because metric_relabel_configs drop them or a histogram has them: indices,
    /// ascending.
    let droppedLines: [UInt32]
    /// Those of them whose series are left out because memory is short, ascending.
    let shedLines: [UInt32]
    /// Histograms made of lines that are left out for the same reason.
    let shedHistograms: Int
    /// Bytes of comments that are left out for the same reason.
    let leftOutCommentBytes: Int
    /// What it lacks of what is said of the family at its end, where that counts.
    let lack: ChunkComments.Lack
    /// Lines that were kept without room and without the reserve, as they cannot be left out.
    let unpaidLines: Int
    /// What the chunk takes of the bytes that are kept without room.
    private let reserved: MemoryReserve.Part?
    /// For each series, the sum of its own labels' hashes.
    let ownHashes: [UInt64]
    /// Ascending by series, each series once.
    let exclusions: [Exclusion]
    /// The series: one for each line that is kept, and one for each histogram made of lines.
    let layout: LayoutChunk
    /// What the comments in front of the chunk say, and those up to its end.
    let before: FamilyContext
    let after: FamilyContext
    /// Whether the lines were OpenMetrics: what the text format takes between them may not stand there.
    let isOpenMetrics: Bool
    /// The lines' HELP, TYPE and UNIT comments, as `PackedMetadata` has them.
    let metadata: [UInt8]
    /// Families that they are about, but for one that the chunk before has begun.
    let familyCount: Int
    /// Lines whose series broke a rule of the job: they have no sample. Ascending.
    let refused: [UInt32]
    /// What was wrong with the first of them, or the first line that was skipped.
    let refusal: String?
    /// Lines in between that are not in the format.
    let skippedLines: Int
    /// Lines that make native histograms, ascending; empty unless the job converts classic ones.
    let groups: [ClassicGroup]
    /// Lines that have no series because a histogram has them.
    let foldedLines: Int
    /// The histogram that a line behind the chunk may still belong to; 0 for none.
    let openGroup: UInt64
    /// Series that `_created` lines tell the start of, ascending; empty unless the job reads these.
    let starts: [StartRun]
    /// Lines that have no series because they tell of others.
    let createdLines: Int
    /// The metric that a line behind the chunk may still belong to; 0 for none.
    let openRun: UInt64
    let digest: UInt64

    init(
        hashes: [UInt64], lengths: [UInt32], droppedLines: [UInt32] = [], shedLines: [UInt32] = [],
        shedHistograms: Int = 0, leftOutCommentBytes: Int = 0, lack: ChunkComments.Lack = .init(),
        unpaidLines: Int = 0, reserved: MemoryReserve.Part? = nil, ownHashes: [UInt64],
        exclusions: [Exclusion], layout: LayoutChunk, before: FamilyContext, after: FamilyContext,
        isOpenMetrics: Bool = false, metadata: [UInt8] = [],
        repeatedFamilies: Int = 0, refused: [UInt32] = [], refusal: String? = nil,
        skippedLines: Int = 0, groups: [ClassicGroup] = [], foldedLines: Int = 0,
        openGroup: UInt64 = 0, starts: [StartRun] = [], createdLines: Int = 0, openRun: UInt64 = 0
    ) {
        precondition(
            hashes.count == lengths.count
                && hashes.count + groups.count { $0.series != nil } == ownHashes.count + droppedLines.count
                && ownHashes.count == layout.seriesCount,
            "a template has a series for each line that is kept and each histogram made of lines")
        self.groups = groups
        self.foldedLines = foldedLines
        self.openGroup = openGroup
        self.starts = starts
        self.createdLines = createdLines
        self.openRun = openRun
        self.hashes = hashes
        self.lengths = lengths
        self.droppedLines = droppedLines
        self.shedLines = shedLines
        self.shedHistograms = shedHistograms
        self.leftOutCommentBytes = leftOutCommentBytes
        self.lack = lack
        self.unpaidLines = unpaidLines
        self.reserved = reserved
        self.ownHashes = ownHashes
        self.exclusions = exclusions
        self.layout = layout
        self.before = before
        self.after = after
        self.isOpenMetrics = isOpenMetrics
        self.metadata = metadata
        familyCount = PackedMetadata.familyCount(metadata) - repeatedFamilies
        self.refused = refused
        self.refusal = refusal
        self.skippedLines = skippedLines
        var digest = layout.digest
        for hash in hashes { digest = (digest &* 0x9E37_79B9_7F4A_7C15) ^ hash }
        digest ^= UInt64(shedLines.count + shedHistograms)
        self.digest = digest
    }

    /// Series without lines of their own: a page's order says which lines stand for them.
    init(
        series ownHashes: [UInt64], exclusions: [Exclusion], layout: LayoutChunk, isOpenMetrics: Bool,
        metadata: [UInt8]
    ) {
        precondition(ownHashes.count == layout.seriesCount, "each series has a hash")
        hashes = []
        lengths = []
        droppedLines = []
        shedLines = []
        shedHistograms = 0
        leftOutCommentBytes = 0
        lack = ChunkComments.Lack()
        unpaidLines = 0
        reserved = nil
        self.ownHashes = ownHashes
        self.exclusions = exclusions
        self.layout = layout
        before = FamilyContext()
        after = FamilyContext()
        self.isOpenMetrics = isOpenMetrics
        self.metadata = metadata
        familyCount = PackedMetadata.familyCount(metadata)
        refused = []
        refusal = nil
        skippedLines = 0
        groups = []
        foldedLines = 0
        openGroup = 0
        starts = []
        createdLines = 0
        openRun = 0
        digest = layout.digest
    }

    /// Comments alone.
    convenience init(comments: [UInt8], _ layouts: LayoutInterner, isOpenMetrics: Bool) {
        var none = LayoutChunkBuilder()
        self.init(
            series: [], exclusions: [], layout: layouts.intern(none.finish()), isOpenMetrics: isOpenMetrics,
            metadata: comments)
    }

    var lineCount: Int { hashes.count }
    /// Bytes of the hashes and lengths by which lines and series are known again. Comments and the layout are
    /// not counted.
    var lineBytes: Int {
        8 * hashes.count + 4 * lengths.count + 8 * ownHashes.count
            + 4 * (droppedLines.count + shedLines.count + refused.count)
    }
    /// Samples that are left out because memory is short.
    var shedCount: Int { shedLines.count + shedHistograms }
    /// What they and the comments that are left out would cost, as `SeriesAdmission` estimates it.
    var shedBytes: Int {
        shedLines.reduce(leftOutCommentBytes + shedCount * SeriesAdmission.seriesBytes) {
            $0 + Int(lengths[Int($1)])
        }
    }
    /// Whether nothing is left out because memory is short.
    var isWhole: Bool { shedLines.isEmpty && shedHistograms == 0 && leftOutCommentBytes == 0 }
    /// Whether some of it is kept although there was no room.
    var hasReserve: Bool { reserved != nil }
    /// Lines without a series that were not shed.
    var plainLineCount: Int { droppedLines.count - shedLines.count }
    /// Whether the layout says which series belong to which family.
    var statesFamilies: Bool { layout.metadata != nil }
    var seriesCount: Int { ownHashes.count }

    /// Those of `exclusions` whose series are in `range`.
    func exclusions(of range: Range<Int>) -> ArraySlice<Exclusion> {
        if exclusions.isEmpty { return [] }
        var (low, high) = (0, exclusions.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(exclusions[middle].series) < range.lowerBound { low = middle + 1 } else { high = middle }
        }
        return exclusions[low...].prefix { Int($0.series) < range.upperBound }
    }

    /// Hashes of the whole series of a target, in order: equal for equal label sets, whichever line they come
    /// from.
    func seriesHashes(of schema: TargetSchema) -> [UInt64] {
        var result = ownHashes.map { $0 &+ schema.allLabelsHash }
        for exclusion in exclusions {
            for label in exclusion.targetLabels {
                result[Int(exclusion.series)] &-= schema.labelHashes[Int(label)]
            }
        }
        return result
    }

    /// The same of one series.
    func seriesHash(_ series: Int, of schema: TargetSchema) -> UInt64 {
        exclusions(of: series..<series + 1).reduce(ownHashes[series] &+ schema.allLabelsHash) { hash, own in
            own.targetLabels.reduce(hash) { $0 &- schema.labelHashes[Int($1)] }
        }
    }

    /// Whether any series of a target is in `table`, without making the list of all.
    func sharesSeries(with table: SeriesTable, _ schema: TargetSchema) -> Bool {
        guard exclusions.isEmpty else {
            return seriesHashes(of: schema).contains { table.number(of: $0) != nil }
        }
        for hash in ownHashes where table.number(of: hash &+ schema.allLabelsHash) != nil { return true }
        return false
    }

    func hasSameContent(as other: TemplateChunk) -> Bool {
        digest == other.digest && layout === other.layout && before == other.before
            && after == other.after && isOpenMetrics == other.isOpenMetrics && hashes == other.hashes
            && lengths == other.lengths
            && droppedLines == other.droppedLines && shedLines == other.shedLines
            && shedHistograms == other.shedHistograms && ownHashes == other.ownHashes
            && exclusions == other.exclusions
            && metadata == other.metadata && refused == other.refused
            && skippedLines == other.skippedLines && groups.count == other.groups.count
            && starts == other.starts && isWhole == other.isWhole && lack == other.lack
    }
}
