import Configuration
import MetricModel

/// Reads a page against the order that the scrape before left: finds each line's series, or parses the line.
///
/// Each line of the page is compared first with the line of the order that follows the last one found. If it
/// is another, it is compared with the line that stands as many places further on as the page has had new
/// lines since, because those may have replaced as many old ones. Then it is looked for among the next few
/// lines, and, once several lines in a row have not been found, in a table of all lines: at once where lines
/// of the target have moved before, and then only there. So each line costs a bounded number of comparisons,
/// whatever a target does to its page.
struct PageWalk: WalkedPage {
    /// Marks the ordinal of a new series, counted from 0.
    static let newSeries: UInt32 = 1 << 31
    /// Lines from the expected one on that are looked at as long as there is no table.
    private static let nextLines = 16
    /// New lines in a row after which the table is made.
    private static let patience = 16

    /// A line of more bytes is not hashed in vain for every new line in a row, but only for the first few.
    private static let longLine: UInt32 = 1_024
    private static let longTries = 4

    /// What the reading has cost, in steps.
    struct Work: Equatable {
        /// Stretches of lines that were tried, and lines compared to see where one has gone.
        var tries = 0
        /// Lines read by the parser.
        var parsedLines = 0
        /// Lines of which the labels were made.
        var encodedLines = 0
        /// Series copied from chunks that were made anew.
        var copiedSeries = 0
    }

    // The page's lines, once all of them have been read.
    private(set) var hashes: [UInt64] = []
    private(set) var lengths: [UInt32] = []
    private(set) var types: [ExpositionParser.FamilyType] = []
    /// Ordinals in the order before, `newSeries` plus a number, or `PageOrder.noSeries`.
    private(set) var ordinals: [UInt32] = []
    /// A value for each line.
    private(set) var values: [Double] = []
    /// By line.
    private(set) var timestamps: [Frame.ExplicitTimestamp] = []
    private(set) var exemplars: [ScrapedExemplar] = []
    /// The new series' chunks.
    private(set) var new: [TemplateChunk] = []
    private(set) var comments: LastComments
    private(set) var work = Work()
    /// Whether every line is as before and none is missing; the lists of lines are empty then.
    private(set) var isUnchanged = false
    /// Whether the table was needed.
    var lookedUp: Bool { table != nil }

    var isOpenMetrics: Bool { order.isOpenMetrics }
    /// Bytes of comments in front of new lines that say something new.
    private(set) var commentBytes = 0

    // What stands for each new line.
    private var newHashes: [UInt64] = []
    private var newLengths: [UInt32] = []
    private var newTypes: [ExpositionParser.FamilyType] = []
    private var newOrdinals: [UInt32] = []
    /// The lines so far.
    private var stretches = PageStretches()

    private let order: PageOrder
    private let hasher: SegmentHasher
    private var parser: ExpositionParser
    private var encoder: SeriesEncoder
    private var gatherer: SeriesGatherer
    private var table: LineTable?
    /// Lines of `order` that the page has.
    private var isTaken: [Bool] = []
    /// The line of `order` that is expected next.
    private var expected = 0
    /// New lines since a line was last found.
    private var newInARow = 0

    init(
        _ order: PageOrder, schema: TargetSchema, hasher: SegmentHasher, layouts: LayoutInterner,
        admission: SeriesAdmission? = nil
    ) {
        self.order = order
        self.hasher = hasher
        comments = order.comments
        parser = ExpositionParser(
            isOpenMetrics: order.isOpenMetrics, skipsBadLines: schema.rules.onBadLine == .skip)
        encoder = SeriesEncoder(schema: schema, hasher: hasher, admission: admission)
        gatherer = SeriesGatherer(isOpenMetrics: order.isOpenMetrics, layouts: layouts)
    }

    /// Reads the body. False where it has what only the reading by chunks looks after: lines that are not in
    /// the format or that rules refuse, a line that stands twice, or a new series or comment while memory is
    /// short.
    mutating func read(_ body: RawSpan) -> Bool {
        values = Array(repeating: 0, count: order.lineCount + Self.patience)
        let first = run(body, from: 0, atLine: 0)
        if first == order.lineCount {
            // The page may go on.
            let (position, type) = (parser.position, parser.type)
            do throws(ScrapeError) {
                if try !parser.next(body) {
                    values.removeLast(Self.patience)
                    isUnchanged = true
                    return parser.skippedLines == 0
                }
            } catch {
                return false
            }
            parser.position = position
            parser.type = type
        }
        isTaken = Array(repeating: false, count: order.lineCount)
        guard take(first, from: 0) else { return false }
        do throws(ScrapeError) {
            guard try readRest(body) else { return false }
        } catch {
            // The reading by chunks meets the same fault and says where.
            return false
        }
        values.removeLast(values.count - stretches.lineCount)
        hashes = stretches.column(order.hashes, newHashes)
        lengths = stretches.column(order.lengths, newLengths)
        types = stretches.column(order.types, newTypes)
        ordinals = stretches.column(order.ordinals, newOrdinals)
        new = gatherer.take()
        return true
    }

