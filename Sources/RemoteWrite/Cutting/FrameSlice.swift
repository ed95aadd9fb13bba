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

    /// `views` are nil for a destination without rules.
    init(_ read: StoredFrame, views: WriteRelabelViews? = nil) {
        if let views {
            (frame, drops) = views.view(of: read.frame)
        } else {
            frame = read.frame
            drops = SeriesDrops()
        }
        record = BufferPosition(segment: read.start.segment, offset: read.start.offset)
        next = read.end
        total = read.frame.sampleCount
        from = min(Int(read.start.sample), total)
        to = total
    }

    private init(_ slice: FrameSlice, from: Int, to: Int) {
        frame = slice.frame
        drops = slice.drops
        record = slice.record
        next = slice.next
        total = slice.total
        self.from = from
        self.to = to
    }

    var sampleCount: Int { to - from }
    var start: BufferPosition { position(of: from) }

    /// The samples before and after `sample`.
    func part(from: Int, to: Int) -> FrameSlice { FrameSlice(self, from: from, to: to) }

    /// Where the lane stands once the samples before `sample` are consumed.
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
}
