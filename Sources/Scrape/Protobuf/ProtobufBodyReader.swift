import MetricModel

/// Reads one protobuf body: decodes it into columns, compares their keys with the chunks of the scrape
/// before, and makes series only of what is new. What `BodyReader` is for the text formats.
struct ProtobufBodyReader {
    /// The templates that this body is made of, in order.
    private(set) var chunks: [TemplateChunk] = []
    /// Series that were not as before.
    private(set) var parsedLines = 0
    /// Ordinals of series that are in no chunk, because memory is too short even to know them again;
    /// ascending. So many of them are new, and rules drop the others.
    private(set) var passedOver: [UInt32] = []
    private(set) var passedOverCount = 0
    private(set) var series: ScrapedSeries
    /// What an order of the body's series is made of, where one is wanted: set before a reading without
    /// expected chunks.
    var record: PageRecord?
    private let options: HistogramOptions
    private let keepsExemplars: Bool
    private let keepsMetadata: Bool
    private let admission: SeriesAdmission?
    private let memory: PageMemory?
    private let hasher: SegmentHasher
    private var builder: TemplateBuilder
    private var line = SeriesLine()
    /// The series of the scrape before.
    private var knownLines = LazyKnownLines([])
    /// What stands in front of chunks that begin within the family met last.
    private var begun: (family: Int, context: FamilyContext)?
    /// Bytes of new series as text: a message may name few labels for many buckets, so what it unfolds to has
    /// the bound that a body of text has.
    private var unfoldedBytes = 0

    init(
        schema: TargetSchema, options: HistogramOptions, keepsExemplars: Bool, keepsMetadata: Bool = false,
        hasher: SegmentHasher, layouts: LayoutInterner, templates: TemplateInterner,
        admission: SeriesAdmission? = nil, memory: PageMemory? = nil
    ) {
        self.options = options
        self.memory = memory
        self.admission = admission
        self.keepsExemplars = keepsExemplars
        self.hasher = hasher
        series = ScrapedSeries(expected: 0)
        builder = TemplateBuilder(
            encoder: SeriesEncoder(schema: schema, hasher: hasher, admission: admission),
            isOpenMetrics: false, layouts: layouts, templates: templates, statesFamilies: keepsMetadata,
            needsComments: keepsMetadata)
        self.keepsMetadata = keepsMetadata
    }

    /// Reads `body`, of which `expected` are the chunks of the scrape before, and keeps room for
    /// `extraValues` more values.
    mutating func read(_ body: RawSpan, expected: [TemplateChunk], extraValues: Int) throws(ScrapeError) {
        guard body.byteCount <= BodyReader.maxBodyBytes else {
            throw ScrapeError(
                .bodyTooLarge, "a body of more than \(BodyReader.maxBodyBytes) bytes is not read")
        }
        var decoder = ProtobufDecoder(
            options: options, keepsExemplars: keepsExemplars, hasher: hasher,
            expected: expected.reduce(extraValues) { $0 + $1.lineCount }, memory: memory)
        try decoder.read(body)
        series = decoder.takeSeries()
        begun = nil
        record?.add(series, body, hasher)
        // Chunks made without metadata are made anew when they are wanted.
        let expected = expected.first?.statesFamilies == keepsMetadata ? expected : []
        try match(body, expected)
        // Series that come and go leave short chunks behind. Cut anew, all of it is as if it was read first.
        if parsedLines > 0, !expected.isEmpty,
            chunks.count > 4 + 2 * series.count / TemplateBuilder.minLines
        {
            for chunk in chunks { builder.pass(chunk, isBack: true) }
            chunks.removeAll()
            parsedLines = 0
            passedOver = []
            passedOverCount = 0
            unfoldedBytes = 0
            admission?.startAnew()
            try match(body, [])
        }
    }

    /// What was read, handed over.
    mutating func takeSeries() -> ScrapedSeries {
        defer { series = ScrapedSeries(expected: 0) }
        return series
    }

    private mutating func match(_ body: RawSpan, _ expected: [TemplateChunk]) throws(ScrapeError) {
        var beginnings: [UInt64: Int]?
        var index = 0
        var position = 0
        while position < series.count {
            if index < expected.count,
                admission?.mayTake(expected[index]) ?? expected[index].isWhole,
                series.matches(expected[index], at: position, before: before(body, position)),
                admission?.takes(expected[index]) ?? true
            {
                chunks.append(expected[index])
                builder.pass(expected[index])
                position += expected[index].lineCount
                index += 1
                continue
            }
            if beginnings == nil {
                beginnings = BodyReader.beginnings(of: expected)
                // With metadata each series is written out as a line of text, although it could be copied:
                // from the name in the line the builder tells whether the series belongs to the family.
                if !keepsMetadata { knownLines = LazyKnownLines(expected) }
            }
            // The chunk at `index` has changed; only later ones are looked for, so this ends.
            (index, position) = try build(body, from: position, until: beginnings ?? [:], after: index)
        }
    }

