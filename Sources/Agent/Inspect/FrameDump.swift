import JSON
import MetricModel
import Platform
import WriteAheadBuffer

/// Frames of a buffer with their labels and values, written piece by piece: a frame may have millions of
/// samples.
struct FrameDump {
    /// What is gathered before it is written.
    private static let pieceBytes = 65_536
    /// So many frames beyond the limit are looked at, to tell how many more there are: a buffer may have
    /// many gigabytes of them.
    private static let mostBeyond = 10_000

    let isJSON: Bool
    let job: String?
    /// The most frames.
    let limit: Int
    /// Why it could not be written.
    private(set) var failure: AgentError?
    private var text = ""
    private var frames = 0
    /// Frames beyond the limit, of any job, and those of them that would be shown.
    private var beyond = 0
    private var moreFrames = 0

    init(isJSON: Bool, job: String?, limit: Int) {
        self.isJSON = isJSON
        self.job = job
        self.limit = limit
    }

    private var hasCountedAll: Bool { beyond < Self.mostBeyond }

    /// Whether there was any frame.
    var hasFrames: Bool { frames > 0 }

    /// Writes the frames, how many more there are, and what is wrong with what was read. False where
    /// something could not be read.
    mutating func run(
        _ inspection: BufferInspection, from place: BufferPosition,
        _ write: (String) throws(AgentError) -> Void
    ) throws(FileError) -> Bool {
        text = isJSON ? #"{"frames":["# : ""
        let findings = try inspection.frames(from: place) { stored in
            let isOfJob = job == nil || stored.frame.target.job == job
            guard frames < limit else {
                beyond += 1
                if isOfJob { moreFrames += 1 }
                return beyond < Self.mostBeyond
            }
            guard isOfJob else { return true }
            do throws(AgentError) {
                try put(stored, write)
                guard frames == limit else { return true }
                // The others are only counted, which may take long.
                try write(text)
                text = ""
                return true
            } catch {
                failure = error
                return false
            }
        }
        if isJSON {
            text += "],\"moreFrames\":\(moreFrames),\"hasCountedAll\":\(hasCountedAll),\"findings\":"
            JSONValue.array(findings.map(\.json)).write(to: &text)
            text += "}\n"
        } else {
            if !hasCountedAll {
                text += "… at least \(moreFrames.counted("more frame")): --limit=0 shows all\n"
            } else if moreFrames > 0 {
                let them = moreFrames == 1 ? "it" : "them"
                text += "… \(moreFrames.counted("more frame")): --limit=0 shows \(them)\n"
            }
            let isHeld = inspection.process != nil
            for finding in findings { text += finding.line(isHeld: isHeld) }
        }
        do throws(AgentError) {
            if failure == nil { try write(text) }
        } catch {
            failure = error
        }
        return !findings.contains { $0.what == .unreadable }
    }

    private mutating func put(
        _ stored: StoredFrame, _ write: (String) throws(AgentError) -> Void
    ) throws(AgentError) {
        let frame = stored.frame
        if isJSON {
            text += frames == 0 ? "\n" : ",\n"
            var head = JSONValue.object([
                "segment": .integer(stored.start.segment), "offset": .integer(stored.start.offset),
                "bytes": .integer(stored.end.offset - stored.start.offset),
                "job": .string(frame.target.job), "target": .labels(frame.target.labels),
                "timestampMs": .integer(frame.timestampMs),
            ]).text()
            head.removeLast()
            text += head + #","samples":["#
        } else {
            text +=
                VisibleText.shown(
                    "\(stored.start) \(Timestamp.text(ms: frame.timestampMs)) job \(frame.target.job), "
                        + "\(frame.sampleCount) samples of \(frame.target.labels)") + "\n"
        }
        frames += 1
        var isFirst = true
        var sides = SampleSides(frame)
        func add(_ labels: LabelSet?, _ value: Double, _ side: SampleSides.Of) throws(AgentError) {
            if isJSON {
                if !isFirst { text += "," }
                side.json(labels, value).write(to: &text)
            } else {
                text += "  " + VisibleText.shown(side.line(labels, value)) + "\n"
            }
            isFirst = false
            guard text.utf8.count >= Self.pieceBytes else { return }
            try write(text)
            text = ""
        }
        for ordinal in 0..<frame.layout.seriesCount {
            guard let side = sides.next(UInt32(ordinal)) else { continue }
            let labels = frame.layout.labels(ofSeries: ordinal, target: frame.target)
            try add(labels, frame.values[ordinal], side)
        }
        for group in frame.departed {
            for series in group.series {
                let labels = group.chunk.labels(ofSeries: Int(series), target: frame.target)
                try add(labels, StaleMarker.value, SampleSides.Of())
            }
        }
        if isJSON { text += "]}" }
    }
}

