import MetricModel
import Relabel

/// Turns the labels of a parsed line into the series' final labels, with the target's in between, as a chunk
/// holds them. Buffers are kept from line to line.
struct SeriesEncoder {
    /// A scraped label: ranges of `text`. An empty value means that the label is absent.
    struct Item {
        let name: Range<Int>
        let value: Range<Int>
        /// The name's `LabelOrder.key`.
        let key: UInt64

        init(name: Range<Int>, value: Range<Int>, in text: [UInt8]) {
            self.name = name
            self.value = value
            key = LabelOrder.key(text, name)
        }
    }

    /// The series' own part: the sum of its own labels' hashes, and which of the target's labels it does not
    /// have.
    struct Identity {
        var ownHash: UInt64
        var excluded: [UInt16]
        /// Why the line has no series; it then stands for one without labels that never has a sample.
        var refusal: String?
        /// Whether the series is new and memory is short: then no labels were made, and the line has none.
        var isShed = false
    }

    static let metricNameLabel = Array("__name__".utf8)
    private static let bucketLabel = Array("le".utf8)
    private static let quantileLabel = Array("quantile".utf8)
    private static let exportedPrefix = Array("exported_".utf8)

    let schema: TargetSchema
    let hasher: SegmentHasher
    var text: [UInt8] = []
    var items: [Item] = []
    private var scratch = LabelScratch()
    /// Which series come in while memory is short; nil where all do.
    let admission: SeriesAdmission?
    /// What `explain` has found before it met a fault.
    var explainedLabels = LabelSet()

    init(schema: TargetSchema, hasher: SegmentHasher, admission: SeriesAdmission? = nil) {
        self.admission = admission
        self.schema = schema
        self.hasher = hasher
    }

    /// Adds the sample that `parser` stands on to `chunk`; nil when metric_relabel_configs drop it.
    /// `lineHash` stands for a series that is left out.
    mutating func encode(
        _ parser: ExpositionParser, _ body: RawSpan, lineHash: UInt64, into chunk: inout LayoutChunkBuilder,
        isHistogram: Bool = false
    ) throws(ScrapeError) -> Identity? {
        do throws(ScrapeError) {
            return try encode(parser, body, into: &chunk, isHistogram: isHistogram)
        } catch {
            guard schema.rules.leavesOut(error) else { throw error }
            chunk.endSeries()
            return Identity(ownHash: lineHash, excluded: [], refusal: error.message)
        }
    }

    private mutating func encode(
        _ parser: ExpositionParser, _ body: RawSpan, into chunk: inout LayoutChunkBuilder, isHistogram: Bool
    ) throws(ScrapeError) -> Identity? {
        var excluded = try ownLabels(parser, body)
        if !schema.relabelRules.isEmpty {
            // Taken out of self, so that it may change while the labels are read.
            var scratch = LabelScratch()
            swap(&scratch, &self.scratch)
            defer { swap(&scratch, &self.scratch) }
            gather(excluded: excluded, into: &scratch)
            guard try relabel(&scratch, at: parser.lineStart) == nil else { return nil }
            excluded = take(scratch)
        }
        if schema.rules.checkSeries { try check(excluded, at: parser.lineStart) }
        uncoverExternal(excluded)
        if let admission, !admits(excluded, lineBytes: parser.segment.count, admission) {
            return Identity(ownHash: 0, excluded: [], isShed: true)
        }
        return emit(excluded: excluded, into: &chunk, isHistogram: isHistogram)
    }

    /// The line's labels as items, conflicts with the target's labels settled; which of the target's labels
    /// the series does not have.
    mutating func ownLabels(_ parser: ExpositionParser, _ body: RawSpan) throws(ScrapeError) -> [UInt16] {
        collect(parser, body)
        if !isAscending() {
            sortItems()
            for index in items.indices.dropFirst() where compare(items[index - 1], items[index]) == 0 {
                let name = String(decoding: text[items[index].name], as: UTF8.self)
                throw ScrapeError("label name \"\(name)\" is not unique", offset: parser.lineStart)
            }
        }
        return meetsTargetLabel() ? resolveConflicts() : []
    }

    /// The job's rules on the finished series. What comes from `external_labels` does not count, as it is
    /// added after the scrape in Prometheus.
    func check(_ excluded: [UInt16], at offset: Int) throws(ScrapeError) {
        let metric = items.first { compare($0.name, Self.metricNameLabel) == 0 }
        let name = metric.map { Array(text[$0.value]) } ?? []
        let kept = items.filter { !$0.value.isEmpty }
        let hidden = excluded.count { !schema.isExternal[Int($0)] }
        let count = kept.count + schema.ownLabelCount - hidden
        if let fault = schema.rules.fault(labelCount: count, metric: name) { throw fault }
        for item in kept {
            if let fault = schema.rules.fault(
                name: Array(text[item.name]), value: Array(text[item.value]), metric: name, offset: offset)
            {
                throw fault
            }
        }
    }

    // MARK: the scraped labels

