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
            guard let series, !chunk.exclusions.isEmpty else { return [] }
            return chunk.exclusions.first { Int($0.series) == series }?.targetLabels ?? []
        }
    }

    private var table: SeriesTable
    private var chunks: [TemplateChunk] = []
    /// For each of `chunks` the number of its first line.
    private var firstLines: [Int] = []

    /// Chunks whose lines have more or fewer series than one each are left out, and those with a series that
    /// a rule of the job refused.
    init(_ chunks: [TemplateChunk]) {
        table = SeriesTable(capacity: chunks.reduce(0) { $0 + $1.lineCount })
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

    private static func takes(_ chunk: TemplateChunk) -> Bool {
        chunk.groups.isEmpty && chunk.starts.isEmpty && chunk.createdLines == 0 && chunk.refused.isEmpty
            && chunk.refusal == nil && chunk.lineCount - chunk.droppedLines.count == chunk.seriesCount
    }

    /// The line of this hash; nil where the chunks have none.
    func line(_ hash: UInt64) -> Line? {
        guard let number = table.number(of: hash).map({ Int($0) }) else { return nil }
        var (low, high) = (0, chunks.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if firstLines[middle] <= number { low = middle } else { high = middle }
        }
        let chunk = chunks[low]
        let line = number - firstLines[low]
        return Line(chunk: chunk, length: chunk.lengths[line], series: Self.series(of: line, in: chunk))
    }

    private static func series(of line: Int, in chunk: TemplateChunk) -> Int? {
        let dropped = chunk.droppedLines
        if dropped.isEmpty { return line }
        var (low, high) = (0, dropped.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(dropped[middle]) < line { low = middle + 1 } else { high = middle }
        }
        return low < dropped.count && Int(dropped[low]) == line ? nil : line - low
    }
}

/// The same, made once it pays: a table of all lines costs more than it saves where a few of very many have
/// changed.
struct LazyKnownLines {
    /// The table is made once one in so many lines has been parsed.
    private static let share = 32

    private let chunks: [TemplateChunk]
    private let lineCount: Int
    private var lines: KnownLines?

    init(_ chunks: [TemplateChunk]) {
        self.chunks = chunks
        lineCount = chunks.reduce(0) { $0 + $1.lineCount }
    }

    /// The line of this hash; nil where the chunks have none, or where fewer than one in 32 lines have been
    /// parsed.
    mutating func line(_ hash: UInt64, parsedLines: Int) -> KnownLines.Line? {
        if lines == nil {
            guard lineCount > 0, parsedLines >= lineCount / Self.share else { return nil }
            lines = KnownLines(chunks)
        }
        return lines?.line(hash)
    }
}
