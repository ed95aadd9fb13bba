internal import MetricModel
internal import WriteAheadBuffer

/// What is still to be sent of one frame.
struct FrameSlice: Sendable {
    /// As `write_relabel_configs` leave it.
    let frame: Frame
    /// Series that they drop, and whether they remove labels of the target.
    let drops: SeriesDrops
    /// Where all of the frame stands.
    let place: FramePlace
    /// The start of the frame's record.
    var record: BufferPosition { place.start }
    /// Samples before this one are consumed.
    let from: Int
    /// One past the last sample this slice stands for.
    let to: Int
    /// The frame's layout states a series twice.
    let repeatsSeries: Bool
    /// Where the part of the log begins that an answer for this slice covers.
    private let lead: BufferPosition
    /// The charge for the frame's memory; all parts of a frame share it.
    private let held: HeldFrame?

    /// `views` are nil for a destination without rules. `samples` are a part of what is open of the frame;
    /// nil stands for all from its start on.
    init(
        _ read: StoredFrame, samples: Range<Int>? = nil, views: WriteRelabelViews? = nil,
        repeatsSeries: Bool = false, held: HeldFrame? = nil
    ) {
        self.repeatsSeries = repeatsSeries
        self.held = held
        if let views {
            (frame, drops) = views.view(of: read.frame)
        } else {
            frame = read.frame
            drops = SeriesDrops()
        }
        place = read.place
        let samples = samples ?? place.samples(before: read.start)..<place.sampleCount
        from = samples.lowerBound
        to = samples.upperBound
        lead = read.cover(samples).lowerBound
    }

    private init(_ slice: FrameSlice, from: Int, to: Int) {
        frame = slice.frame
        drops = slice.drops
        place = slice.place
        repeatsSeries = slice.repeatsSeries
        held = slice.held
        self.from = from
        self.to = to
        lead = from == slice.from ? slice.lead : slice.position(of: from)
    }

    var sampleCount: Int { to - from }
    /// An estimate of what a request's body takes with it.
    var bodyBytes: Int { held?.bodyBytes(samples: sampleCount) ?? 0 }
    var start: BufferPosition { position(of: from) }
    /// The part of the log that an answer for it covers.
    var cover: Range<BufferPosition> { lead..<max(lead, position(of: to)) }

    /// A part of it: the samples from `from` up to `to`.
    func part(from: Int, to: Int) -> FrameSlice { FrameSlice(self, from: from, to: to) }

    /// The position in the log behind the samples before number `sample`.
    func position(of sample: Int) -> BufferPosition { place.position(of: sample) }

    /// How many of the frame's samples lie before `position`.
    func samples(before position: BufferPosition) -> Int { place.samples(before: position) }

    /// Where `omissions` lie in this frame.
    func runs(of omissions: [BufferOmission]) -> [LeftOutSeries.Run] {
        omissions.filter { $0.start.segment == record.segment && $0.start.offset == record.offset }.map {
            let first = place.samples(before: $0.start)
            return LeftOutSeries.Run(
                samples: first..<min(first + Int($0.count), place.sampleCount), reason: $0.reason,
                isDue: false)
        }
    }

    /// The parts of the log that answers for these slices cover; parts that touch are joined.
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