    private mutating func collect(_ parser: ExpositionParser, _ body: RawSpan) {
        text.removeAll(keepingCapacity: true)
        items.removeAll(keepingCapacity: true)
        text += Self.metricNameLabel
        // The line's name and labels as they stand there, in one piece; the name may stand among the labels.
        let labels = parser.labels
        let start = min(parser.name.lowerBound, labels.first?.name.lowerBound ?? Int.max)
        let end = max(parser.name.upperBound, labels.last?.value.upperBound ?? 0)
        body.append(start..<end, to: &text)
        let shift = Self.metricNameLabel.count - start
        let hasBounds = parser.type == .histogram || parser.type == .summary
        let name = place(parser.name, shift, body, hasEscapes: parser.nameHasEscapes)
        items.append(Item(name: 0..<Self.metricNameLabel.count, value: name, in: text))
        for label in labels {
            let name = place(label.name, shift, body, hasEscapes: label.hasEscapes)
            var value = place(label.value, shift, body, hasEscapes: label.hasEscapes)
            if hasBounds, isBoundLabel(name, parser.type), let normal = normalFloat(value) {
                let start = text.count
                text += normal
                value = start..<text.count
            }
            items.append(Item(name: name, value: value, in: text))
        }
    }

    /// Where in `text` a stretch of the line stands: its place in the body plus `shift`; one with escapes is
    /// added to the text without them.
    private mutating func place(
        _ range: Range<Int>, _ shift: Int, _ body: RawSpan, hasEscapes: Bool
    ) -> Range<Int> {
        guard hasEscapes else { return range.lowerBound + shift..<range.upperBound + shift }
        let start = text.count
        Unescaping.append(body, range, hasEscapes: true, to: &text)
        return start..<text.count
    }

    /// Whether the label holds a bucket's or a quantile's bound, which is normalised so that 1 and 1.0 are
    /// one.
    private func isBoundLabel(_ name: Range<Int>, _ type: ExpositionParser.FamilyType) -> Bool {
        switch type {
        case .other, .counter: false
        case .histogram: name.count == 2 && compare(name, Self.bucketLabel) == 0
        case .summary: name.count == 8 && compare(name, Self.quantileLabel) == 0
        }
    }

    /// Whether a label of this name may hold a bucket's or a quantile's bound.
    static func mayBeBound(_ body: RawSpan, _ name: Range<Int>) -> Bool {
        name.count == 2 && body.hasPrefix("le", at: name.lowerBound)
            || name.count == 8 && body.hasPrefix("quantile", at: name.lowerBound)
    }

    /// The normal form of a bound; nil where it is in it, or is no number.
    private func normalFloat(_ value: Range<Int>) -> [UInt8]? {
        // Safety: bytes have no padding, so every one of the span's may be read.
        let bytes = unsafe text.span.bytes
        if OpenMetricsFloat.isPlain(bytes, value) { return nil }
        return OpenMetricsFloat.normalized(bytes, value).map { Array($0.utf8) }
    }

    /// Whether the labels are sorted by name, none twice, as the first eight bytes of the names tell. False
    /// may also be returned for sorted names that share these bytes.
    @inline(__always)
    private func isAscending() -> Bool {
        for index in items.indices.dropFirst() where items[index - 1].key >= items[index].key { return false }
        return true
    }

    /// By name in byte order; few labels, mostly sorted already.
    mutating func sortItems() {
        if items.count > 32 {
            let text = text
            items.sort { text[$0.name].lexicographicallyPrecedes(text[$1.name]) }
            return
        }
        for index in 1..<max(1, items.count) {
            let item = items[index]
            var slot = index
            while slot > 0, compare(item, items[slot - 1]) < 0 {
                items[slot] = items[slot - 1]
                slot -= 1
            }
            items[slot] = item
        }
    }

    /// By name in byte order: negative, 0 or positive.
    @inline(__always)
    private func compare(_ left: Item, _ right: Item) -> Int {
        if left.key != right.key { return left.key < right.key ? -1 : 1 }
        return LabelOrder.compare(text, left.name, text, right.name)
    }

    /// The same for a label and one of the target's.
    @inline(__always)
    private func compare(_ item: Item, target index: Int) -> Int {
        let key = schema.nameKeys[index]
        if item.key != key { return item.key < key ? -1 : 1 }
        let name = schema.names[index]
        return LabelOrder.compare(text, item.name, name, 0..<name.count)
    }

    func compare(_ left: Range<Int>, _ name: [UInt8]) -> Int {
        LabelOrder.compare(text, left, name, 0..<name.count)
    }

    // MARK: the target's labels

    @inline(__always)
    private func meetsTargetLabel() -> Bool {
        let count = schema.nameKeys.count
        var index = 0
        for item in items {
            var order = -1
            while index < count {
                order = compare(item, target: index)
                if order <= 0 { break }
                index += 1
            }
            guard index < count else { return false }
            if order == 0 { return true }
        }
        return false
    }

