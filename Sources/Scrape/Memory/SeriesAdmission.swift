import Platform

/// Decides, for one page, which of its series come in while memory is short. What a line that is shed costs
/// is its hash, its length and two indices: no labels are kept, and it stands among those that rules drop.
/// That is taken from the room as well, together with the lines around it (`ShedBill`). Where it is refused
/// some such lines are kept nevertheless, by the number of series that the target has and as far as a reserve
/// goes that all targets share, so that usual pages are not parsed at each scrape; what is beyond them is
/// passed over and forgotten. Lines that cannot be passed over, since how others are read depends on them,
/// have a bound beyond which the scrape fails, and gives back what it took from the room.
///
/// Comments that the target had go on being kept, and new ones as far as there is room; so do lines that
/// rules drop. No more of both are kept without room than the target had, so a page that repeats them keeps
/// no more.
///
/// Without a ceiling on memory, and while the job does not shed, there is none. With a ceiling new lines take
/// an estimate of what they cost from the room. Once that is refused, or from the beginning where the job
/// sheds, only series that the target had in its last good scrape come in. Of the lines that are parsed no
/// more come in as known than the target had series then: a page that repeats some of them lacks others.
final class SeriesAdmission {
    /// What a new series costs beside its line: its share of a chunk and of what interning keeps, a hash, its
    /// value and its place in a page's order.
    static let seriesBytes = 100
    /// What one costs that has its labels from another target's chunk: its values, and hashes for a while.
    static let sharedBytes = 24
    /// What a line costs that has no series and is kept, so that it need not be parsed again while it stays.
    static let lineBytes = 20
    /// What a line costs in a page's order.
    static let orderBytes = 17
    /// Lines kept without room of a page from which they cannot be left out: so many, and one more for each
    /// other line that the target had and each new series that has come in. Those of scrapes before count, or
    /// they would double with each scrape; as many of them may always stay.
    private static let leastForcedLines = 1_024
    /// Before these, so many are kept whose bytes are of the reserve, and four more for each line that the
    /// target had: a burst in one target must not end the series that it had.
    private static let leastReservedLines = 8_192
    /// With less room than this, beside what the target's series would take, known ones are looked up before
    /// they are charged.
    private static let scarceBytes = 4 << 20
    /// Of more series no more counts for that.
    private static let mostSeriesCounted = 1 << 14
    /// So many series of a page are looked for among the known ones without a table of these.
    private static let searchesWithoutTable = 8
    /// Bytes taken from the room at once: few at first, as most pages have few new lines.
    private static let firstBatch = 4 << 10
    private static let mostBatch = 64 << 10

    private enum Mode {
        case metered, shedding
    }

    private let firstMode: Mode
    private var mode: Mode
    private let room: MemoryRoom
    private let known: KnownSeries?
    /// What the target had, also where it had no series of it.
    private let before: KnownSeries
    /// Whether the target has no series yet.
    private let isFirst: Bool
    /// Whether the series of each line is looked up before it is charged: where the page is read without the
    /// lines of the scrape before, or where there is little room, as known ones are among those that are
    /// parsed.
    private var looksUp: Bool
    private var prints: SeriesPrints?
    private var searches = 0
    /// How many known series there are, counted when it is first asked for.
    private lazy var knownCount = known?.count ?? 0
    /// Lines that have come in as known ones.
    private var knownTaken = 0
    private let freeShedLines: Int
    private var freeShedLinesLeft: Int
    /// Lines without a series that the target had for other reasons: it may keep as many.
    private lazy var plainLineCount = before.plainLineCount
    private var plainLines = 0
    private lazy var lineCountBefore = before.lineCount
    private lazy var unpaidLinesBefore = before.unpaidLines
    /// Lines that were kept as they cannot be left out: by the reserve, and beyond it.
    private var reservedLines = 0
    private var forcedLines = 0
    /// New series that have come in.
    private var newSeries = 0
    /// Bytes of comments that the target had and that may be kept again without room.
    private lazy var knownCommentBytesLeft = before.commentBytes
    /// The comments that the target had, once they are asked for.
    private lazy var comments = before.comments()
    /// Bytes taken from the room and not used.
    private var paidBytes = 0
    /// Bytes taken from the room.
    private var takenBytes = 0
    private var batch = SeriesAdmission.firstBatch

