import Platform

/// Decides, for one page, which of its series come in while memory is short. What a line that is shed costs
/// is its hash, its length and two indices: no labels are kept, and it stands among those that rules drop.
///
/// Without a ceiling on memory, and while the job does not shed, it is open and asks nothing. With one, new
/// lines take an estimate of what they cost from the room. Once that is refused, or from the beginning where
/// the job sheds, only series that the target had in its last good scrape come in, each as often as it had
/// them at most.
struct SeriesAdmission {
    /// What a new series costs beside its line: its share of a chunk and of what interning keeps, a hash, its
    /// value and its place in a page's order.
    static let seriesBytes = 100
    /// What one costs that has its labels from another target's chunk: its values, and hashes for a while.
    static let sharedBytes = 24
    /// Bytes taken from the room at once: few at first, as most pages have few new lines.
    private static let firstBatch = 4 << 10
    private static let mostBatch = 64 << 10

    private enum Mode {
        case open, metered, shedding
    }

    private var mode: Mode
    /// Nil only where all is open.
    private let room: MemoryRoom?
    private let known: KnownSeries?
    /// Whether the target has no series yet.
    private let isFirst: Bool
    /// Whether the series of each line is looked up before it is charged: where the page is read without the
    /// lines of the scrape before, known ones are among those that are parsed.
    var looksUp = false
    private var prints: SeriesPrints?
    /// Known series that may still be parsed; a page that repeats them has fewer than it has lines.
    private var knownLeft: Int
    /// Bytes taken from the room and not used.
    private var paidBytes = 0
    private var batch = Self.firstBatch

    /// Open.
    init() {
        mode = .open
        room = nil
        known = nil
        isFirst = false
        knownLeft = 0
    }

    /// For a page of a target that left `state`. `elder` are the series of the target that it takes over
    /// from, which count on its first page. A target without series is new: it has what fits into the room.
    init(_ gate: SeriesGate, after state: ScrapeState, _ schema: TargetSchema, elder: KnownSeries?) {
        isFirst = state.seriesCount <= state.holes.count
        if gate.shedsNewSeries, !isFirst {
            mode = .shedding
        } else {
            mode = gate.room.leftBytes == .max ? .open : .metered
        }
        room = mode == .open ? nil : gate.room
        known = mode == .open ? nil : isFirst ? elder : KnownSeries(state, schema)
        knownLeft = known?.count ?? 0
        looksUp = isFirst && elder != nil
    }

    var isOpen: Bool { mode == .open }
    /// Whether no new series comes in any more.
    var isShedding: Bool { mode == .shedding }

    /// Whether the chunks of a target of which no series came in are to be passed over for those of another
    /// target, because they fit into the room now.
    func mayShare(_ chunks: [TemplateChunk]) -> Bool {
        guard isFirst, chunks.contains(where: { $0.shedCount > 0 }) else { return false }
        let lines = chunks.reduce(0) { $0 + $1.shedCount }
        return mode == .open || leftBytes >= lines * Self.sharedBytes
    }

    /// Whether lines may be read by a chunk that was there before. Not one with lines that were shed, once
    /// there is room for them: they are parsed then, and their series come back.
    mutating func takes(_ chunk: TemplateChunk) -> Bool {
        if chunk.shedCount > 0 {
            return mode == .shedding || mode == .metered && leftBytes < chunk.shedBytes - paidBytes
        }
        guard mode != .open, isFirst, known == nil else { return true }
        return mode == .metered && pays(chunk.seriesCount * Self.sharedBytes)
    }

    /// Whether the series of a new line of `lineBytes` comes in, whichever it is. If not, its hash decides.
    mutating func admitsAny(lineBytes: Int) -> Bool {
        mode == .open || !looksUp && pays(lineBytes + Self.seriesBytes)
    }

    /// Whether the series of this hash comes in, with a new line of `lineBytes`.
    mutating func admits(_ hash: UInt64, lineBytes: Int) -> Bool {
        isKnown(hash) || pays(lineBytes + Self.seriesBytes)
    }

    /// Whether the series of a line that a scrape before had comes in.
    mutating func admits(_ line: KnownLines.Line, _ schema: TargetSchema) -> Bool {
        guard mode != .open, let series = line.series else { return true }
        let bytes = Int(line.length)
        guard !isFirst else {
            return admitsAny(lineBytes: bytes)
                || admits(line.chunk.seriesHash(series, of: schema), lineBytes: bytes)
        }
        if takesKnown() { return true }
        return mode == .metered && pays(bytes + Self.seriesBytes)
    }

    /// What the room has; nothing where it is not asked.
    private var leftBytes: Int { mode == .metered ? room?.leftBytes ?? 0 : 0 }

    private mutating func isKnown(_ hash: UInt64) -> Bool {
        guard let known, knownLeft > 0 else { return false }
        let prints = prints ?? known.prints()
        self.prints = prints
        return prints.contains(hash) && takesKnown()
    }

    private mutating func takesKnown() -> Bool {
        guard knownLeft > 0 else { return false }
        knownLeft -= 1
        return true
    }

    /// Takes the bytes from the room; when it refuses, the rest of the page is shed.
    private mutating func pays(_ bytes: Int) -> Bool {
        guard mode == .metered, let room else { return false }
        if bytes > paidBytes {
            let missing = bytes - paidBytes
            if room.take(max(missing, batch)) {
                paidBytes += max(missing, batch)
                batch = min(2 * batch, Self.mostBatch)
            } else if room.take(missing) {
                paidBytes = bytes
            } else {
                mode = .shedding
                return false
            }
        }
        paidBytes -= bytes
        return true
    }
}
