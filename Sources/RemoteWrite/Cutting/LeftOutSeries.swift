internal import MetricModel
internal import Platform
internal import WriteAheadBuffer

/// The series of one destination that are left out of requests for a while, as the receiver refuses a whole
/// request for each of them.
///
/// Nothing is done for a frame whose target has no such series. For one that has, they are looked for once
/// for each layout.
struct LeftOutSeries: Sendable {
    /// A run of a frame's samples, counted as `BufferPosition.sample`, that are left out or tried again.
    struct Run: Equatable, Sendable {
        var samples: Range<Int>
        let reason: String
        /// The time is over: they may be tried again.
        let isDue: Bool
    }

    private struct Entry: Sendable {
        var untilNs: UInt64
        /// It is sent again from then on, although nobody has tried it again.
        var forgottenNs: UInt64
        var reason: String
    }

    /// Where the series of one target stand in a layout.
    private struct Found: Sendable {
        let layout: Layout
        /// Ordinals in the layout, ascending.
        let ordinals: [(ordinal: Int, key: UInt64)]
    }

    private struct Series: Sendable {
        var entries: [UInt64: Entry] = [:]
        var found: Found?
        /// Of `changes`, when the entries changed last.
        var changed: UInt64 = 0
    }

    /// By the target's id.
    private var targets: [UInt64: Series] = [:]
    /// How many series there are.
    private(set) var count = 0
    private var changes: UInt64 = 0
    /// Something was looked for since this was copied.
    private(set) var hasFound = false
    /// Nothing is forgotten before.
    private var forgetsFirstNs = UInt64.max

    /// More than this are not left out: their requests are refused as they are.
    static let most = 10_000
    /// A series that could not be tried again, or never came again, is forgotten so long after its time,
    static let forgottenAfterNs: UInt64 = 600_000_000_000
    /// and one of several among which the receiver refuses one: most of these are good.
    static let suspectForgottenAfterNs: UInt64 = 60_000_000_000

    var isEmpty: Bool { targets.isEmpty }

