import MetricModel
import Relabel

/// Turns the labels of a parsed line into the series' final labels, with the target's in between, as a chunk
/// holds them. Buffers are kept from line to line.
struct SeriesEncoder {
    /// A scraped label: ranges of `text`. An empty value means that the label is absent.
    struct Item {
        var name: Range<Int>
        var value: Range<Int>
    }

    /// The series' own part: the sum of its own labels' hashes, and which of the target's labels it does not
    /// have.
    struct Identity {
        var ownHash: UInt64
        var excluded: [UInt16]
        /// Why the line has no series; it then stands for one without labels that never has a sample.
        var refusal: String?
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
    /// What `explain` has found before it met a fault.
    var explainedLabels = LabelSet()

    init(schema: TargetSchema, hasher: SegmentHasher) {
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
        return emit(excluded: excluded, into: &chunk, isHistogram: isHistogram)
    }

    /// The line's labels as items, conflicts with the target's labels settled; which of the target's labels
    /// the series does not have.
    mutating func ownLabels(_ parser: ExpositionParser, _ body: RawSpan) throws(ScrapeError) -> [UInt16] {
        collect(parser, body)
        sortItems()
        for index in items.indices.dropFirst() where compare(items[index - 1].name, items[index].name) == 0 {
            let name = String(decoding: text[items[index].name], as: UTF8.self)
            throw ScrapeError("label name \"\(name)\" is not unique", offset: parser.lineStart)
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
        let name = take(body, parser.name, hasEscapes: parser.nameHasEscapes)
        items.append(Item(name: 0..<Self.metricNameLabel.count, value: name))
        for label in parser.labels {
            let name = take(body, label.name, hasEscapes: label.hasEscapes)
            var value = take(body, label.value, hasEscapes: label.hasEscapes)
            if isBoundLabel(name, parser.type), let normal = normalFloat(value) {
                text.removeLast(value.count)
                text += normal
                value = value.lowerBound..<text.count
            }
            items.append(Item(name: name, value: value))
        }
    }

    private mutating func take(_ body: RawSpan, _ range: Range<Int>, hasEscapes: Bool) -> Range<Int> {
        let start = text.count
        Unescaping.append(body, range, hasEscapes: hasEscapes, to: &text)
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

    private func normalFloat(_ value: Range<Int>) -> [UInt8]? {
        // Safety: the pointer is used only inside the closure.
        unsafe text.withUnsafeBytes { unsafe OpenMetricsFloat.normalized($0.bytes, value) }.map {
            Array($0.utf8)
        }
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
            while slot > 0, compare(item.name, items[slot - 1].name) < 0 {
                items[slot] = items[slot - 1]
                slot -= 1
            }
            items[slot] = item
        }
    }

    private func compare(_ left: Range<Int>, _ right: Range<Int>) -> Int {
        compare(left, text, right)
    }

    /// Byte order: negative, 0 or positive.
    @inline(__always)
    private func compare(_ left: Range<Int>, _ other: [UInt8], _ right: Range<Int>) -> Int {
        // Most names differ in their first bytes.
        if !left.isEmpty, !right.isEmpty {
            let (first, second) = (text[left.lowerBound], other[right.lowerBound])
            if first != second { return first < second ? -1 : 1 }
        }
        return compareAll(left, other, right)
    }

    @inline(never)
    private func compareAll(_ left: Range<Int>, _ other: [UInt8], _ right: Range<Int>) -> Int {
        let (names, others) = (text.span.extracting(left), other.span.extracting(right))
        for index in 0..<min(names.count, others.count) {
            let (first, second) = (names[index], others[index])
            if first != second { return first < second ? -1 : 1 }
        }
        return left.count - right.count
    }

    @inline(__always)
    func compare(_ left: Range<Int>, _ name: [UInt8]) -> Int { compare(left, name, 0..<name.count) }

    // MARK: the target's labels

    private func meetsTargetLabel() -> Bool {
        var index = 0
        for item in items {
            while index < schema.names.count, compare(item.name, schema.names[index]) > 0 { index += 1 }
            guard index < schema.names.count else { return false }
            if compare(item.name, schema.names[index]) == 0 { return true }
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
            items.append(Item(name: freeName(item.name), value: item.value))
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
            items.append(Item(name: start..<start + name.count, value: start + name.count..<text.count))
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
        let bytes = text.span
        var ownHash: UInt64 = 0
        var next = 0
        func appendTargetLabels(before name: Range<Int>?, _ chunk: inout LayoutChunkBuilder) {
            while next < schema.names.count {
                if let name, compare(name, schema.names[next]) <= 0 { return }
                if !excluded.contains(UInt16(next)) { chunk.appendTargetLabel(next) }
                next += 1
            }
        }
        for item in items where !item.value.isEmpty {
            appendTargetLabels(before: item.name, &chunk)
            // The excluded label of the same name stands here; it goes by.
            if next < schema.names.count, compare(item.name, schema.names[next]) == 0 { next += 1 }
            chunk.appendLabel(name: bytes.extracting(item.name), value: bytes.extracting(item.value))
            ownHash &+= hasher.labelHash(text, name: item.name, value: item.value)
        }
        appendTargetLabels(before: nil, &chunk)
        chunk.endSeries(isHistogram: isHistogram)
        return Identity(ownHash: ownHash, excluded: excluded)
    }
}
