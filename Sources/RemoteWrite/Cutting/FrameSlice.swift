internal import MetricModel
internal import WriteAheadBuffer

/// What is still to be sent of one frame.
struct FrameSlice: Sendable {
    /// As `write_relabel_configs` leave it.
    let frame: Frame
    /// Series that they drop.
    let drops: SeriesDrops
    /// The record's start, its `sample` 0.
    let record: BufferPosition
    /// Where the next record starts.
    let next: BufferPosition
    /// Samples before this one are consumed.
    let from: Int
    /// One past the last sample this slice stands for.
    let to: Int
    /// The frame's `sampleCount`.
    let total: Int
    /// The frame's layout states a series twice.
    let repeatsSeries: Bool
    /// Where in the log its answer reaches back to.
    private let lead: BufferPosition

    /// `views` are nil for a destination without rules. `samples` are a part of what is open of the frame;
    /// nil stands for all from its start on.
    init(
        _ read: StoredFrame, samples: Range<Int>? = nil, views: WriteRelabelViews? = nil,
        repeatsSeries: Bool = false
    ) {
        self.repeatsSeries = repeatsSeries
        if let views {
            (frame, drops) = views.view(of: read.frame)
        } else {
            frame = read.frame
            drops = SeriesDrops()
        }
        record = BufferPosition(segment: read.start.segment, offset: read.start.offset)
        next = read.end
        total = read.frame.sampleCount
        let samples = samples ?? min(Int(read.start.sample), total)..<total
        from = samples.lowerBound
        to = samples.upperBound
        lead = read.cover(samples).lowerBound
    }

    private init(_ slice: FrameSlice, from: Int, to: Int) {
        frame = slice.frame
        drops = slice.drops
        record = slice.record
        next = slice.next
        total = slice.total
        repeatsSeries = slice.repeatsSeries
        self.from = from
        self.to = to
        lead = from == slice.from ? slice.lead : slice.position(of: from)
    }

    var sampleCount: Int { to - from }
    var start: BufferPosition { position(of: from) }
    /// What of the log an answer for it covers.
    var cover: Range<BufferPosition> { lead..<max(lead, position(of: to)) }

    /// The samples before and after `sample`.
    func part(from: Int, to: Int) -> FrameSlice { FrameSlice(self, from: from, to: to) }

    /// Where the log stands once the samples before `sample` are consumed.
    func position(of sample: Int) -> BufferPosition {
        sample >= total
            ? next : BufferPosition(segment: record.segment, offset: record.offset, sample: UInt32(sample))
    }

    /// How many of the frame's samples lie before `position`.
    func samples(before position: BufferPosition) -> Int {
        if position >= next { return total }
        if position.segment == record.segment, position.offset == record.offset {
            return min(Int(position.sample), total)
        }
        return position < record ? 0 : total
    }

    /// Where `omissions` lie in this frame.
    func runs(of omissions: [BufferOmission]) -> [LeftOutSeries.Run] {
        omissions.filter { $0.start.segment == record.segment && $0.start.offset == record.offset }.map {
            let first = min(Int($0.start.sample), total)
            return LeftOutSeries.Run(
                samples: first..<min(first + Int($0.count), total), reason: $0.reason, isDue: false)
        }
    }

    /// What of the log answers for these cover; neighbours are one range.
    static func covers(_ slices: ArraySlice<FrameSlice>) -> [Range<BufferPosition>] {
        var covers: [Range<BufferPosition>] = []
        for cover in slices.lazy.map(\.cover) where !cover.isEmpty {
            if let last = covers.last, last.upperBound == cover.lowerBound {
                covers[covers.count - 1] = last.lowerBound..<cover.upperBound
            } else {
                covers.append(cover)
            }
        }
        return covers
    }
}