    /// Scraped and target labels of one name (prometheus/scrape, mutateSampleLabels): the target's own label
    /// wins and the scraped one becomes `exported_…`, repeatedly until the name is free; with honor_labels
    /// the scraped one wins, and an empty one takes the target's label away. External labels come last and
    /// give way to any other.
    private mutating func resolveConflicts() -> [UInt16] {
        var excluded: Set<Int> = []
        var renamed: [Item] = []
        for (index, name) in schema.names.enumerated() where !schema.isExternal[index] {
            guard let found = items.firstIndex(where: { compare($0.name, name) == 0 }) else { continue }
            if schema.honorLabels {
                excluded.insert(index)
            } else {
                let item = items.remove(at: found)
                if !item.value.isEmpty { renamed.append(item) }
            }
        }
        // Names of one length keep their order: the target's.
        let order = renamed.indices.sorted { (renamed[$0].name.count, $0) < (renamed[$1].name.count, $1) }
        for index in order {
            let item = renamed[index]
            let name = freeName(item.name)
            items.append(Item(name: name, value: item.value, in: text))
        }
        sortItems()
        for (index, name) in schema.names.enumerated() where schema.isExternal[index] {
            if items.contains(where: { !$0.value.isEmpty && compare($0.name, name) == 0 }) {
                excluded.insert(index)
            }
        }
        return excluded.sorted().map { UInt16($0) }
    }

    /// Where the series lacks one of the target's labels, the external label of that name comes forth: those
    /// fill in last, after all rules.
    mutating func uncoverExternal(_ excluded: [UInt16]) {
        let count = items.count
        for index in excluded.map({ Int($0) }) {
            let value = schema.shadowedValues[index]
            let name = schema.names[index]
            let isSet = items.contains { !$0.value.isEmpty && compare($0.name, name) == 0 }
            guard !value.isEmpty, !isSet else { continue }
            let start = text.count
            text += name
            text += value
            let end = start + name.count
            items.append(Item(name: start..<end, value: end..<text.count, in: text))
        }
        // An empty one of the same name stands for nothing and stays where it is.
        if items.count > count { sortItems() }
    }

    /// `exported_` in front of a name as often as it takes until no label has it. An empty scraped label of
    /// that name is dropped for it.
    private mutating func freeName(_ name: Range<Int>) -> Range<Int> {
        var candidate = Array(text[name])
        while true {
            candidate.insert(contentsOf: Self.exportedPrefix, at: 0)
            let taken =
                items.contains { !$0.value.isEmpty && compare($0.name, candidate) == 0 }
                || schema.names.indices.contains { !schema.isExternal[$0] && schema.names[$0] == candidate }
            if !taken { break }
        }
        if let empty = items.firstIndex(where: { compare($0.name, candidate) == 0 }) {
            items.remove(at: empty)
        }
        let start = text.count
        text += candidate
        return start..<text.count
    }

    func emit(
        excluded: [UInt16], into chunk: inout LayoutChunkBuilder, isHistogram: Bool = false
    ) -> Identity {
        let text = text.span
        // Safety: bytes have no padding, so every one of the span's may be read.
        let bytes = unsafe text.bytes
        var ownHash: UInt64 = 0
        let count = schema.nameKeys.count
        var next = 0
        for item in items where !item.value.isEmpty {
            while next < count {
                let order = compare(item, target: next)
                if order < 0 { break }
                next += 1
                // The excluded label of the same name stands here; it goes by.
                if order == 0 { break }
                append(target: next - 1, excluded, &chunk)
            }
            chunk.appendLabel(name: text.extracting(item.name), value: text.extracting(item.value))
            ownHash &+= hasher.labelHash(bytes, name: item.name, value: item.value)
        }
        while next < count {
            append(target: next, excluded, &chunk)
            next += 1
        }
        chunk.endSeries(isHistogram: isHistogram)
        return Identity(ownHash: ownHash, excluded: excluded)
    }

    /// Whether the series that `emit` would add comes in.
    private func admits(_ excluded: [UInt16], lineBytes: Int, _ admission: SeriesAdmission) -> Bool {
        if admission.admitsAny(lineBytes: lineBytes) { return true }
        let hash = seriesHash(excluded: excluded)
        return admission.admits(hash, lineBytes: lineBytes)
    }

    /// The hash of the series that `emit` would add, as its chunk has it for the target.
    private func seriesHash(excluded: [UInt16]) -> UInt64 {
        // Safety: bytes have no padding, so every one of the span's may be read.
        let bytes = unsafe text.span.bytes
        var hash = schema.allLabelsHash
        for item in items where !item.value.isEmpty {
            hash &+= hasher.labelHash(bytes, name: item.name, value: item.value)
        }
        return excluded.reduce(hash) { $0 &- schema.labelHashes[Int($1)] }
    }

    private func append(target index: Int, _ excluded: [UInt16], _ chunk: inout LayoutChunkBuilder) {
        if excluded.isEmpty || !excluded.contains(UInt16(index)) { chunk.appendTargetLabel(index) }
    }
}