/// What stands beside the samples of a frame, met in their order.
private struct SampleSides {
    /// What stands beside one.
    struct Of {
        var timestampMs: Int64?
        var startMs: Int64?
        var histogram: NativeHistogram?
        var exemplars: [Exemplar] = []

        func json(_ labels: LabelSet?, _ value: Double) -> JSONValue {
            let shown = exemplars.map { exemplar in
                JSONValue.object([
                    "labels": .labels(exemplar.labels), "value": .double(exemplar.value),
                    "timestampMs": exemplar.timestampMs.map { .integer($0) },
                ])
            }
            return .object([
                "labels": labels.map { .labels($0) },
                "value": StaleMarker.isStale(value) ? .string("stale") : .double(value),
                "timestampMs": timestampMs.map { .integer($0) }, "startMs": startMs.map { .integer($0) },
                "histogram": histogram.map { .string($0.summary) },
                "exemplars": shown.isEmpty ? nil : .array(shown),
            ])
        }

        func line(_ labels: LabelSet?, _ value: Double) -> String {
            let shown = StaleMarker.isStale(value) ? "stale" : value.isNaN ? "NaN" : "\(value)"
            var line = labels.map { "\($0)" } ?? "labels that cannot be read"
            line += " " + (histogram?.summary ?? shown)
            if let timestampMs { line += " @\(timestampMs)" }
            if let startMs { line += " since \(startMs)" }
            for exemplar in exemplars { line += " # \(exemplar.labels) \(exemplar.value)" }
            return line
        }
    }

    private var absent: ArraySlice<UInt32>
    private var timestamps: ArraySlice<Frame.ExplicitTimestamp>
    private var starts: ArraySlice<Frame.StartTimestamp>
    private var histograms: ArraySlice<Frame.Histogram>
    private var exemplars: ArraySlice<Frame.SeriesExemplar>

    init(_ frame: Frame) {
        absent = frame.absent[...]
        timestamps = frame.explicitTimestamps[...]
        starts = frame.startTimestamps[...]
        histograms = frame.histograms[...]
        exemplars = frame.exemplars[...]
    }

    /// Of the series behind the one before; nil where it has no sample.
    mutating func next(_ series: UInt32) -> Of? {
        var side = Of()
        if timestamps.first?.series == series { side.timestampMs = timestamps.popFirst()?.timestampMs }
        if starts.first?.series == series { side.startMs = starts.popFirst()?.timestampMs }
        if histograms.first?.series == series { side.histogram = histograms.popFirst()?.histogram }
        while exemplars.first?.series == series, let next = exemplars.popFirst() {
            side.exemplars.append(next.exemplar)
        }
        guard absent.first == series else { return side }
        absent.removeFirst()
        return nil
    }
}

extension NativeHistogram {
    /// In a few words.
    var summary: String {
        let count =
            switch counts {
            case .integer(let count, _, _, _): "\(count)"
            case .float(let count, _, _, _): "\(count)"
            }
        return "histogram (schema \(schema), \(bucketCount) buckets, count \(count), sum \(sum))"
    }
}
