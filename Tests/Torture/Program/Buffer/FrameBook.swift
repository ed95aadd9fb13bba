import MetricModel

/// The frames of a run in the order in which they were appended, and the numbers of their samples. A frame is
/// known again by its timestamp, which no other one has.
struct FrameBook: Sendable {
    private struct Entry: Sendable {
        let frame: Frame
        /// The number of its first sample.
        let first: Int
        /// Where it was appended; 0 before.
        var segment: UInt64 = 0
    }

    private var entries: [Entry] = []
    private var ids: [Int64: Int] = [:]
    private var sampleCount = 0

    var count: Int { entries.count }
    var jobs: [String] { Set(entries.map(\.frame.target.job)).sorted() }

    /// The frame's id: they are counted from 0.
    mutating func add(_ frame: Frame) -> Int {
        precondition(ids[frame.timestampMs] == nil, "a timestamp is one frame's")
        ids[frame.timestampMs] = entries.count
        entries.append(Entry(frame: frame, first: sampleCount))
        sampleCount += frame.sampleCount
        return entries.count - 1
    }

    mutating func place(_ id: Int, segment: UInt64) { entries[id].segment = segment }

    subscript(id: Int) -> Frame { entries[id].frame }

    func id(of frame: Frame) -> Int? { ids[frame.timestampMs] }

    func job(of id: Int) -> String { entries[id].frame.target.job }

    /// The numbers of all samples of a frame.
    func samples(of id: Int) -> Range<Int> {
        entries[id].first..<entries[id].first + entries[id].frame.sampleCount
    }

    /// The numbers of some samples of a frame, which are given as the buffer counts them.
    func samples(of id: Int, _ part: Range<Int>) -> Range<Int> {
        entries[id].first + part.lowerBound..<entries[id].first + part.upperBound
    }

    /// The frames that were appended to a segment, in their order.
    func frames(inSegment number: UInt64) -> [Int] {
        entries.indices.filter { entries[$0].segment == number }
    }

    func samples(inSegment number: UInt64) -> SampleSet {
        var samples = SampleSet()
        for id in entries.indices where entries[id].segment == number { samples.insert(self.samples(of: id)) }
        return samples
    }

    /// How many of the samples each job has; jobs without any are left out.
    func counts(_ samples: SampleSet) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for id in entries.indices {
            let count = samples.count(in: self.samples(of: id))
            if count > 0 { counts[job(of: id), default: 0] += UInt64(count) }
        }
        return counts
    }

    /// The first of the samples, for a sentence.
    func place(of samples: SampleSet) -> String {
        guard let first = samples.first, let id = entries.lastIndex(where: { $0.first <= first }) else {
            return "none"
        }
        return "sample \(first - entries[id].first) of frame \(id) in segment \(entries[id].segment), "
            + "\(samples.count) in all"
    }

    /// In what a frame that was read differs from the one that was appended; nil where they are equal bit for
    /// bit.
    func difference(_ read: Frame, from id: Int) -> String? {
        let frame = entries[id].frame
        if read.target.job != frame.target.job { return "the job" }
        if read.target.labels != frame.target.labels { return "the target's labels" }
        if read.timestampMs != frame.timestampMs { return "the timestamp" }
        let areValuesEqual = read.values.elementsEqual(frame.values) { $0.bitPattern == $1.bitPattern }
        if !areValuesEqual { return "the values" }
        if !Self.areEqual(read.layout.chunks, frame.layout.chunks) { return "the layout" }
        if read.explicitTimestamps != frame.explicitTimestamps { return "explicit timestamps" }
        if read.absent != frame.absent { return "absent series" }
        let (departed, gone) = (read.departed, frame.departed)
        if !Self.areEqual(departed.map(\.chunk), gone.map(\.chunk)) { return "departed chunks" }
        if departed.map(\.series) != gone.map(\.series) { return "departed series" }
        if read.histograms != frame.histograms { return "histograms" }
        if read.exemplars != frame.exemplars { return "exemplars" }
        return read.startTimestamps != frame.startTimestamps ? "start timestamps" : nil
    }

    private static func areEqual(_ left: [LayoutChunk], _ right: [LayoutChunk]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { $0.hasSameContent(as: $1) }
    }
}
