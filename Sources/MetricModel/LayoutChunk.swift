/// A run of series of one scrape, without the target's labels: for each series its finished, sorted, encoded
/// labels, cut where the target's labels go in between. Immutable, interned, and shared by every target whose
/// lines are equal.
///
/// The labels are kept as a `SeriesCode`. `plain` is what they are made from, and what the write-ahead buffer
/// states.
public final class LayoutChunk: Sendable {
    /// A run of encoded labels, then some of the target's labels (by index into `Target.labels`; possibly
    /// none).
    public struct Piece: Sendable, Equatable {
        /// Where the run ends in `bytes`; it begins where the piece before ended (0 for the first).
        public let runEnd: UInt32
        public let firstTargetLabel: UInt16
        public let targetLabelCount: UInt16

        public init(runEnd: UInt32, firstTargetLabel: UInt16, targetLabelCount: UInt16) {
            self.runEnd = runEnd
            self.firstTargetLabel = firstTargetLabel
            self.targetLabelCount = targetLabelCount
        }
    }

    /// A chunk's labels one after the other.
    ///
    /// Series `i` is the pieces `pieceOffsets[i]..<pieceOffsets[i + 1]`: for each piece `bytes` from where
    /// the piece before ended up to `runEnd`, then the target's labels
    /// `firstTargetLabel..<firstTargetLabel + targetLabelCount`.
    public struct Plain: Sendable, Equatable {
        public var bytes: [UInt8] = []
        public var pieces: [Piece] = []
        /// `seriesCount + 1` indices into `pieces`.
        public var pieceOffsets: [UInt32] = [0]

        /// Where the bytes of series `index` begin.
        public func runStart(ofSeries index: Int) -> Int {
            let firstPiece = Int(pieceOffsets[index])
            return firstPiece == 0 ? 0 : Int(pieces[firstPiece - 1].runEnd)
        }

        /// The pieces of series `index`.
        public func pieces(ofSeries index: Int) -> ArraySlice<Piece> {
            pieces[Int(pieceOffsets[index])..<Int(pieceOffsets[index + 1])]
        }
    }

    /// How many series there are.
    public var seriesCount: Int { code.seriesCount }
    public let code: SeriesCode
    /// Series whose samples are native histograms: ordinals in the chunk, ascending, each once. Mostly empty.
    public let histogramSeries: [UInt32]
    /// What the target says about the families of the series; nil while no destination sends it.
    public let metadata: ChunkMetadata?
    /// One more than the greatest index of a target label used; a frame whose target has fewer labels is
    /// refused.
    public let targetLabelBound: Int
    /// A hash of the content: equal chunks have equal digests. Not stable between releases.
    public let digest: UInt64

    /// Checks that every index stands inside its array, whoever made them (the scrape or a damaged file): nil
    /// when one does not.
    public init?(
        bytes: [UInt8], pieces: [Piece], pieceOffsets: [UInt32], histogramSeries: [UInt32] = [],
        metadata: ChunkMetadata? = nil
    ) {
        guard let last = pieceOffsets.last, pieceOffsets.first == 0, Int(last) == pieces.count,
            bytes.count < Int(UInt32.max),
            zip(histogramSeries, histogramSeries.dropFirst()).allSatisfy({ $0 < $1 }),
            histogramSeries.last.map({ Int($0) < pieceOffsets.count - 1 }) ?? true,
            metadata?.runs.last.map({ Int($0.firstSeries) < pieceOffsets.count - 1 }) ?? true
        else { return nil }
        for index in 1..<max(1, pieceOffsets.count) where pieceOffsets[index - 1] >= pieceOffsets[index] {
            return nil
        }
        var runStart: UInt32 = 0
        var bound = 0
        for piece in pieces {
            guard piece.runEnd >= runStart, Int(piece.runEnd) <= bytes.count else { return nil }
            runStart = piece.runEnd
            if piece.targetLabelCount > 0 {
                bound = max(bound, Int(piece.firstTargetLabel) + Int(piece.targetLabelCount))
            }
        }
        guard Int(runStart) == bytes.count else { return nil }
        code = SeriesCoder.code(bytes, pieces, pieceOffsets)
        self.histogramSeries = histogramSeries
        self.metadata = metadata
        targetLabelBound = bound
        digest = Self.digest(code, histogramSeries, metadata)
    }

    private init(_ code: SeriesCode, _ bound: Int, _ histogramSeries: [UInt32], _ metadata: ChunkMetadata) {
        self.code = code
        self.histogramSeries = histogramSeries
        self.metadata = metadata
        targetLabelBound = bound
        digest = Self.digest(code, histogramSeries, metadata)
    }

