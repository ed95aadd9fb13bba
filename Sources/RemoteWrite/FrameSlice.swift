internal import MetricModel

/// What is still to be sent of one frame.
struct FrameSlice: Sendable {
    /// As `write_relabel_configs` leave it.
    let frame: Frame
    /// Series that they drop.
    let drops: SeriesDrops
    /// The record's start, its `sample` 0.
    let record: LanePosition
    /// Where the next record starts.
    let next: LanePosition
    /// Samples before this one are consumed.
    let from: Int
    /// One past the last sample this slice stands for.
    let to: Int
    /// The frame's `sampleCount`.
    let total: Int

    /// `views` are nil for a destination without rules. A frame that is not well-formed stays as it is.
    init(_ read: LaneFrame, views: WriteRelabelViews? = nil) {
        if let views, Self.isWellFormed(read.frame) {
            (frame, drops) = views.view(of: read.frame)
        } else {
            frame = read.frame
            drops = SeriesDrops()
        }
        record = LanePosition(segment: read.start.segment, offset: read.start.offset)
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
    var start: LanePosition { position(of: from) }

    /// The samples before and after `sample`.
    func part(from: Int, to: Int) -> FrameSlice { FrameSlice(self, from: from, to: to) }

    /// Where the lane stands once the samples before `sample` are consumed.
    func position(of sample: Int) -> LanePosition {
        sample >= total
            ? next : LanePosition(segment: record.segment, offset: record.offset, sample: UInt32(sample))
    }

    /// How many of the frame's samples lie before `position`.
    func samples(before position: LanePosition) -> Int {
        if position >= next { return total }
        if position.segment == record.segment, position.offset == record.offset {
            return min(Int(position.sample), total)
        }
        return position < record ? 0 : total
    }

    /// Where `omissions` lie in this frame.
    func runs(of omissions: [LaneOmission]) -> [LeftOutSeries.Run] {
        omissions.filter { $0.start.segment == record.segment && $0.start.offset == record.offset }.map {
            let first = min(Int($0.start.sample), total)
            return LeftOutSeries.Run(
                samples: first..<min(first + Int($0.count), total), reason: $0.reason, isDue: false)
        }
    }

    /// Whether the target has every label that the layout and the departed series name. Scrape and buffer
    /// keep this; a frame that does not is dropped with a count rather than trusted.
    var isWellFormed: Bool { Self.isWellFormed(frame) }

    private static func isWellFormed(_ frame: Frame) -> Bool {
        let labels = frame.target.labels.count
        return frame.layout.chunks.allSatisfy { $0.targetLabelBound <= labels }
            && frame.departed.allSatisfy { departed in
                departed.chunk.targetLabelBound <= labels
                    && departed.series.allSatisfy { $0 < departed.chunk.seriesCount }
            }
            && ascends(frame.absent, frame) && ascends(frame.explicitTimestamps.map(\.series), frame)
    }

    private static func ascends(_ ordinals: [UInt32], _ frame: Frame) -> Bool {
        zip(ordinals, ordinals.dropFirst()).allSatisfy { $0 < $1 }
            && ordinals.last.map { $0 < frame.layout.seriesCount } ?? true
    }
}
