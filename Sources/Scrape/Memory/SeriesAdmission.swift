import Platform

/// Decides, for one page, which of its series come in while memory is short. What a line that is shed costs
/// is its hash, its length and two indices: no labels are kept, and it stands among those that rules drop.
///
/// Without a ceiling on memory, and while the job does not shed, there is none. With a ceiling new lines take
/// an estimate of what they cost from the room. Once that is refused, or from the beginning where the job
/// sheds, only series that the target had in its last good scrape come in, each as often as it had them at
/// most.
final class SeriesAdmission {
    /// What a new series costs beside its line: its share of a chunk and of what interning keeps, a hash, its
    /// value and its place in a page's order.
    static let seriesBytes = 100
    /// What one costs that has its labels from another target's chunk: its values, and hashes for a while.
    static let sharedBytes = 24
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
    /// lines of the scrape before, known ones are among those that are parsed.
    private var looksUp: Bool
    private var prints: SeriesPrints?
    /// Known series that may still be parsed; a page that repeats them has fewer than it has lines.
    private var knownLeft: Int
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
        return SeriesAdmission(
            gate, isFirst: isFirst, known: isFirst ? elder : KnownSeries(state, schema))
    }

    private init(_ gate: SeriesGate, isFirst: Bool, known: KnownSeries?) {
        self.isFirst = isFirst
        self.known = known
        firstMode = gate.shedsNewSeries && !isFirst ? .shedding : .metered
        mode = firstMode
        room = gate.room
        knownLeft = known?.count ?? 0
        looksUp = isFirst && known != nil
    }

    /// The page is read once more, without the lines of the scrape before.
    func startAnew() {
        mode = firstMode
        knownLeft = known?.count ?? 0
        looksUp = true
    }

    /// Whether no new series comes in any more.
    var isShedding: Bool { mode == .shedding }

    /// Whether a target that has no series may be read by the chunks of another one: they fit into the room.
    func hasRoom(forLines count: Int) -> Bool {
        mode == .metered && room.leftBytes >= count * Self.sharedBytes
    }

    /// Whether lines may be read by a chunk that was there before. Not one with lines that were shed, once
    /// there is room for them: they are parsed then, and their series come back.
    func takes(_ chunk: TemplateChunk) -> Bool {
        if chunk.shedCount > 0 {
            return mode == .shedding || room.leftBytes < chunk.shedBytes - paidBytes
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

    private func isKnown(_ hash: UInt64) -> Bool {
        guard let known, knownLeft > 0 else { return false }
        let prints = prints ?? known.prints()
        self.prints = prints
        return prints.contains(hash) && takesKnown()
    }

    private func takesKnown() -> Bool {
        guard knownLeft > 0 else { return false }
        knownLeft -= 1
        return true
    }

    /// Takes the bytes from the room; when it refuses, the rest of the page is shed.
    private func pays(_ bytes: Int) -> Bool {
        guard mode == .metered else { return false }
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