    /// The same series with what is known of their families; the same chunk where that tells of series that
    /// it does not have.
    public func adding(_ metadata: ChunkMetadata) -> LayoutChunk {
        guard metadata.runs.last.map({ Int($0.firstSeries) < seriesCount }) ?? true else { return self }
        return LayoutChunk(code, targetLabelBound, histogramSeries, metadata)
    }

    /// The labels one after the other: several times what the chunk takes, so for one look at all of them.
    public var plain: Plain { code.plain(of: 0..<seriesCount) }

    /// Bytes held beside the object itself.
    public var heldBytes: Int {
        code.heldBytes + histogramSeries.count * MemoryLayout<UInt32>.stride + (metadata?.heldBytes ?? 0)
    }

    /// Equal in every byte, not by digest alone.
    public func hasSameContent(as other: LayoutChunk) -> Bool {
        self === other
            || (digest == other.digest && code == other.code && histogramSeries == other.histogramSeries
                && metadata == other.metadata)
    }

    /// How many bytes the labels of one series take as text, without those that it has from its target.
    public func labelBytes(ofSeries index: Int) -> Int {
        code.parts(ofSeries: index).reduce(0) { $0 + code.part($1).length }
    }

    /// The labels of one series of `target`, decoded, for pages and tests; nil when the bytes are not labels.
    public func labels(ofSeries index: Int, target: Target) -> LabelSet? {
        var encoded: [UInt8] = []
        var own: [UInt8] = []
        var pieces: [Piece] = []
        code.append(series: index, to: &own, &pieces)
        var runStart = 0
        for piece in pieces {
            encoded += own[runStart..<Int(piece.runEnd)]
            runStart = Int(piece.runEnd)
            let first = Int(piece.firstTargetLabel)
            let end = first + Int(piece.targetLabelCount)
            guard end < target.encodedLabelOffsets.count else { return nil }
            encoded +=
                target.encodedLabels[
                    Int(target.encodedLabelOffsets[first])..<Int(target.encodedLabelOffsets[end])]
        }
        return EncodedLabels.decode(encoded).map { LabelSet($0) }
    }

    /// A hash of the own labels of series `index` and of where the target's labels go in between: the same
    /// in every layout of the target. Not stable between releases.
    public func seriesHash(_ index: Int) -> UInt64 {
        var own: [UInt8] = []
        var pieces: [Piece] = []
        code.append(series: index, to: &own, &pieces)
        var hash = Hash()
        hash.mix(own, 0..<own.count)
        for piece in pieces where piece.targetLabelCount > 0 { hash.mix(piece) }
        return hash.value
    }

    private static func digest(
        _ code: SeriesCode, _ histograms: [UInt32], _ metadata: ChunkMetadata?
    ) -> UInt64 {
        var hash = Hash()
        hash.mix(code.bytes, 0..<code.bytes.count)
        hash.mix(UInt64(code.partCount) << 32 | UInt64(code.seriesCount))
        for run in code.targetRuns { hash.mix(UInt64(run.first) << 16 | UInt64(run.count)) }
        for series in histograms { hash.mix(UInt64(series)) }
        if let metadata {
            hash.mix(metadata.comments, 0..<metadata.comments.count)
            for run in metadata.runs { hash.mix(UInt64(run.firstSeries) << 32 | UInt64(run.offset)) }
        }
        return hash.value
    }

    /// Eight bytes at a time: the 128-bit product, folded.
    private struct Hash {
        private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

        mutating func mix(_ word: UInt64) {
            let (high, low) = (value ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
            value = high ^ low
        }

        mutating func mix(_ piece: Piece) {
            mix(
                UInt64(piece.runEnd) << 32 | UInt64(piece.firstTargetLabel) << 16
                    | UInt64(piece.targetLabelCount))
        }

        /// Mixes the bytes of a range in, and how many they are.
        mutating func mix(_ bytes: [UInt8], _ range: Range<Int>) {
            // Safety: the loads stay inside the slice, whose pointer is used only inside the closure.
            unsafe bytes[range].withUnsafeBytes { buffer in
                var offset = 0
                while offset + 8 <= buffer.count {
                    mix(unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    offset += 8
                }
                var word: UInt64 = 0
                for index in offset..<buffer.count { word = word << 8 | UInt64(unsafe buffer[index]) }
                mix(word)
                mix(UInt64(buffer.count))
            }
        }
    }
}
