import MetricModel

/// Makes chunks of series that stand for themselves, without lines: those of new lines, and those that are
/// left of older chunks.
struct SeriesGatherer {
    private(set) var chunks: [TemplateChunk] = []
    /// Series of `chunks` and of the one that is being made.
    private(set) var seriesCount = 0
    private var ownHashes: [UInt64] = []
    private var exclusions: [TemplateChunk.Exclusion] = []
    private var layout = LayoutChunkBuilder()
    private var metadata: PackedMetadata
    private let isOpenMetrics: Bool
    private let layouts: LayoutInterner

    init(isOpenMetrics: Bool, layouts: LayoutInterner) {
        self.isOpenMetrics = isOpenMetrics
        self.layouts = layouts
        metadata = PackedMetadata(isOpenMetrics: isOpenMetrics)
    }

    /// Adds what a comment in front of a line says.
    mutating func note(_ line: FamilyMetadata.Line, _ body: RawSpan) { metadata.append(line, body) }

    /// The same of a protobuf message.
    mutating func note(_ kind: FamilyMetadata.Kind, family: [UInt8], text: [UInt8]) {
        metadata.append(kind, family: family, text: text)
    }

    /// Adds the HELP, TYPE and UNIT comments of an older chunk to those of the chunk that is being made.
    mutating func note(of chunk: TemplateChunk) {
        if !chunk.metadata.isEmpty { metadata.append(packed: chunk.metadata) }
    }

    /// Adds the series of the line that `parser` stands on. False when rules drop it.
    mutating func append(
        _ parser: ExpositionParser, _ body: RawSpan, hash: UInt64, _ encoder: inout SeriesEncoder,
        isHistogram: Bool = false
    ) throws(ScrapeError) -> Bool {
        guard
            let identity = try encoder.encode(
                parser, body, lineHash: hash, into: &layout, isHistogram: isHistogram)
        else { return false }
        if identity.isShed {
            throw ScrapeError("the series is new, and memory is short", offset: parser.lineStart)
        }
        if let refusal = identity.refusal { throw ScrapeError(refusal, offset: parser.lineStart) }
        if !identity.excluded.isEmpty { exclude(identity.excluded) }
        ownHashes.append(identity.ownHash)
        seriesCount += 1
        finishIfFull()
        return true
    }

    /// Adds series of an older chunk.
    mutating func append(_ range: Range<Int>, of chunk: TemplateChunk) {
        var rest = range
        while !rest.isEmpty {
            let part = rest.prefix(TemplateBuilder.maxLines - ownHashes.count)
            layout.append(seriesOf: chunk.layout, part)
            for exclusion in chunk.exclusions(of: part) {
                let series = UInt32(ownHashes.count + Int(exclusion.series) - part.lowerBound)
                exclusions.append(.init(series: series, targetLabels: exclusion.targetLabels))
            }
            ownHashes += chunk.ownHashes[part]
            seriesCount += part.count
            rest = part.upperBound..<rest.upperBound
            finishIfFull()
        }
    }

    private mutating func exclude(_ labels: [UInt16]) {
        exclusions.append(.init(series: UInt32(ownHashes.count), targetLabels: labels))
    }

    private mutating func finishIfFull() {
        let bytes = layout.byteCount + metadata.bytes.count
        if ownHashes.count >= TemplateBuilder.maxLines || bytes >= TemplateBuilder.maxLabelBytes { finish() }
    }

    /// Ends the chunk that is being made.
    mutating func finish() {
        guard !ownHashes.isEmpty else { return }
        let words = metadata.take()
        chunks.append(
            TemplateChunk(
                series: ownHashes.exactCopy, exclusions: exclusions,
                layout: layouts.intern(layout.finish()), isOpenMetrics: isOpenMetrics, metadata: words))
        ownHashes.removeAll(keepingCapacity: true)
        exclusions.removeAll()
    }

    /// The chunks made so far; the gatherer is empty afterwards. Comments without series behind them come
    /// last, in a chunk of their own.
    mutating func take() -> [TemplateChunk] {
        finish()
        if !metadata.isEmpty {
            chunks.append(TemplateChunk(comments: metadata.take(), layouts, isOpenMetrics: isOpenMetrics))
        }
        defer {
            chunks = []
            seriesCount = 0
        }
        return chunks
    }
}
