import MetricModel

/// Gathers parsed lines into chunks. Where a chunk ends is decided by the lines themselves, so that two
/// bodies that differ in a few lines are cut in the same places elsewhere and share those chunks.
struct TemplateBuilder {
    /// Below this a boundary is passed over: each chunk costs some hundred bytes and a few calls a scrape.
    static let minLines = 128
    /// At this a chunk ends anywhere.
    static let maxLines = 512
    /// Bytes of labels and metadata at which a chunk ends anywhere: series with very long labels make short
    /// chunks.
    static let maxLabelBytes = 1 << 20
    /// One line in 256 begins a chunk of its own accord: the hash's low bits are zero.
    private static let boundaryMask: UInt64 = 0xFF

    private var hashes: [UInt64] = []
    private var lengths: [UInt32] = []
    private var droppedLines: [UInt32] = []
    private var ownHashes: [UInt64] = []
    private var exclusions: [TemplateChunk.Exclusion] = []
    private var refused: [UInt32] = []
    private var refusal: String?
    private var skippedLines = 0
    private var skippedReason: String?
    private var layout = LayoutChunkBuilder()
    private var typeBefore = ExpositionParser.FamilyType.other
    private var encoder: SeriesEncoder
    private var metadata: PackedMetadata
    private let isOpenMetrics: Bool
    private let layouts: LayoutInterner
    private let templates: TemplateInterner

    init(
        encoder: SeriesEncoder, isOpenMetrics: Bool, layouts: LayoutInterner, templates: TemplateInterner
    ) {
        self.encoder = encoder
        self.isOpenMetrics = isOpenMetrics
        metadata = PackedMetadata(isOpenMetrics: isOpenMetrics)
        self.layouts = layouts
        self.templates = templates
    }

    var lineCount: Int { hashes.count }

    /// Whether a new chunk begins with the line of this hash.
    func endsBefore(_ hash: UInt64) -> Bool {
        lineCount >= Self.maxLines || layout.byteCount + metadata.bytes.count >= Self.maxLabelBytes
            || (lineCount >= Self.minLines && hash & Self.boundaryMask == 0)
    }

    /// Adds the line that `parser` stands on; `typeBefore` held where its segment began. False when rules
    /// drop its series.
    mutating func append(
        _ parser: ExpositionParser, _ body: RawSpan, hash: UInt64, typeBefore: ExpositionParser.FamilyType,
        isHistogram: Bool = false
    ) throws(ScrapeError) -> Bool {
        if hashes.isEmpty { self.typeBefore = typeBefore }
        let identity = try encoder.encode(
            parser, body, lineHash: hash, into: &layout, isHistogram: isHistogram)
        if let identity {
            let series = UInt32(ownHashes.count)
            if !identity.excluded.isEmpty {
                exclusions.append(TemplateChunk.Exclusion(series: series, targetLabels: identity.excluded))
            }
            if let reason = identity.refusal {
                refused.append(series)
                refusal = refusal ?? reason
            }
            ownHashes.append(identity.ownHash)
        } else {
            droppedLines.append(UInt32(hashes.count))
        }
        skippedLines += parser.skippedLines
        skippedReason = skippedReason ?? parser.skippedReason
        hashes.append(hash)
        lengths.append(UInt32(parser.segment.count))
        for line in parser.metadata { metadata.append(line, body) }
        return identity != nil
    }

    /// Keeps what the body says about a metric family with the line that comes next.
    mutating func note(_ kind: FamilyMetadata.Kind, family: [UInt8], text: [UInt8]) {
        metadata.append(kind, family: family, text: text)
    }

    /// The chunk of the lines so far; the builder is empty afterwards.
    mutating func finish(typeAfter: ExpositionParser.FamilyType) -> TemplateChunk {
        // Copies of just the right size; these live as long as the target.
        let chunk = TemplateChunk(
            hashes: hashes.exactCopy, lengths: lengths.exactCopy, droppedLines: droppedLines.exactCopy,
            ownHashes: ownHashes.exactCopy, exclusions: exclusions, layout: layouts.intern(layout.finish()),
            typeBefore: typeBefore, typeAfter: typeAfter, isOpenMetrics: isOpenMetrics,
            metadata: metadata.take(), refused: refused, refusal: refusal ?? skippedReason,
            skippedLines: skippedLines)
        hashes.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        droppedLines.removeAll(keepingCapacity: true)
        ownHashes.removeAll(keepingCapacity: true)
        exclusions.removeAll()
        refused.removeAll()
        refusal = nil
        skippedLines = 0
        skippedReason = nil
        return templates.intern(chunk)
    }
}

extension Array {
    /// A copy without spare capacity.
    var exactCopy: [Element] {
        // Safety: the pointer is used only inside the closure.
        unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }
}
