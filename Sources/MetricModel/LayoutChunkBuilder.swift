/// Makes a `LayoutChunk` series by series. The caller gives each series' labels in final order: sorted by
/// name in byte order over the series' own and the target's labels, no name twice.
public struct LayoutChunkBuilder {
    private var bytes: [UInt8] = []
    private var pieces: [LayoutChunk.Piece] = []
    private var pieceOffsets: [UInt32] = [0]
    private var histogramSeries: [UInt32] = []
    /// The target labels met since the last run of the series' own labels.
    private var pendingFirst = 0
    private var pendingCount = 0
    /// So many series are copied by way of a list of their own.
    private static let manySeries = 8

    public init() {}

    /// Finished series so far.
    public var seriesCount: Int { pieceOffsets.count - 1 }
    /// Bytes of encoded labels so far.
    public var byteCount: Int { bytes.count }

    /// Adds a label of the series itself. The value must not be empty.
    public mutating func appendLabel(name: Span<UInt8>, value: Span<UInt8>) {
        flushPending()
        ProtobufWire.appendLabel(name: name, value: value, to: &bytes)
    }

    /// Adds the target's label `index` (into `Target.labels`) in this place.
    public mutating func appendTargetLabel(_ index: Int) {
        if pendingCount > 0, pendingFirst + pendingCount == index {
            pendingCount += 1
        } else {
            flushPending()
            pendingFirst = index
            pendingCount = 1
        }
    }

    /// Ends the series; `isHistogram` when its samples are native histograms.
    public mutating func endSeries(isHistogram: Bool = false) {
        if isHistogram { histogramSeries.append(UInt32(seriesCount)) }
        if pendingCount > 0 {
            flushPending()
        } else {
            pieces.append(
                LayoutChunk.Piece(runEnd: UInt32(bytes.count), firstTargetLabel: 0, targetLabelCount: 0))
        }
        pieceOffsets.append(UInt32(pieces.count))
    }

    /// Adds series that another chunk has, with their labels as they are there.
    public mutating func append(seriesOf chunk: LayoutChunk, _ range: Range<Int>) {
        precondition(pendingCount == 0, "endSeries ends each series")
        let histograms = chunk.histogramSeries
        var next = histograms.isEmpty ? 0 : Self.first(of: histograms, from: range.lowerBound)
        while next < histograms.count, Int(histograms[next]) < range.upperBound {
            histogramSeries.append(UInt32(seriesCount + Int(histograms[next]) - range.lowerBound))
            next += 1
        }
        guard range.count >= Self.manySeries else {
            for series in range {
                chunk.code.append(series: series, to: &bytes, &pieces)
                pieceOffsets.append(UInt32(pieces.count))
            }
            return
        }
        let (bytesBefore, piecesBefore) = (UInt32(bytes.count), UInt32(pieces.count))
        let plain = chunk.code.plain(of: range)
        bytes += plain.bytes
        for piece in plain.pieces {
            pieces.append(
                LayoutChunk.Piece(
                    runEnd: bytesBefore + piece.runEnd, firstTargetLabel: piece.firstTargetLabel,
                    targetLabelCount: piece.targetLabelCount))
        }
        for offset in plain.pieceOffsets.dropFirst() { pieceOffsets.append(piecesBefore + offset) }
    }

    /// The index of the first of ascending ordinals that is not below `series`; their count where all are.
    private static func first(of ordinals: [UInt32], from series: Int) -> Int {
        var (low, high) = (0, ordinals.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(ordinals[middle]) < series { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The chunk; the builder is empty afterwards. `metadata` is about as many series.
    public mutating func finish(metadata: ChunkMetadata? = nil) -> LayoutChunk {
        precondition(pendingCount == 0, "endSeries ends each series")
        // The chunk holds none of these arrays, which the builder keeps for the next one.
        guard
            let chunk = LayoutChunk(
                bytes: bytes, pieces: pieces, pieceOffsets: pieceOffsets, histogramSeries: histogramSeries,
                metadata: metadata)
        else {
            preconditionFailure("the builder keeps its offsets ascending and inside its bytes")
        }
        bytes.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
        pieceOffsets.removeLast(pieceOffsets.count - 1)
        histogramSeries = []
        return chunk
    }

    private mutating func flushPending() {
        guard pendingCount > 0 else { return }
        pieces.append(
            LayoutChunk.Piece(
                runEnd: UInt32(bytes.count), firstTargetLabel: UInt16(pendingFirst),
                targetLabelCount: UInt16(pendingCount)))
        pendingCount = 0
    }
}
