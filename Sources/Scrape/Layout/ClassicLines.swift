import MetricModel

/// What reading with conversion gives beside the columns.
struct ClassicOutcome {
    var histograms: [Frame.Histogram] = []
    /// Series of histograms whose parts contradict each other: they have no sample. Ascending.
    var unconverted: [UInt32] = []
    /// Lines that went into histograms, less the histograms made: samples that there are fewer of than lines.
    var foldedLines = 0
}

/// Makes the series of a chunk with classic histograms to convert out of its lines. Runs once for each such
/// chunk and scrape; other chunks never come here.
struct ClassicLines {
    private let chunk: TemplateChunk
    /// A value for each line.
    private let lines: ArraySlice<Double>
    private let start: UInt32
    private let timestamps: ArraySlice<Frame.ExplicitTimestamp>
    private let exemplars: ArraySlice<ScrapedExemplar>
    private var nextTimestamp: Int
    private var nextExemplar: Int

    /// Replaces what was read of the chunk's lines since `mark` by what its series have.
    static func fold(
        _ chunk: TemplateChunk, since mark: DroppedLines.Mark, values: inout [Double],
        timestamps: inout [Frame.ExplicitTimestamp], exemplars: inout [ScrapedExemplar],
        into outcome: inout ClassicOutcome
    ) {
        // Copies of the chunk's part, so that the lists themselves change in their places.
        var fold = ClassicLines(
            chunk: chunk, lines: ArraySlice(Array(values[mark.values...])), start: UInt32(mark.values),
            timestamps: ArraySlice(Array(timestamps[mark.timestamps...])),
            exemplars: ArraySlice(Array(exemplars[mark.exemplars...])))
        values.removeLast(values.count - mark.values)
        timestamps.removeLast(timestamps.count - mark.timestamps)
        exemplars.removeLast(exemplars.count - mark.exemplars)
        fold.run(&values, &timestamps, &exemplars, &outcome)
    }

    private init(
        chunk: TemplateChunk, lines: ArraySlice<Double>, start: UInt32,
        timestamps: ArraySlice<Frame.ExplicitTimestamp>, exemplars: ArraySlice<ScrapedExemplar>
    ) {
        self.chunk = chunk
        self.lines = lines
        self.start = start
        self.timestamps = timestamps
        self.exemplars = exemplars
        nextTimestamp = timestamps.startIndex
        nextExemplar = exemplars.startIndex
    }

    private mutating func run(
        _ values: inout [Double], _ timestamps: inout [Frame.ExplicitTimestamp],
        _ exemplars: inout [ScrapedExemplar], _ outcome: inout ClassicOutcome
    ) {
        let groups = chunk.groups
        let dropped = chunk.droppedLines
        var nextGroup = 0
        var nextDropped = 0
        outcome.foldedLines += chunk.foldedLines - groups.count
        for line in UInt32(0)..<UInt32(lines.count) {
            if nextGroup < groups.count, groups[nextGroup].first == line {
                append(groups[nextGroup], &values, &timestamps, &exemplars, &outcome)
                nextGroup += 1
            }
            let isPart =
                nextGroup > 0 && line <= groups[nextGroup - 1].last
                && !groups[nextGroup - 1].isStranger(line)
            let series = UInt32(values.count)
            let isDropped = nextDropped < dropped.count && dropped[nextDropped] == line
            if isDropped { nextDropped += 1 } else { values.append(lines[Int(line)]) }
            while nextTimestamp < self.timestamps.endIndex,
                self.timestamps[nextTimestamp].series - start == line
            {
                if !isDropped {
                    timestamps.append(
                        .init(series: series, timestampMs: self.timestamps[nextTimestamp].timestampMs))
                }
                nextTimestamp += 1
            }
            while nextExemplar < self.exemplars.endIndex, self.exemplars[nextExemplar].series - start == line
            {
                // A part's exemplar is the histogram's, whether the classic series is kept or not.
                if !isDropped, !isPart {
                    exemplars.append(.init(series: series, exemplar: self.exemplars[nextExemplar].exemplar))
                }
                nextExemplar += 1
            }
        }
    }

    private func append(
        _ group: ClassicGroup, _ values: inout [Double], _ timestamps: inout [Frame.ExplicitTimestamp],
        _ exemplars: inout [ScrapedExemplar], _ outcome: inout ClassicOutcome
    ) {
        guard group.series != nil else { return }
        let series = UInt32(values.count)
        // The time that the histogram's last line has.
        if let time = self.timestamps[nextTimestamp...].first(where: { $0.series - start >= group.last }),
            time.series - start == group.last
        {
            timestamps.append(.init(series: series, timestampMs: time.timestampMs))
        }
        guard let histogram = group.histogram(lines) else {
            values.append(0)
            outcome.unconverted.append(series)
            outcome.foldedLines += 1
            return
        }
        values.append(histogram.sum)
        outcome.histograms.append(.init(series: series, histogram: histogram))
        guard nextExemplar < self.exemplars.endIndex else { return }
        // Without a time of its own an exemplar of a native histogram is left out (prometheus/scrape).
        var own: [ScrapedExemplar] = []
        for found in self.exemplars[nextExemplar...] {
            let line = found.series - start
            if line > group.last { break }
            if found.exemplar.timestampMs != nil, !group.isStranger(line) {
                own.append(.init(series: series, exemplar: found.exemplar, isOfHistogram: true))
            }
        }
        exemplars += own.sorted { ($0.exemplar.timestampMs ?? 0) < ($1.exemplar.timestampMs ?? 0) }
    }
}
