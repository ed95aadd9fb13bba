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
    /// Bytes of a target's metadata that are kept: a body may be comments and little else. Real ones take
    /// some hundred kilobytes.
    static let maxMetadataBytes = 8 << 20
    /// One line in 256 begins a chunk of its own accord: the hash's low bits are zero.
    private static let boundaryMask: UInt64 = 0xFF

    private var hashes: [UInt64] = []
    private var lengths: [UInt32] = []
    private var droppedLines: [UInt32] = []
    private var shedLines: [UInt32] = []
    private var shedHistograms = 0
    private var bill = ShedBill()
    private var leftOutCommentBytes = 0
    /// What the comments come to up to the last line that was added, with the bytes of those left out.
    private var kept = (metadata: PackedMetadata.Mark(), leftOutBytes: 0)
    private var ownHashes: [UInt64] = []
    private var exclusions: [TemplateChunk.Exclusion] = []
    private var refused: [UInt32] = []
    private var refusal: String?
    private var skippedLines = 0
    private var skippedReason: String?
    private var groups: [ClassicGroup] = []
    private var foldedLines = 0
    /// The histogram that the next line may belong to; 0 for none.
    private(set) var openGroup: UInt64 = 0
    private var starts = StartRuns()
    private let keepsClassic: Bool
    /// Whether lines without a series may be left out of the chunk while memory is short.
    private let passesOver: Bool
    private var families: FamilyRuns
    private var layout = LayoutChunkBuilder()
    private var before = FamilyContext()
    private var encoder: SeriesEncoder
    private var metadata: PackedMetadata
    /// Of the body's chunks so far.
    private var metadataBytes = 0
    private let isOpenMetrics: Bool
    private let layouts: LayoutInterner
    private let templates: TemplateInterner

    init(
        encoder: SeriesEncoder, isOpenMetrics: Bool, layouts: LayoutInterner, templates: TemplateInterner,
        keepsClassic: Bool = true, statesFamilies: Bool = false, passesOver: Bool = false
    ) {
        self.passesOver = passesOver
        families = FamilyRuns(isOn: statesFamilies)
        self.keepsClassic = keepsClassic
        self.encoder = encoder
        self.isOpenMetrics = isOpenMetrics
        metadata = PackedMetadata(isOpenMetrics: isOpenMetrics)
        self.layouts = layouts
        self.templates = templates
    }

    var lineCount: Int { hashes.count }
    var seriesCount: Int { ownHashes.count }
    /// Samples that the lines come to.
    var sampleCount: Int { hashes.count - foldedLines + groups.count - starts.createdLines }
    /// The metric that the next line may belong to; 0 for none.
    var openRun: UInt64 { starts.key }

    /// Lines and bytes at which a chunk ends even inside a histogram that is converted, or a metric whose
    /// start is told: none has as many.
    private static let maxGroupLines = NativeHistogram.maxBuckets + 4
    private static let maxGroupBytes = 16 * maxLabelBytes

    /// Whether the chunk must end although the next line belongs to its last histogram or metric.
    var isBeyondGroups: Bool {
        lineCount >= Self.maxGroupLines || layout.byteCount >= Self.maxGroupBytes
    }

    /// Whether a new chunk begins with the line of this hash.
    func endsBefore(_ hash: UInt64) -> Bool {
        lineCount >= Self.maxLines || layout.byteCount + metadata.bytes.count >= Self.maxLabelBytes
            || (lineCount >= Self.minLines && hash & Self.boundaryMask == 0)
    }

    /// What has become of a line.
    enum Added {
        case line
        /// It is in no chunk, with the comments in front of it, as memory is too short even to know it again.
        case passedOver(isShed: Bool)
    }

    /// Adds the line that `parser` stands on; `before` held where its segment began. `known` is the same line
    /// in a scrape before, whose series is copied.
    mutating func append(
        _ parser: ExpositionParser, _ body: RawSpan, hash: UInt64, before: FamilyContext = FamilyContext(),
        isHistogram: Bool = false, classic: ClassicLine? = nil, start: StartLine? = nil,
        known: KnownLines.Line? = nil
    ) throws(ScrapeError) -> Added {
        if hashes.isEmpty { self.before = before }
        for line in parser.metadata where keepsMetadata {
            let mark = metadata.mark
            metadata.append(line, body)
            settleComments(since: mark)
        }
        families.follow(parser, body, metadata)
        let line = UInt32(hashes.count)
        starts.note(start, parser, line: line, seriesCount: UInt32(ownHashes.count))
        let isCreated = start?.isCreated ?? false
        if isCreated, openGroup != 0 {
            // A histogram goes on behind a line that only tells of its start.
            if parser.hasComment { closeGroup() } else { groups[groups.count - 1].pass(line: line) }
        }
        let hasNoSeries = isCreated ? true : try fold(classic, parser, body, hash: hash)
        let identity =
            if hasNoSeries {
                nil as SeriesEncoder.Identity?
            } else if let known {
                copy(known)
            } else {
                try encoder.encode(parser, body, lineHash: hash, into: &layout, isHistogram: isHistogram)
            }
        // Lines that were skipped are counted with the line behind them.
        let isNeeded = parser.type != before.type || parser.skippedLines > 0
        guard try keeps(identity, isKnown: known != nil, isNeeded: isNeeded) else {
            return passOver(isShed: identity != nil)
        }
        add(identity, ofLine: line)
        skippedLines += parser.skippedLines
        skippedReason = skippedReason ?? parser.skippedReason
        add(hash, length: UInt32(parser.segment.count))
        return .line
    }

    /// Adds a line that a scrape before had, only where `statesFamilies` is off: `FamilyRuns` is not told of
    /// the line.
    mutating func append(
        _ known: KnownLines.Line, hash: UInt64, before: FamilyContext
    ) throws(ScrapeError) -> Added {
        if hashes.isEmpty { self.before = before }
        let identity = copy(known)
        guard try keeps(identity, isKnown: true, isNeeded: false) else {
            return passOver(isShed: identity != nil)
        }
        add(identity, ofLine: UInt32(hashes.count))
        add(hash, length: known.length)
        return .line
    }

    private mutating func add(_ hash: UInt64, length: UInt32) {
        hashes.append(hash)
        lengths.append(length)
        if metadata.bytes.count != kept.metadata.count { kept.metadata = metadata.mark }
        kept.leftOutBytes = leftOutCommentBytes
    }

    /// Adds the labels of the line's series; nil when rules drop it.
    private mutating func copy(_ known: KnownLines.Line) -> SeriesEncoder.Identity? {
        guard let series = known.series else { return nil }
        if let admission = encoder.admission, !admission.admits(known, encoder.schema) {
            return SeriesEncoder.Identity(ownHash: 0, excluded: [], isShed: true)
        }
        layout.append(seriesOf: known.chunk.layout, series..<series + 1)
        return SeriesEncoder.Identity(ownHash: known.chunk.ownHashes[series], excluded: known.excluded)
    }

    // MARK: what is left out while memory is short

    /// Whether a line is added that stands for `identity`; nil is a line without a series. `isNeeded`: how
    /// later lines are read depends on it. Throws where there are too many that cannot be left out.
    private mutating func keeps(
        _ identity: SeriesEncoder.Identity?, isKnown: Bool, isNeeded: Bool
    ) throws(ScrapeError) -> Bool {
        guard let admission = encoder.admission else { return true }
        if let identity {
            if !identity.isShed || bill.keeps(line: hashes.count, admission) { return true }
        } else if admission.keepsPlainLine(isKnown: isKnown) {
            return true
        }
        guard isNeeded || !passesOver else { return false }
        try admission.keepsForcedLine()
        return true
    }

    /// Forgets the comments in front of a line that is not added.
    private mutating func passOver(isShed: Bool) -> Added {
        metadata.cut(to: kept.metadata)
        leftOutCommentBytes = kept.leftOutBytes
        return .passedOver(isShed: isShed)
    }

    /// Takes comments out again that were added since `mark` and that there is no room for.
    private mutating func settleComments(since mark: PackedMetadata.Mark) {
        guard let admission = encoder.admission, metadata.bytes.count > mark.count,
            !admission.keepsComment(metadata.bytes, from: mark.count)
        else { return }
        leftOutCommentBytes += metadata.bytes.count - mark.count
        metadata.cut(to: mark)
    }

    private var keepsMetadata: Bool { metadataBytes + metadata.bytes.count < Self.maxMetadataBytes }

    /// Counts a chunk that was known, or with `isBack` one that was given back.
    mutating func pass(_ chunk: TemplateChunk, isBack: Bool = false) {
        metadataBytes += isBack ? -chunk.metadata.count : chunk.metadata.count
    }

    /// Adds what a line stands for; nil is a line without a series.
    private mutating func add(_ identity: SeriesEncoder.Identity?, ofLine line: UInt32) {
        if let identity, !identity.isShed {
            add(identity)
            return
        }
        if identity != nil { shedLines.append(line) }
        droppedLines.append(line)
    }

    private mutating func add(_ identity: SeriesEncoder.Identity) {
        let series = UInt32(ownHashes.count)
        families.add(series)
        if !identity.excluded.isEmpty {
            exclusions.append(TemplateChunk.Exclusion(series: series, targetLabels: identity.excluded))
        }
        if let reason = identity.refusal {
            refused.append(series)
            refusal = refusal ?? reason
        }
        ownHashes.append(identity.ownHash)
    }

    // MARK: classic histograms that become native ones

    /// Whether the line of `classic` belongs to the histogram `open`: no comment stands in between, and both
    /// share name and labels.
    static func continues(_ classic: ClassicLine?, _ parser: ExpositionParser, open: UInt64) -> Bool {
        open != 0 && classic?.key == open && !parser.hasComment
    }

    /// Adds the line to its histogram, with whose first line the histogram's own series is made; whether the
    /// line has no series besides.
    private mutating func fold(
        _ classic: ClassicLine?, _ parser: ExpositionParser, _ body: RawSpan, hash: UInt64
    ) throws(ScrapeError) -> Bool {
        let line = UInt32(hashes.count)
        if Self.continues(classic, parser, open: openGroup), let classic {
            guard classic.role != .none else {
                groups[groups.count - 1].pass(line: line)
                return false
            }
            groups[groups.count - 1].add(classic.role, line: line)
        } else {
            closeGroup()
            guard let classic, classic.role != .none else { return false }
            var histogram = parser
            histogram.becomeHistogram(classic, body)
            // What stands for a series that is left out must differ from what stands for the line.
            let identity = try encoder.encode(
                histogram, body, lineHash: ~hash, into: &layout, isHistogram: true)
            var series: UInt32?
            if let identity, identity.isShed {
                shedHistograms += 1
            } else if let identity {
                series = UInt32(ownHashes.count)
                add(identity)
            }
            var group = ClassicGroup(series: series, first: line)
            group.add(classic.role, line: line)
            groups.append(group)
            openGroup = classic.key
        }
        if !keepsClassic { foldedLines += 1 }
        return !keepsClassic
    }

    private mutating func closeGroup() {
        guard openGroup != 0 else { return }
        openGroup = 0
        groups[groups.count - 1].finish(sharing: groups.count > 1 ? groups[groups.count - 2] : nil)
    }

    /// Keeps what the body says about a metric family with the line that comes next.
    mutating func note(_ kind: FamilyMetadata.Kind, family: [UInt8], text: [UInt8]) {
        guard keepsMetadata else { return }
        let mark = metadata.mark
        metadata.append(kind, family: family, text: text)
        settleComments(since: mark)
    }

    /// Whether the comments noted first are about a family that the chunk before has begun.
    var repeatsFamily: Bool {
        get { families.isRepeated }
        set { families.isRepeated = families.isRepeated || newValue }
    }

    /// For a line without comments in front of it that begins a chunk: it belongs to the family that the last
    /// comments in `chunks`, those before, are about.
    mutating func beginFamily(behind chunks: [TemplateChunk]) {
        guard let last = chunks.last(where: { !$0.metadata.isEmpty }) else { return }
        metadata.begin(with: PackedMetadata.lastFamily(last.metadata))
        kept.metadata = metadata.mark
        families.isRepeated = !metadata.isEmpty
    }

    /// The chunk of the lines so far; the builder is empty afterwards.
    mutating func finish(after: FamilyContext = FamilyContext()) -> TemplateChunk {
        let open = openGroup
        closeGroup()
        let openRun = starts.key
        starts.close(seriesCount: UInt32(ownHashes.count))
        let comments = metadata.take()
        let repeatedFamilies = families.isRepeated ? 1 : 0
        let stated = families.take(comments, seriesCount: ownHashes.count)
        let layout = layouts.intern(layout.finish(metadata: stated))
        // Copies of just the right size; these live as long as the target.
        let chunk = TemplateChunk(
            hashes: hashes.exactCopy, lengths: lengths.exactCopy, droppedLines: droppedLines.exactCopy,
            shedLines: shedLines.exactCopy, shedHistograms: shedHistograms,
            leftOutCommentBytes: leftOutCommentBytes,
            reserved: bill.finish(lines: hashes.count, encoder.admission),
            ownHashes: ownHashes.exactCopy, exclusions: exclusions, layout: layout,
            before: before, after: after, isOpenMetrics: isOpenMetrics,
            // One array for both, where both have it.
            metadata: layout.metadata?.comments ?? comments, repeatedFamilies: repeatedFamilies,
            refused: refused, refusal: refusal ?? skippedReason,
            skippedLines: skippedLines, groups: groups.exactCopy, foldedLines: foldedLines,
            openGroup: open, starts: starts.runs.exactCopy, createdLines: starts.createdLines,
            openRun: openRun)
        hashes.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        droppedLines.removeAll(keepingCapacity: true)
        shedLines.removeAll(keepingCapacity: true)
        shedHistograms = 0
        leftOutCommentBytes = 0
        kept = (PackedMetadata.Mark(), 0)
        ownHashes.removeAll(keepingCapacity: true)
        exclusions.removeAll()
        refused.removeAll()
        refusal = nil
        skippedLines = 0
        skippedReason = nil
        groups.removeAll()
        foldedLines = 0
        starts = StartRuns()
        metadataBytes += chunk.metadata.count
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