    /// False where the body has something that ends the walk.
    private mutating func readRest(_ body: RawSpan) throws(ScrapeError) -> Bool {
        while true {
            var found = try follow(body, from: expected)
            if found == 0, newInARow > 0 { found = try follow(body, from: expected + newInARow) }
            guard found >= 0 else { return false }
            if found > 0 {
                newInARow = 0
                continue
            }
            guard try parser.next(body) else { return parser.skippedLines == 0 }
            guard parser.skippedLines == 0, try readLine(body) else { return false }
        }
    }

    /// Reads lines as `order` has them from `line` on; how many, or -1 where one stands twice.
    private mutating func follow(_ body: RawSpan, from line: Int) throws(ScrapeError) -> Int {
        guard line < order.lineCount, parser.type == order.typeBefore(line),
            newInARow < Self.longTries || order.lengths[line] <= Self.longLine
        else { return 0 }
        work.tries += 1
        let count = run(body, from: line, atLine: stretches.lineCount)
        return take(count, from: line) ? count : -1
    }

    /// Reads values of lines as `order` has them from `line` on into those from `atLine` on; how many.
    private mutating func run(_ body: RawSpan, from line: Int, atLine: Int) -> Int {
        if values.count <= atLine {
            // By half, so that each value is moved a bounded number of times.
            values.append(contentsOf: repeatElement(0, count: values.count / 2 + Self.patience))
        }
        let last = min(order.lineCount, line + values.count - atLine)
        let (lineHashes, lineLengths) = (order.hashes, order.lengths)
        let read = TemplateMatcher.readLines(
            lineHashes.span.extracting(line..<last), lineLengths.span.extracting(line..<last),
            isOpenMetrics: order.isOpenMetrics, body, at: parser.position, hasher: hasher,
            firstOrdinal: atLine, values: &values, timestamps: &timestamps, exemplars: &exemplars)
        parser.position = read.end
        if read.count > 0 { parser.type = order.types[line + read.count - 1] }
        return read.count
    }

    /// Takes in that the next lines of the page are those of `order` from `line` on. False where one of them
    /// was taken before and has a series.
    private mutating func take(_ count: Int, from line: Int) -> Bool {
        guard count > 0 else { return true }
        let range = line..<line + count
        let known = order.ordinals
        let series = known.span
        var taken = isTaken.mutableSpan
        for index in range {
            if taken[index], series[index] != PageOrder.noSeries { return false }
            taken[index] = true
        }
        stretches.append(range, isNew: false)
        expected = range.upperBound
        return true
    }

    /// Takes in the line that the parser has read. False where it ends the walk.
    private mutating func readLine(_ body: RawSpan) throws(ScrapeError) -> Bool {
        work.parsedLines += 1
        let hash = hasher.hash(body, parser.segment.lowerBound, parser.segment.count)
        let line = stretches.lineCount
        if values.count <= line {
            values.append(contentsOf: repeatElement(0, count: values.count / 2 + Self.patience))
        }
        values[line] = parser.value
        if let timestampMs = parser.timestampMs {
            timestamps.append(Frame.ExplicitTimestamp(series: UInt32(line), timestampMs: timestampMs))
        }
        if let exemplar = parser.exemplar {
            exemplars.append(ScrapedExemplar(series: UInt32(line), exemplar: exemplar))
        }
        if let known = find(hash) {
            isTaken[known] = true
            stretches.append(known..<known + 1, isNew: false)
            expected = known + 1
            newInARow = 0
            return true
        }
        newInARow += 1
        let number = newHashes.count
        stretches.append(number..<number + 1, isNew: true)
        newHashes.append(hash)
        newLengths.append(UInt32(parser.segment.count))
        newTypes.append(parser.type)
        return try encode(body, hash)
    }

    /// The line of `order` that the parser stands on, among the next few or in the table.
    private mutating func find(_ hash: UInt64) -> Int? {
        // Once there is a table, a search in it is shorter than comparing with every series.
        let near = table == nil ? Self.nextLines : 1
        let hashes = order.hashes
        for line in expected..<min(expected + near, hashes.count) {
            work.tries += 1
            if hashes[line] == hash, isLine(line, hash) { return line }
        }
        if table == nil, order.looksUp || newInARow >= Self.patience { table = LineTable(order.hashes) }
        guard let table, let line = table.line(of: hash, in: order.hashes) else { return nil }
        work.tries += 1
        return isLine(line, hash) ? line : nil
    }

    @inline(__always)
    private func isLine(_ line: Int, _ hash: UInt64) -> Bool {
        order.hashes[line] == hash && !isTaken[line] && Int(order.lengths[line]) == parser.segment.count
            && order.types[line] == parser.type
    }

    private mutating func encode(_ body: RawSpan, _ hash: UInt64) throws(ScrapeError) -> Bool {
        work.encodedLines += 1
        for line in parser.metadata where comments.take(line, body, hasher) {
            let bytes = line.name.count + line.text.count
            guard encoder.admission?.takesComments(bytes: bytes) ?? true else { return false }
            gatherer.note(line, body)
            commentBytes += bytes
        }
        let number = gatherer.seriesCount
        if try gatherer.append(parser, body, hash: hash, &encoder) {
            newOrdinals.append(Self.newSeries | UInt32(number))
        } else {
            newOrdinals.append(PageOrder.noSeries)
        }
        return true
    }
}