    /// What stands in front of a chunk that begins with this series: what is said of the family that goes
    /// on in it. The first series of a family has that in its key.
    private func before(_ body: RawSpan, _ position: Int) -> FamilyContext {
        var context = FamilyContext()
        guard keepsMetadata else { return context }
        let family = series.families[series.familyIndex(of: position)]
        guard position > family.firstSeries else { return context }
        var hash = family.kind.rawValue
        for text in [family.name, family.help, family.unit] {
            hash = hasher.combine(hash, hasher.hash(body, text.lowerBound, text.count))
        }
        context.metadata = hash
        return context
    }

    /// Makes chunks of series until the body ends or one is met that a later chunk begins with. Returns that
    /// chunk's index and the series' ordinal.
    private mutating func build(
        _ body: RawSpan, from start: Int, until beginnings: [UInt64: Int], after index: Int
    ) throws(ScrapeError) -> (index: Int, position: Int) {
        var position = start
        let passedBefore = passedOver.count
        var next = index + 1
        var family = series.familyIndex(of: start)
        while position < series.count {
            let key = series.keys[position]
            // What stands at `index` may come once series were passed over.
            let hasOnlyPassedOver = position > start && passedOver.count - passedBefore == position - start
            if let later = beginnings[key], later > index || later == index && hasOnlyPassedOver {
                next = later
                break
            }
            if builder.endsBefore(key) { chunks.append(builder.finish()) }
            while family + 1 < series.families.count, series.families[family + 1].firstSeries <= position {
                family += 1
            }
            do throws(ScrapeError) {
                try append(body, position, key, family)
            } catch {
                let kept = chunks.reduce(builder.seriesCount) { $0 + $1.seriesCount }
                throw error.after(samples: position + 1, kept: kept)
            }
            parsedLines += 1
            position += 1
        }
        if builder.lineCount > 0 { chunks.append(builder.finish()) }
        return (next, position)
    }

    /// The same for a series that may begin a chunk that is being made, once for each family.
    private mutating func begins(_ body: RawSpan, _ position: Int, _ family: Int) -> FamilyContext {
        guard keepsMetadata, position > series.families[family].firstSeries else { return FamilyContext() }
        if let begun, begun.family == family { return begun.context }
        let context = before(body, position)
        begun = (family, context)
        return context
    }

    private mutating func append(
        _ body: RawSpan, _ position: Int, _ key: UInt64, _ index: Int
    ) throws(ScrapeError) {
        let place = series.places[position]
        let family = series.families[index]
        let known = knownLines.line(key, parsedLines: parsedLines)
        if let known {
            unfoldedBytes += Int(known.length)
        } else {
            try line.write(body, family, place)
            unfoldedBytes += line.bytes.count
        }
        guard unfoldedBytes <= BodyReader.maxBodyBytes else {
            throw ScrapeError(
                .bodyTooLarge,
                "the body's series would be more than \(BodyReader.maxBodyBytes) bytes of text")
        }
        // Each chunk says by itself what is known of its families.
        let isContinued = keepsMetadata && builder.lineCount == 0 && position > family.firstSeries
        if position == family.firstSeries || isContinued {
            let name = body.copy(family.name)
            for kind in family.comments {
                builder.note(
                    kind, family: name, text: family.text(kind, body), isRepeated: isContinued)
            }
            builder.repeatsFamily = isContinued
        }
        let before = builder.lineCount == 0 ? begins(body, position, index) : FamilyContext()
        if let known {
            note(try builder.append(known, hash: key, before: before), position)
            return
        }
        var parser = ExpositionParser(isOpenMetrics: false)
        do throws(ScrapeError) {
            // Safety: bytes have no padding.
            let bytes = line.bytes
            let text = unsafe bytes.span.bytes
            guard try parser.next(text) else {
                throw ScrapeError("a series is empty", offset: 0)
            }
            note(
                try builder.append(
                    parser, text, hash: key, before: before, isHistogram: place.part == .native), position)
        } catch {
            throw ScrapeError(
                error.code, "protobuf: metric family \(body.excerpt(family.name)): \(error.message)")
        }
    }

    /// Takes in what has become of a series. What is in a chunk and rules drop is taken out once the body has
    /// been read.
    private mutating func note(_ added: TemplateBuilder.Added, _ position: Int) {
        guard case .passedOver(let isShed) = added else { return }
        passedOver.append(UInt32(position))
        if isShed { passedOverCount += 1 }
    }
}

extension ScrapedSeries {
    /// Whether the series from `position` on are those of `chunk`.
    func matches(
        _ chunk: TemplateChunk, at position: Int, before: FamilyContext = FamilyContext()
    ) -> Bool {
        let expected = chunk.hashes
        let hashes = expected.span
        guard count - position >= hashes.count, chunk.before == before, !chunk.isOpenMetrics else {
            return false
        }
        let own = keys.span
        for index in 0..<hashes.count where hashes[index] != own[position + index] { return false }
        return true
    }

    /// The family of a series.
    func familyIndex(of series: Int) -> Int {
        var low = 0
        var high = families.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if families[middle].firstSeries <= series { low = middle } else { high = middle }
        }
        return low
    }
}
