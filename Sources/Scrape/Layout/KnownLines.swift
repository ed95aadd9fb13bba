import MetricModel

/// The lines of the chunks of the scrape before by their hashes: the series of a line that was there need not
/// be made from its labels again where its chunk is made anew.
struct KnownLines {
    /// A line that the scrape before had.
    struct Line {
        let chunk: TemplateChunk
        /// Bytes of its segment.
        let length: UInt32
        /// Its series in the chunk; nil where rules drop it.
        let series: Int?

        /// Indices of those of the target's labels that the series does not have.
        var excluded: [UInt16] {
            guard let series else { return [] }
            return chunk.exclusions(of: series..<series + 1).first?.targetLabels ?? []
        }
    }

    private var table: SeriesTable
    private var chunks: [TemplateChunk] = []
    /// For each of `chunks` the number of its first line.
    private var firstLines: [Int] = []

    /// Makes the table from those chunks whose series can be copied (`takes`).
    init(_ chunks: [TemplateChunk]) {
        table = SeriesTable(capacity: Self.lineCount(of: chunks))
        var number = 0
        for chunk in chunks where Self.takes(chunk) {
            self.chunks.append(chunk)
            firstLines.append(number)
            for hash in chunk.hashes {
                _ = table.insert(hash, UInt32(number))
                number += 1
            }
        }
    }

    /// How many lines those of `chunks` have whose series can be copied.
    static func lineCount(of chunks: [TemplateChunk]) -> Int {
        chunks.reduce(0) { takes($1) ? $0 + $1.lineCount : $0 }
    }

    /// Whether each line of the chunk has a series of its own, or none because rules drop it. False, too,
    /// where a rule of the job refused a series or a line was skipped: the reason has to be found again.
    private static func takes(_ chunk: TemplateChunk) -> Bool {
        chunk.groups.isEmpty && chunk.starts.isEmpty && chunk.createdLines == 0 && chunk.refused.isEmpty
            && chunk.refusal == nil && chunk.lineCount - chunk.droppedLines.count == chunk.seriesCount
    }

    /// The line of this hash; nil where the chunks have none, and for one whose series was left out because
    /// memory was short.
    func line(_ hash: UInt64) -> Line? {
        guard let number = table.number(of: hash).map({ Int($0) }) else { return nil }
        var (low, high) = (0, chunks.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if firstLines[middle] <= number { low = middle } else { high = middle }
        }
        let chunk = chunks[low]
        let line = number - firstLines[low]
        let series = Self.series(of: line, in: chunk)
        if series == nil, Self.find(line, in: chunk.shedLines).isThere { return nil }
        return Line(chunk: chunk, length: chunk.lengths[line], series: series)
    }

    private static func series(of line: Int, in chunk: TemplateChunk) -> Int? {
        if chunk.droppedLines.isEmpty { return line }
        let place = find(line, in: chunk.droppedLines)
        return place.isThere ? nil : line - place.countBefore
    }

    /// How many of the ascending indices are below `line`, and whether it is among them.
    private static func find(_ line: Int, in lines: [UInt32]) -> (countBefore: Int, isThere: Bool) {
        var (low, high) = (0, lines.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(lines[middle]) < line { low = middle + 1 } else { high = middle }
        }
        return (low, low < lines.count && Int(lines[low]) == line)
    }
}

/// The same, made once it pays: a table of all lines costs more than it saves where a few of very many have
/// changed.
struct LazyKnownLines {
    /// The table is made once one in so many lines has been parsed.
    private static let share = 32

    private let chunks: [TemplateChunk]
    /// Lines that the table would have.
    private let lineCount: Int
    private var lines: KnownLines?

    init(_ chunks: [TemplateChunk]) {
        self.chunks = chunks
        lineCount = KnownLines.lineCount(of: chunks)
    }

    /// Whether it pays to look for a line once so many have been parsed.
    func pays(parsedLines: Int) -> Bool { lineCount > 0 && parsedLines >= lineCount / Self.share }

    /// The line of this hash; nil where the chunks have none, or where fewer than one in 32 of their lines
    /// have been parsed.
    mutating func line(_ hash: UInt64, parsedLines: Int) -> KnownLines.Line? {
        guard pays(parsedLines: parsedLines) else { return nil }
        let lines = lines ?? KnownLines(chunks)
        self.lines = lines
        return lines.line(hash)
    }
}