    /// The runs of `frame`, in order. The frame must be well-formed.
    mutating func runs(of frame: Frame, _ nowNs: UInt64) -> [Run] {
        guard var series = targets[frame.target.id] else { return [] }
        if !(series.found.map { $0.layout.isIdentical(to: frame.layout) } ?? false) {
            series.found = Self.find(series.entries, frame)
            targets[frame.target.id] = series
            hasFound = true
        }
        var runs: [Run] = []
        var absentIndex = 0
        for (ordinal, key) in series.found?.ordinals ?? [] {
            while absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) < ordinal {
                absentIndex += 1
            }
            if absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) == ordinal { continue }
            if let entry = series.entries[key], nowNs < entry.forgottenNs {
                Self.add(ordinal - absentIndex, entry, nowNs, to: &runs)
            }
        }
        var sample = frame.values.count - frame.absent.count
        for departed in frame.departed {
            for ordinal in departed.series {
                if let entry = series.entries[departed.chunk.seriesHash(Int(ordinal))],
                    nowNs < entry.forgottenNs
                {
                    Self.add(sample, entry, nowNs, to: &runs)
                }
                sample += 1
            }
        }
        return runs
    }

    /// From now on until `untilNs` the series of these samples are left out, but for those beyond `most`.
    /// `isFound`: there is one, and it is known.
    mutating func leaveOut(
        _ samples: Range<Int>, of frame: Frame, reason: String, untilNs: UInt64, isFound: Bool
    ) {
        let forgottenNs = untilNs + (isFound ? Self.forgottenAfterNs : Self.suspectForgottenAfterNs)
        var series = targets[frame.target.id] ?? Series()
        for key in Self.keys(samples, of: frame) {
            if series.entries[key] == nil {
                guard count < Self.most else { continue }
                count += 1
            }
            series.entries[key] = Entry(untilNs: untilNs, forgottenNs: forgottenNs, reason: reason)
        }
        change(&series)
        guard !series.entries.isEmpty else { return }
        targets[frame.target.id] = series
        forgetsFirstNs = min(forgetsFirstNs, forgottenNs)
    }

    /// The receiver took these samples: their series are sent again from now on.
    mutating func forgive(_ samples: Range<Int>, of frame: Frame) {
        guard var series = targets[frame.target.id] else { return }
        for key in Self.keys(samples, of: frame) where series.entries.removeValue(forKey: key) != nil {
            count -= 1
        }
        change(&series)
        targets[frame.target.id] = series.entries.isEmpty ? nil : series
    }

    /// Forgets the series whose time was over long ago. It costs nothing while there is none.
    mutating func forgetOld(_ nowNs: UInt64) {
        guard nowNs >= forgetsFirstNs else { return }
        forgetsFirstNs = .max
        for (id, series) in targets {
            let kept = series.entries.filter { $0.value.forgottenNs > nowNs }
            forgetsFirstNs = kept.values.reduce(forgetsFirstNs) { min($0, $1.forgottenNs) }
            guard kept.count < series.entries.count else { continue }
            count -= series.entries.count - kept.count
            var series = Series(entries: kept)
            change(&series)
            targets[id] = kept.isEmpty ? nil : series
        }
    }

    private mutating func change(_ series: inout Series) {
        changes += 1
        series.changed = changes
        series.found = nil
    }

    /// Takes over where the series stand, as a copy of this has found it: else every request would look
    /// for them anew in layouts that are known.
    mutating func learn(from copy: LeftOutSeries) {
        for (id, series) in copy.targets where targets[id]?.changed == series.changed {
            if let found = series.found { targets[id]?.found = found }
        }
    }

    /// The labels of the series at `sample`, for the log; empty when they cannot be read.
    static func name(_ sample: Int, of frame: Frame) -> String {
        guard let place = places(sample..<sample + 1, of: frame).first,
            let labels = place.chunk.labels(ofSeries: place.series, target: frame.target)
        else { return "" }
        return "\(labels)"
    }

    private static func add(_ sample: Int, _ entry: Entry, _ nowNs: UInt64, to runs: inout [Run]) {
        let isDue = nowNs >= entry.untilNs
        if let last = runs.last, last.samples.upperBound == sample, last.isDue == isDue,
            last.reason == entry.reason
        {
            runs[runs.count - 1].samples = last.samples.lowerBound..<sample + 1
        } else {
            runs.append(Run(samples: sample..<sample + 1, reason: entry.reason, isDue: isDue))
        }
    }

    private static func find(_ entries: [UInt64: Entry], _ frame: Frame) -> Found {
        var ordinals: [(ordinal: Int, key: UInt64)] = []
        for (index, chunk) in frame.layout.chunks.enumerated() {
            for series in 0..<chunk.seriesCount {
                let key = chunk.seriesHash(series)
                if entries[key] != nil { ordinals.append((Int(frame.layout.starts[index]) + series, key)) }
            }
        }
        return Found(layout: frame.layout, ordinals: ordinals)
    }

    private static func keys(_ samples: Range<Int>, of frame: Frame) -> [UInt64] {
        places(samples, of: frame).map { $0.chunk.seriesHash($0.series) }
    }

    /// For each of the samples the chunk, and the ordinal in it, of its series.
    private static func places(
        _ samples: Range<Int>, of frame: Frame
    ) -> [(chunk: LayoutChunk, series: Int)] {
        var places: [(chunk: LayoutChunk, series: Int)] = []
        let present = frame.values.count - frame.absent.count
        if samples.lowerBound < present {
            let last = min(samples.upperBound, present)
            var walk = FrameWalk(frame, from: samples.lowerBound, count: 0)
            var absentIndex = frame.absent.firstIndex { Int($0) > walk.ordinal } ?? frame.absent.count
            for _ in samples.lowerBound..<last {
                while absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) == walk.ordinal {
                    walk.ordinal += 1
                    absentIndex += 1
                }
                let index = frame.layout.chunkIndex(ofSeries: walk.ordinal)
                guard index < frame.layout.chunks.count else { return places }
                places.append((frame.layout.chunks[index], walk.ordinal - Int(frame.layout.starts[index])))
                walk.ordinal += 1
            }
        }
        var first = present
        for departed in frame.departed {
            let end = first + departed.series.count
            for sample in samples.clamped(to: first..<end) {
                places.append((departed.chunk, Int(departed.series[sample - first])))
            }
            first = end
        }
        return places
    }
}
