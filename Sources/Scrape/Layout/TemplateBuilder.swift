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
    /// What the line behind the last that was added may belong to.
    private var kept = (openGroup: UInt64(0), openRun: UInt64(0))
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
    /// Its lines are passed over, as it has no series.
    private var isGroupPassedOver = false
    private var starts = StartRuns()
    private let keepsClassic: Bool
    /// Whether what lines are depends on more of the comments in front of others than the type: a line with
    /// comments is not left out then.
    private let needsComments: Bool
    private var families: FamilyRuns
    private var layout = LayoutChunkBuilder()
    private var before = FamilyContext()
    private var encoder: SeriesEncoder
    private var comments: ChunkComments
    private let isOpenMetrics: Bool
    private let layouts: LayoutInterner
    private let templates: TemplateInterner

    init(
        encoder: SeriesEncoder, isOpenMetrics: Bool, layouts: LayoutInterner, templates: TemplateInterner,
        keepsClassic: Bool = true, statesFamilies: Bool = false, needsComments: Bool = false
    ) {
        self.needsComments = needsComments
        families = FamilyRuns(isOn: statesFamilies)
        self.keepsClassic = keepsClassic
        self.encoder = encoder
        self.isOpenMetrics = isOpenMetrics
        comments = ChunkComments(isOpenMetrics: isOpenMetrics, encoder.admission)
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
        lineCount >= Self.maxLines || layout.byteCount + comments.byteCount >= Self.maxLabelBytes
            || (lineCount >= Self.minLines && hash & Self.boundaryMask == 0)
    }

    /// What has become of a line.
    enum Added {
        case line
        /// It is in no chunk, with the comments in front of it, as memory is too short even to know it again.
        case passedOver(isShed: Bool)
        /// The same of a line that is no sample of its own.
        case passedOverPart
    }

    /// Adds the line that `parser` stands on; `before` held where its segment began. `known` is the same line
    /// in a scrape before, whose series is copied.
    mutating func append(
        _ parser: ExpositionParser, _ body: RawSpan, hash: UInt64, before: FamilyContext = FamilyContext(),
        isHistogram: Bool = false, classic: ClassicLine? = nil, start: StartLine? = nil,
        known: KnownLines.Line? = nil
    ) throws(ScrapeError) -> Added {
        if hashes.isEmpty { self.before = before }
        let hasComments = comments.take(parser.metadata, body)
        if families.isOn {
            families.follow(parser, body, comments.lack.isAll ? nil : comments.metadata)
        }
        // Lines that were skipped are counted with the line behind them.
        var isNeeded =
            parser.type != before.type || parser.skippedLines > 0
            || needsComments && hasComments && !(parser.metadata.isEmpty && hashes.isEmpty)
        let line = UInt32(hashes.count)
        starts.note(start, parser, line: line, seriesCount: UInt32(ownHashes.count))
        let isCreated = start?.isCreated ?? false
        let wasInGroup = openGroup != 0 && !isGroupPassedOver
        if isCreated, openGroup != 0 {
            // A histogram goes on behind a line that only tells of its start.
            if parser.hasComment {
                closeGroup()
            } else if !isGroupPassedOver {
                groups[groups.count - 1].pass(line: line)
            }
        }
        let hasNoSeries: Bool
        switch isCreated ? .part : try fold(classic, parser, body, hash: hash, mayPassOver: !isNeeded) {
        case .line: hasNoSeries = false
        case .part: hasNoSeries = true
        case .passedOver(let isFirst, let isShed):
            let added = passOver(isShed: isShed)
            return isFirst ? added : .passedOverPart
        }
        // A histogram is its lines and those in between, and a start is of the series in front of it.
        isNeeded =
            isNeeded || wasInGroup || openGroup != 0 && !isGroupPassedOver
            || isCreated && starts.hasSeries(ownHashes.count)
        let identity =
            if hasNoSeries {
                nil as SeriesEncoder.Identity?
            } else if let known {
                copy(known)
            } else {
                try encoder.encode(parser, body, lineHash: hash, into: &layout, isHistogram: isHistogram)
            }
        guard try keeps(identity, isNeeded: isNeeded) else {
            if isCreated { starts.passOver(line: line) }
            let added = passOver(isShed: identity != nil)
            return isCreated ? .passedOverPart : added
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
        guard try keeps(identity, isNeeded: false) else {
            return passOver(isShed: identity != nil)
        }
        add(identity, ofLine: UInt32(hashes.count))
        add(hash, length: known.length)
        return .line
    }

    private mutating func add(_ hash: UInt64, length: UInt32) {
        hashes.append(hash)
        lengths.append(length)
        comments.keep()
        kept = (openGroup, starts.key)
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
        _ identity: SeriesEncoder.Identity?, isNeeded: Bool
    ) throws(ScrapeError) -> Bool {
        guard let admission = encoder.admission else { return true }
        if let identity {
            if !identity.isShed || bill.keeps(line: hashes.count, admission) { return true }
        } else if admission.keepsPlainLine() {
            return true
        }
        guard isNeeded else { return false }
        try bill.keepsForced(line: hashes.count, admission)
        return true
    }

    /// Forgets the comments in front of a line that is not added.
    private mutating func passOver(isShed: Bool) -> Added {
        comments.passOver()
        if comments.isEmpty { families.forget() }
        return .passedOver(isShed: isShed)
    }

    /// Counts a chunk that was known, or with `isBack` one that was given back.
    mutating func pass(_ chunk: TemplateChunk, isBack: Bool = false) {
        comments.pass(chunk, isBack: isBack)
        families.forget()
        if isGroupPassedOver { closeGroup() }
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

    /// What a line is beside the histogram that it may be a part of.
    private enum Folded {
        /// It has a series of its own.
        case line
        /// It has none.
        case part
        /// The histogram is in no chunk, as its series is shed or dropped and memory is too short to know it
        /// again.
        case passedOver(isFirst: Bool, isShed: Bool)
    }

    /// Adds the line to its histogram, with whose first line the histogram's own series is made.
    /// `mayPassOver`: nothing else depends on the line.
    private mutating func fold(
        _ classic: ClassicLine?, _ parser: ExpositionParser, _ body: RawSpan, hash: UInt64, mayPassOver: Bool
    ) throws(ScrapeError) -> Folded {
        let line = UInt32(hashes.count)
        if Self.continues(classic, parser, open: openGroup), let classic {
            guard classic.role != .none else {
                if !isGroupPassedOver { groups[groups.count - 1].pass(line: line) }
                return .line
            }
            if isGroupPassedOver { return .passedOver(isFirst: false, isShed: false) }
            groups[groups.count - 1].add(classic.role, line: line)
        } else {
            closeGroup()
            guard let classic, classic.role != .none else { return .line }
            var histogram = parser
            histogram.becomeHistogram(classic, body)
            // What stands for a series that is left out must differ from what stands for the line.
            let identity = try encoder.encode(
                histogram, body, lineHash: ~hash, into: &layout, isHistogram: true)
            var series: UInt32?
            let isShed = identity?.isShed ?? false
            if isShed || identity == nil, mayPassOver, !keepsClassic,
                encoder.admission?.keepsHistogramWithoutSeries(isShed: isShed) == false
            {
                openGroup = classic.key
                isGroupPassedOver = true
                return .passedOver(isFirst: true, isShed: isShed)
            }
            if isShed {
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
        return keepsClassic ? .line : .part
    }

    private mutating func closeGroup() {
        guard openGroup != 0 else { return }
        openGroup = 0
        guard !isGroupPassedOver else {
            isGroupPassedOver = false
            return
        }
        groups[groups.count - 1].finish(sharing: groups.count > 1 ? groups[groups.count - 2] : nil)
    }

    /// Keeps what the body says about a metric family with the line that comes next.
    mutating func note(_ kind: FamilyMetadata.Kind, family: [UInt8], text: [UInt8], isRepeated: Bool) {
        comments.note(kind, family: family, text: text, isRepeated: isRepeated)
    }

    /// Whether the comments noted first, if any are kept, are about a family that the chunk before has begun.
    var repeatsFamily: Bool {
        get { families.isRepeated }
        set { families.isRepeated = families.isRepeated || newValue && !comments.isEmpty }
    }

    /// For a line without comments in front of it that begins a chunk: it belongs to the family that the last
    /// comments in `chunks`, those before, are about.
    mutating func beginFamily(behind chunks: [TemplateChunk]) {
        comments.begin(behind: chunks)
        families.isRepeated = !comments.isEmpty
    }

    /// The chunk of the lines so far; the builder is empty afterwards.
    mutating func finish(after: FamilyContext = FamilyContext()) -> TemplateChunk {
        closeGroup()
        starts.close(seriesCount: UInt32(ownHashes.count))
        let comments = comments.finish()
        let repeatedFamilies = families.isRepeated ? 1 : 0
        let stated = families.take(comments.bytes, seriesCount: ownHashes.count)
        let layout = layouts.intern(layout.finish(metadata: stated))
        // Copies of just the right size; these live as long as the target.
        let chunk = TemplateChunk(
            hashes: hashes.exactCopy, lengths: lengths.exactCopy, droppedLines: droppedLines.exactCopy,
            shedLines: shedLines.exactCopy, shedHistograms: shedHistograms,
            leftOutCommentBytes: comments.leftOutBytes,
            lack: families.isOn ? self.comments.lack : ChunkComments.Lack(),
            unpaidLines: bill.unpaidLines, reserved: bill.finish(lines: hashes.count, encoder.admission),
            ownHashes: ownHashes.exactCopy, exclusions: exclusions, layout: layout,
            before: before, after: after, isOpenMetrics: isOpenMetrics,
            // One array for both, where both have it.
            metadata: layout.metadata?.comments ?? comments.bytes, repeatedFamilies: repeatedFamilies,
            refused: refused, refusal: refusal ?? skippedReason,
            skippedLines: skippedLines, groups: groups.exactCopy, foldedLines: foldedLines,
            openGroup: kept.openGroup, starts: starts.runs.exactCopy, createdLines: starts.createdLines,
            openRun: kept.openRun)
        hashes.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        droppedLines.removeAll(keepingCapacity: true)
        shedLines.removeAll(keepingCapacity: true)
        shedHistograms = 0
        kept = (0, 0)
        ownHashes.removeAll(keepingCapacity: true)
        exclusions.removeAll()
        refused.removeAll()
        refusal = nil
        skippedLines = 0
        skippedReason = nil
        groups.removeAll()
        foldedLines = 0
        starts = StartRuns()
        self.comments.ended(bytes: chunk.metadata.count)
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