    /// For a page of a target that left `state`; nil where every series comes in. `elder` are the series of
    /// the target that it takes over from, which count on its first page. A target without series is new: it
    /// has what fits into the room.
    static func of(
        _ gate: SeriesGate, after state: ScrapeState, _ schema: TargetSchema, elder: KnownSeries?
    ) -> SeriesAdmission? {
        let hasCeiling = gate.room.leftBytes != .max
        guard hasCeiling || gate.shedsNewSeries else { return nil }
        let isFirst = state.seriesCount <= state.holes.count
        guard hasCeiling || !isFirst else { return nil }
        let seriesCount = min(state.seriesCount, mostSeriesCounted)
        let isScarce = gate.room.leftBytes < scarceBytes + 2 * seriesBytes * seriesCount
        let before = KnownSeries(state, schema)
        return SeriesAdmission(
            gate, isFirst: isFirst, known: isFirst ? elder : before,
            before: isFirst ? elder ?? before : before, isScarce: isScarce,
            freeShedLines: gate.leastFreeShedLines + state.seriesCount / 4)
    }

    private init(
        _ gate: SeriesGate, isFirst: Bool, known: KnownSeries?, before: KnownSeries, isScarce: Bool,
        freeShedLines: Int
    ) {
        self.isFirst = isFirst
        self.before = before
        self.known = known
        firstMode = gate.shedsNewSeries && !isFirst ? .shedding : .metered
        mode = firstMode
        room = gate.room
        self.freeShedLines = min(freeShedLines, gate.mostFreeShedLines)
        freeShedLinesLeft = self.freeShedLines
        looksUp = known != nil && (isFirst || isScarce)
    }

    /// The page is read once more, without the lines of the scrape before.
    func startAnew() {
        mode = firstMode
        knownTaken = 0
        freeShedLinesLeft = freeShedLines
        plainLines = 0
        reservedLines = 0
        forcedLines = 0
        newSeries = 0
        knownCommentBytesLeft = before.commentBytes
        looksUp = true
    }

    /// Whether no new series comes in any more.
    var isShedding: Bool { mode == .shedding }

    /// Whether a target that has no series may be read by the chunks of another one: they fit into the room.
    func hasRoom(forLines count: Int) -> Bool {
        mode == .metered && room.leftBytes >= count * Self.sharedBytes
    }

    /// Whether lines may be read by a chunk that was there before, if they are its lines. Not by one that
    /// lacks series or comments, once there is room for them: its lines are parsed then, and these come back.
    /// Takes nothing.
    func mayTake(_ chunk: TemplateChunk) -> Bool {
        if !chunk.isWhole { return mode == .shedding || room.leftBytes < chunk.shedBytes - paidBytes }
        return !isFirst || known != nil || mode == .metered
    }

    /// The lines are those of a chunk that may take them: pays for its series where they are new to the
    /// target. False where there is no room for them.
    func takes(_ chunk: TemplateChunk) -> Bool {
        forcedLines += chunk.unpaidLines
        plainLines += chunk.plainLineCount
        if !chunk.metadata.isEmpty { knownCommentBytesLeft -= chunk.metadata.count }
        if !chunk.isWhole {
            if chunk.hasReserve { freeShedLinesLeft -= chunk.shedLines.count }
            return true
        }
        guard isFirst, known == nil else { return true }
        return pays(chunk.seriesCount * Self.sharedBytes, forSeries: chunk.seriesCount)
    }

    /// A chunk that was taken is parsed after all.
    func takesBack(_ chunk: TemplateChunk) {
        plainLines -= chunk.plainLineCount
        forcedLines -= chunk.unpaidLines
        takesBack(commentBytes: chunk.metadata.count)
    }

    /// Gives back the bytes of comments that were to be kept: the line behind them was passed over, and they
    /// with it.
    func takesBack(commentBytes bytes: Int) { knownCommentBytesLeft += bytes }

    /// Whether the series of a new line of `lineBytes` comes in, whichever it is. If not, its hash decides.
    func admitsAny(lineBytes: Int) -> Bool {
        !looksUp && pays(lineBytes + Self.seriesBytes)
    }

    /// Whether the series of this hash comes in, with a new line of `lineBytes`.
    func admits(_ hash: UInt64, lineBytes: Int) -> Bool {
        isKnown(hash) || pays(lineBytes + Self.seriesBytes)
    }

    /// Whether the series of a line that a scrape before had comes in.
    func admits(_ line: KnownLines.Line, _ schema: TargetSchema) -> Bool {
        guard let series = line.series else { return true }
        let bytes = Int(line.length)
        guard !isFirst else {
            return admitsAny(lineBytes: bytes)
                || admits(line.chunk.seriesHash(series, of: schema), lineBytes: bytes)
        }
        if takesKnown() { return true }
        return mode == .metered && pays(bytes + Self.seriesBytes)
    }

