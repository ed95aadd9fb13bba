import MetricModel

/// The lines of a page in their order, each with the series that it stands for, for a target whose lines
/// change often. The series stand in chunks in an order of their own, so that a line that comes, goes or
/// moves leaves the chunks of all others as they are: they are not stated again, and their values keep their
/// places. Immutable; takes 17 bytes a line.
///
/// A series whose line has left stays in its chunk without a sample until the chunk is made anew: a hole.
final class PageOrder: Sendable {
    /// Stands for the series of a line that rules drop.
    static let noSeries = UInt32.max
    /// A page of fewer lines is parsed anew when it changes.
    static let leastLines = 32
    /// The page is read afresh after so many changed lines for each of its lines: what has been learnt of a
    /// target is forgotten then, its chunks are again those of equal targets, and the descriptions of
    /// families that have left go.
    private static let freshAfter = 32

    /// For each line, the keyed hash of its segment, the segment's length, and the type in force; of a
    /// protobuf body the key of a series, the length of its line of text, and nothing.
    let hashes: [UInt64]
    let lengths: [UInt32]
    let types: [ExpositionParser.FamilyType]
    /// For each line, the ordinal of its series, or `noSeries`.
    let ordinals: [UInt32]
    /// Ordinals of series without a line, ascending.
    let holes: [UInt32]
    /// For each chunk, how many holes the changed pages have found in it, added up.
    let debts: [Int]
    let comments: LastComments
    let isOpenMetrics: Bool
    /// Whether the page was a protobuf body: its lines are series, and their hashes are keys.
    let isProtobuf: Bool
    /// Whether lines move, so that it pays to look every line up that is not where it was.
    let looksUp: Bool
    /// Lines parsed and series copied since the page was read afresh.
    let work: Int

    init(
        hashes: [UInt64], lengths: [UInt32], types: [ExpositionParser.FamilyType], ordinals: [UInt32],
        holes: [UInt32] = [], debts: [Int], comments: LastComments, isOpenMetrics: Bool,
        isProtobuf: Bool = false, looksUp: Bool = false, work: Int = 0
    ) {
        precondition(
            hashes.count == lengths.count && types.count == hashes.count && ordinals.count == hashes.count,
            "each line has a hash, a length, a type and a series")
        self.hashes = hashes
        self.lengths = lengths
        self.types = types
        self.ordinals = ordinals
        self.holes = holes
        self.debts = debts
        self.comments = comments
        self.isOpenMetrics = isOpenMetrics
        self.isProtobuf = isProtobuf
        self.looksUp = looksUp
        self.work = work
    }

    /// An order without lines: it says only which series of the chunks have no sample.
    convenience init(holes: [UInt32]) {
        self.init(
            hashes: [], lengths: [], types: [], ordinals: [], holes: holes, debts: [],
            comments: LastComments(), isOpenMetrics: false)
    }

    /// The order of a page that was parsed as a whole; nil where a chunk has what only the parsing of whole
    /// chunks looks after.
    convenience init?(
        parsed chunks: [TemplateChunk], _ record: PageRecord, isOpenMetrics: Bool, isProtobuf: Bool = false
    ) {
        let types = record.types
        guard types.count >= Self.leastLines, chunks.allSatisfy({ Self.takes($0) }) else { return nil }
        var (hashes, lengths, ordinals): ([UInt64], [UInt32], [UInt32]) = ([], [], [])
        hashes.reserveCapacity(types.count)
        lengths.reserveCapacity(types.count)
        ordinals.reserveCapacity(types.count)
        var next: UInt32 = 0
        for chunk in chunks {
            hashes += chunk.hashes
            lengths += chunk.lengths
            var dropped = chunk.droppedLines[...]
            for line in 0..<UInt32(chunk.lineCount) {
                if dropped.first == line {
                    dropped.removeFirst()
                    ordinals.append(Self.noSeries)
                } else {
                    ordinals.append(next)
                    next += 1
                }
            }
        }
        guard hashes.count == types.count else { return nil }
        self.init(
            hashes: hashes, lengths: lengths, types: types.exactCopy, ordinals: ordinals,
            debts: Array(repeating: 0, count: chunks.count), comments: record.comments.of(chunks),
            isOpenMetrics: isOpenMetrics, isProtobuf: isProtobuf)
    }

    private static func takes(_ chunk: TemplateChunk) -> Bool {
        chunk.groups.isEmpty && chunk.starts.isEmpty && chunk.createdLines == 0 && chunk.refused.isEmpty
            && chunk.refusal == nil && chunk.skippedLines == 0 && !chunk.statesFamilies
            && chunk.isWhole && chunk.lineCount - chunk.droppedLines.count == chunk.seriesCount
    }

    var lineCount: Int { hashes.count }
    /// Bytes that it takes.
    var heldBytes: Int {
        17 * lineCount + 4 * holes.count + 8 * debts.count + comments.heldBytes
    }

    /// Whether the page is to be read afresh.
    var isSpent: Bool { work > Self.freshAfter * max(lineCount, Self.leastLines) }

    /// The type in force in front of a line.
    func typeBefore(_ line: Int) -> ExpositionParser.FamilyType { line == 0 ? .other : types[line - 1] }
}

/// What the parsing of a whole page notes for its order.
struct PageRecord {
    /// For each line, the type in force.
    var types: [ExpositionParser.FamilyType] = []
    var comments = LastComments()

    mutating func add(_ parser: ExpositionParser, _ body: RawSpan, _ hasher: SegmentHasher) {
        types.append(parser.type)
        for line in parser.metadata { _ = comments.take(line, body, hasher) }
    }

    /// Takes in all of a protobuf body.
    mutating func add(_ series: ScrapedSeries, _ body: RawSpan, _ hasher: SegmentHasher) {
        types = Array(repeating: .other, count: series.count)
        for family in series.families {
            for kind in family.comments { _ = comments.take(kind, family, body, hasher) }
        }
    }
}
