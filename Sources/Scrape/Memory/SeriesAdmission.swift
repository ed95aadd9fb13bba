import Platform

/// Decides, for one page, which of its series come in while memory is short. What a line that is shed costs
/// is its hash, its length and two indices: no labels are kept, and it stands among those that rules drop.
/// That is taken from the room as well. Where it is refused some such lines are kept nevertheless, by the
/// number of series that the target has, so that usual pages are not parsed at each scrape; what is beyond
/// them is passed over and forgotten.
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
    /// What a line costs that is shed and kept, so that it need not be parsed again while it stays.
    static let shedLineBytes = 20
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
    /// Bytes taken from the room and not used.
    private var paidBytes = 0
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
        return SeriesAdmission(
            gate, isFirst: isFirst, known: isFirst ? elder : KnownSeries(state, schema), isScarce: isScarce,
            freeShedLines: gate.leastFreeShedLines + state.seriesCount / 4)
    }

    private init(
        _ gate: SeriesGate, isFirst: Bool, known: KnownSeries?, isScarce: Bool, freeShedLines: Int
    ) {
        self.isFirst = isFirst
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
        looksUp = true
    }

    /// Whether no new series comes in any more.
    var isShedding: Bool { mode == .shedding }

    /// Whether a target that has no series may be read by the chunks of another one: they fit into the room.
    func hasRoom(forLines count: Int) -> Bool {
        mode == .metered && room.leftBytes >= count * Self.sharedBytes
    }

    /// Whether lines may be read by a chunk that was there before, if they are its lines. Not by one with
    /// lines that were shed, once there is room for them: they are parsed then, and their series come back.
    /// Takes nothing.
    func mayTake(_ chunk: TemplateChunk) -> Bool {
        if chunk.shedCount > 0 { return mode == .shedding || room.leftBytes < chunk.shedBytes - paidBytes }
        return !isFirst || known != nil || mode == .metered
    }

    /// The lines are those of a chunk that may take them: pays for its series where they are new to the
    /// target. False where there is no room for them.
    func takes(_ chunk: TemplateChunk) -> Bool {
        if chunk.shedCount > 0 {
            freeShedLinesLeft -= chunk.shedLines.count
            return true
        }
        guard isFirst, known == nil else { return true }
        return pays(chunk.seriesCount * Self.sharedBytes)
    }

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

    /// Whether a line that is shed is to be kept, so that it is known again.
    func keepsShedLine() -> Bool {
        if draws(Self.shedLineBytes) { return true }
        freeShedLinesLeft -= 1
        return freeShedLinesLeft >= 0
    }

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

    /// Takes the bytes from the room; when it refuses, the rest of the page is shed.
    private func pays(_ bytes: Int) -> Bool {
        guard mode == .metered else { return false }
        guard draws(bytes) else {
            mode = .shedding
            return false
        }
        return true
    }

    /// Takes the bytes from those that are paid already, or from the room.
    private func draws(_ bytes: Int) -> Bool {
        if bytes > paidBytes {
            let missing = bytes - paidBytes
            if room.take(max(missing, batch)) {
                paidBytes += max(missing, batch)
                batch = min(2 * batch, Self.mostBatch)
            } else if room.take(missing) {
                paidBytes = bytes
            } else {
                return false
            }
        }
        paidBytes -= bytes
        return true
    }
}
