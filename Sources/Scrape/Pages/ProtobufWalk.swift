import MetricModel

/// Finds each series of a protobuf body in the order that the scrape before left, or makes its labels: what
/// `PageWalk` is for the text formats. A series' key stands for the hash of a line, and the decoder has read
/// all of the body before.
///
/// A key is compared with that of the series behind the last one found, then with that of the series as many
/// places further on as new ones have come since, then with the next few, and, once several in a row have not
/// been found, it is looked for in a table of all keys. So each series costs a bounded number of comparisons.
struct ProtobufWalk: WalkedPage {
    /// Keys from the expected one on that are looked at as long as there is no table.
    private static let nextKeys = 16
    /// New series in a row after which the table is made.
    private static let patience = 16

    private(set) var hashes: [UInt64] = []
    private(set) var lengths: [UInt32] = []
    private(set) var types: [ExpositionParser.FamilyType] = []
    private(set) var ordinals: [UInt32] = []
    private(set) var new: [TemplateChunk] = []
    private(set) var comments: LastComments
    private(set) var commentBytes = 0
    private(set) var work = PageWalk.Work()
    private(set) var isUnchanged = false

    var values: [Double] { series.values }
    var timestamps: [Frame.ExplicitTimestamp] { series.timestamps }
    /// None: those of a protobuf body need no further reading, and stand in `series`.
    var exemplars: [ScrapedExemplar] { [] }
    var lookedUp: Bool { table != nil }
    var isOpenMetrics: Bool { false }

    /// What the decoder has read.
    let series: ScrapedSeries

    private let order: PageOrder
    private let hasher: SegmentHasher
    private var encoder: SeriesEncoder
    private var gatherer: SeriesGatherer
    private var line = SeriesLine()
    /// Reads `line`, as often as it is written.
    private var parser = ExpositionParser(isOpenMetrics: false)
    private var table: LineTable?
    /// Series of `order` that the body has.
    private var isTaken: [Bool] = []
    /// The series of `order` that is expected next.
    private var expected = 0
    /// New series since one was last found.
    private var newInARow = 0
    /// Bytes of new series as text, which have the bound that a body of text has.
    private var unfoldedBytes = 0
    private var stretches = PageStretches()
    // What stands for each new series.
    private var newKeys: [UInt64] = []
    private var newLengths: [UInt32] = []
    private var newOrdinals: [UInt32] = []

    init(
        _ order: PageOrder, _ series: ScrapedSeries, schema: TargetSchema, hasher: SegmentHasher,
        layouts: LayoutInterner, admission: SeriesAdmission? = nil
    ) {
        self.order = order
        self.series = series
        self.hasher = hasher
        comments = order.comments
        encoder = SeriesEncoder(schema: schema, hasher: hasher, admission: admission)
        gatherer = SeriesGatherer(isOpenMetrics: false, layouts: layouts)
    }

    /// Reads the series of `body`. False where it has what only the reading by chunks looks after: names and
    /// labels that are not allowed, series that rules refuse, too many bytes of new ones, or a new series
    /// while memory is short.
    mutating func read(_ body: RawSpan) -> Bool {
        let keys = series.keys
        if keys == order.hashes {
            isUnchanged = true
            return true
        }
        isTaken = Array(repeating: false, count: order.lineCount)
        var family = 0
        for position in keys.indices {
            if let known = find(keys[position]) {
                isTaken[known] = true
                stretches.append(known..<known + 1, isNew: false)
                expected = known + 1
                newInARow = 0
                continue
            }
            newInARow += 1
            while family + 1 < series.families.count, series.families[family + 1].firstSeries <= position {
                family += 1
            }
            do throws(ScrapeError) {
                guard try encode(body, position, series.families[family]) else { return false }
            } catch {
                // The reading by chunks meets the same fault and says where.
                return false
            }
        }
        hashes = keys
        lengths = stretches.column(order.lengths, newLengths)
        types = Array(repeating: .other, count: keys.count)
        ordinals = stretches.column(order.ordinals, newOrdinals)
        new = gatherer.take()
        return true
    }

    /// The series of `order` that has this key, unless it was found before.
    private mutating func find(_ key: UInt64) -> Int? {
        let count = order.lineCount
        if isAt(expected, key) { return expected }
        work.tries += 1
        if newInARow > 0, isAt(expected + newInARow, key) { return expected + newInARow }
        // Once there is a table, a search in it is shorter than comparing with every series.
        if table == nil {
            for place in expected..<min(expected + Self.nextKeys, count) {
                work.tries += 1
                if isAt(place, key) { return place }
            }
            guard order.looksUp || newInARow >= Self.patience else { return nil }
            table = LineTable(order.hashes)
        }
        guard let place = table?.line(of: key, in: order.hashes), !isTaken[place] else { return nil }
        work.tries += 1
        return place
    }

    @inline(__always)
    private func isAt(_ place: Int, _ key: UInt64) -> Bool {
        place < order.hashes.count && order.hashes[place] == key && !isTaken[place]
    }

    /// Makes the labels of a new series. False where it ends the walk.
    private mutating func encode(
        _ body: RawSpan, _ position: Int, _ family: MetricFamilyHeader
    ) throws(ScrapeError) -> Bool {
        let (key, place) = (series.keys[position], series.places[position])
        work.parsedLines += 1
        work.encodedLines += 1
        try line.write(body, family, place)
        unfoldedBytes += line.bytes.count
        guard unfoldedBytes <= BodyReader.maxBodyBytes else { return false }
        if position == family.firstSeries {
            for kind in family.comments where comments.take(kind, family, body, hasher) {
                let text = family.text(kind, body)
                let bytes = family.name.count + text.count
                guard encoder.admission?.takesComments(bytes: bytes) ?? true else { return false }
                gatherer.note(kind, family: body.copy(family.name), text: text)
                commentBytes += bytes
            }
        }
        stretches.append(newKeys.count..<newKeys.count + 1, isNew: true)
        newKeys.append(key)
        let number = gatherer.seriesCount
        parser.position = 0
        // Safety: bytes have no padding.
        let bytes = line.bytes
        let text = unsafe bytes.span.bytes
        guard try parser.next(text) else { return false }
        newLengths.append(UInt32(parser.segment.count))
        let made = try gatherer.append(
            parser, text, hash: key, &encoder, isHistogram: place.part == .native)
        newOrdinals.append(made ? PageWalk.newSeries | UInt32(number) : PageOrder.noSeries)
        return true
    }
}