    /// Bytes that are kept without room, of all targets.
    var reserve: MemoryReserve { room.reserve }

    /// Whether one more line that is shed is kept without room, in a chunk that takes so many bytes of the
    /// reserve then.
    func takesFreeLine(reserving bytes: Int) -> Bool {
        guard freeShedLinesLeft > 0, reserve.has(bytes) else { return false }
        freeShedLinesLeft -= 1
        return true
    }

    /// Whether a line is to be kept that has no series for another reason than that it is shed.
    func keepsPlainLine() -> Bool {
        guard plainLines < plainLineCount else { return draws(Self.lineBytes) }
        plainLines += 1
        return true
    }

    /// Whether a histogram made of lines is to be kept that has no series, as it is shed or rules drop it.
    func keepsHistogramWithoutSeries(isShed: Bool) -> Bool {
        !isShed && plainLines < plainLineCount || draws(Self.lineBytes)
    }

    /// A line is kept without room that cannot be left out. Whether it counts against the reserve, of which
    /// its chunk takes so many bytes then. Throws when there are too many such lines.
    func keepsForcedLine(reserving bytes: Int) throws(ScrapeError) -> Bool {
        if reservedLines < Self.leastReservedLines + 4 * lineCountBefore, reserve.has(bytes) {
            reservedLines += 1
            return true
        }
        forcedLines += 1
        let others = lineCountBefore - unpaidLinesBefore + newSeries
        guard forcedLines <= max(Self.leastForcedLines + others, unpaidLinesBefore) else {
            throw ScrapeError(
                .memory,
                "memory is short, and the page has too many new lines that cannot be left out one by one: "
                    + "have the target say less, or give the agent more memory")
        }
        return false
    }

    /// The page was not taken in: others may have the room that it took.
    func giveBack() {
        room.give(takenBytes)
        takenBytes = 0
        paidBytes = 0
    }

    /// Whether a comment is kept that `packed` has from `start` on, as `PackedMetadata` has it. `isRepeated`:
    /// the page has it once, and each chunk of its family has it.
    func keepsComment(_ packed: [UInt8], from start: Int, isRepeated: Bool) -> Bool {
        if looksUp, takesKnownComment(packed, from: start, isRepeated) { return true }
        return draws(packed.count - start) || !looksUp && takesKnownComment(packed, from: start, isRepeated)
    }

    /// Whether there is room for new comments of so many bytes, which are in no chunk yet.
    func takesComments(bytes: Int) -> Bool { draws(bytes) }

    private func takesKnownComment(_ packed: [UInt8], from start: Int, _ isRepeated: Bool) -> Bool {
        let bytes = packed.count - start
        guard isRepeated || knownCommentBytesLeft >= bytes,
            comments.contains(PackedMetadata.hash(packed, start..<packed.count))
        else { return false }
        if !isRepeated { knownCommentBytesLeft -= bytes }
        return true
    }

    /// Whether there is room for an order of a page's lines.
    func takesOrder(lines: Int) -> Bool { mode == .metered && draws(lines * Self.orderBytes) }

    private func isKnown(_ hash: UInt64) -> Bool {
        guard let known, knownTaken < knownCount else { return false }
        searches += 1
        // A table takes memory, and mostly few series are looked for.
        guard searches > Self.searchesWithoutTable else { return known.contains(hash) && takesKnown() }
        let prints = prints ?? known.prints()
        self.prints = prints
        return prints.contains(hash) && takesKnown()
    }

    private func takesKnown() -> Bool {
        guard knownTaken < knownCount else { return false }
        knownTaken += 1
        return true
    }

    /// Takes the bytes of new series from the room; when it refuses, the rest of the page is shed.
    private func pays(_ bytes: Int, forSeries count: Int = 1) -> Bool {
        guard mode == .metered else { return false }
        guard draws(bytes) else {
            mode = .shedding
            return false
        }
        newSeries += count
        return true
    }

    /// Takes the bytes from those that are paid already, or from the room.
    func draws(_ bytes: Int) -> Bool {
        if bytes > paidBytes {
            let missing = bytes - paidBytes
            if room.take(max(missing, batch)) {
                takenBytes += max(missing, batch)
                paidBytes += max(missing, batch)
                batch = min(2 * batch, Self.mostBatch)
            } else if room.take(missing) {
                takenBytes += missing
                paidBytes = bytes
            } else {
                return false
            }
        }
        paidBytes -= bytes
        return true
    }
}
