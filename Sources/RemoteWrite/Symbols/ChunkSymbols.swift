internal import MetricModel

/// A chunk's strings, each once, and its series as references to them: what a request of remote write 2.0
/// needs of it. Made once and shared by all requests; a request only says which of its own symbols each
/// string is.
final class ChunkSymbols: Sendable {
    /// A family as references to strings.
    struct Family: Sendable {
        let kind: UInt8
        let help: UInt32
        let unit: UInt32
    }

    /// Series that follow each other and belong to one family.
    struct Run: Sendable {
        let firstSeries: Int
        /// Of `families`; nil for none.
        let family: Int?
    }

    /// The strings' bytes, one after the other, and `count + 1` places where they begin. String 0 is empty.
    let text: [UInt8]
    private let starts: [UInt32]
    /// References of the labels that the chunk itself has: a name and a value in turn, in the order of its
    /// pieces.
    let references: [UInt32]
    /// The chunk's pieces, each with where its references end in place of its bytes; they begin where those
    /// of the piece before ended.
    let pieces: [LayoutChunk.Piece]
    /// For each series, and behind the last one, the index of its first piece.
    let pieceOffsets: [UInt32]
    let families: [Family]
    /// Ascending; the first begins at series 0.
    let runs: [Run]

    /// Nil when the bytes are not labels, which only a damaged file can have.
    init?(_ chunk: LayoutChunk) {
        var strings = Strings()
        var references: [UInt32] = []
        let plain = chunk.plain
        var pieces: [LayoutChunk.Piece] = []
        pieces.reserveCapacity(plain.pieces.count)
        let content = plain.bytes
        var offset = 0
        for piece in plain.pieces {
            while offset < Int(piece.runEnd) {
                guard let label = EncodedLabels.next(content.span, at: &offset) else { return nil }
                references.append(strings.index(of: content[label.name]))
                references.append(strings.index(of: content[label.value]))
            }
            guard offset == Int(piece.runEnd) else { return nil }
            pieces.append(
                LayoutChunk.Piece(
                    runEnd: UInt32(references.count), firstTargetLabel: piece.firstTargetLabel,
                    targetLabelCount: piece.targetLabelCount))
        }
        var families: [Family] = []
        var places: [UInt32: Int] = [:]
        var runs = [Run(firstSeries: 0, family: nil)]
        for run in chunk.metadata?.runs ?? [] {
            var index: Int?
            if let known = places[run.offset] {
                index = known
            } else if let family = chunk.metadata?.family(at: run.offset) {
                index = families.count
                places[run.offset] = families.count
                families.append(
                    Family(
                        kind: family.kind.rawValue, help: strings.index(of: Array(family.help.utf8)[...]),
                        unit: strings.index(of: Array(family.unit.utf8)[...])))
            }
            if run.firstSeries == 0 { runs.removeAll() }
            runs.append(Run(firstSeries: Int(run.firstSeries), family: index))
        }
        self.references = references
        self.pieces = pieces
        pieceOffsets = plain.pieceOffsets
        text = strings.text
        starts = strings.starts
        self.families = families
        self.runs = runs
    }

    private init() {
        references = []
        pieces = []
        pieceOffsets = [0]
        text = []
        starts = [0, 0]
        families = []
        runs = [Run(firstSeries: 0, family: nil)]
    }

    /// Of a chunk without series.
    static let none = ChunkSymbols()

    /// How many strings there are, the empty one included.
    var stringCount: Int { starts.count - 1 }

    /// Where a string stands in `text`.
    func place(of string: UInt32) -> Range<Int> {
        Int(starts[Int(string)])..<Int(starts[Int(string) + 1])
    }

    /// The run that a series is in, as far as it goes, and its family in `families`.
    func run(of series: Int) -> (series: Range<Int>, family: Int?) {
        var low = 0
        var high = runs.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[middle].firstSeries <= series { low = middle } else { high = middle }
        }
        let end = high < runs.count ? runs[high].firstSeries : Int.max
        return (runs[low].firstSeries..<end, runs[low].family)
    }

    /// Bytes held.
    var heldBytes: Int {
        text.count + 4 * (starts.count + references.count + pieceOffsets.count) + 8 * pieces.count
            + 16 * families.count + 24 * runs.count + 128
    }

    private struct Strings {
        var text: [UInt8] = []
        var starts: [UInt32] = [0, 0]
        private var indices: [ArraySlice<UInt8>: UInt32] = [:]

        mutating func index(of string: ArraySlice<UInt8>) -> UInt32 {
            guard !string.isEmpty else { return 0 }
            if let known = indices[string] { return known }
            let index = UInt32(starts.count - 1)
            indices[string] = index
            text += string
            starts.append(UInt32(text.count))
            return index
        }
    }
}
