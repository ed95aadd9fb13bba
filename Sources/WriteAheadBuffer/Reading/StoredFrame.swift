public import MetricModel

/// A frame read back from the buffer, and where it stands.
public struct StoredFrame: Sendable {
    public let frame: Frame
    /// Its record; `sample` is above 0 when a part of it was consumed before.
    public let start: BufferPosition
    /// The start of the record after it: the position once all of it is consumed.
    public let end: BufferPosition
    /// Where the frame handed out before ended: whoever has answered for a beginning of this frame has
    /// answered for everything from here on.
    public internal(set) var lead: BufferPosition
    /// Samples that are not answered for, ascending: nearly always one range, from `start` to the end.
    public let open: [Range<Int>]
    /// When it was appended, by the monotonic clock; nil where it was read from the disk.
    public internal(set) var appendedNs: UInt64?

    public init(
        frame: Frame, start: BufferPosition, end: BufferPosition, lead: BufferPosition? = nil,
        open: [Range<Int>]? = nil
    ) {
        self.frame = frame
        self.start = start
        self.end = end
        self.lead = lead ?? start
        let count = frame.sampleCount
        self.open = open ?? [min(Int(start.sample), count)..<count]
    }

    /// An estimate of the memory that the frame's own arrays take: values, histograms, exemplars, start
    /// timestamps and timestamps of single samples.
    public var heldBytes: Int { HeldBytes.of(frame) }

    /// The place in the log up to which an answer for the samples before `sample` reaches.
    public func position(of sample: Int) -> BufferPosition { place.position(of: sample) }

    /// What of the log a request with these samples covers: from the lead on where they are the first open
    /// ones, up to the record's end where they are the last. `samples` is a part of an open range.
    public func cover(_ samples: Range<Int>) -> Range<BufferPosition> {
        let isFirst = samples.lowerBound == open.first?.lowerBound
        let from = isFirst ? min(lead, start) : position(of: samples.lowerBound)
        return from..<position(of: samples.upperBound)
    }

    /// Where all of the frame stands.
    public var place: FramePlace { FramePlace(start: start, end: end, sampleCount: frame.sampleCount) }

    /// The open samples in a range of the log, ascending.
    func samples(in range: Range<BufferPosition>) -> [Range<Int>] {
        let samples = place.samples(in: range)
        return open.map { $0.clamped(to: samples) }.filter { !$0.isEmpty }
    }
}

extension FrameReader {
    /// What one call of `next` found.
    enum Found: Sendable {
        /// A frame. `lost`: by job, samples that the ledger has before this frame and that cannot be read.
        case frame(StoredFrame, lost: [String: UInt64])
        /// Samples of a job that can be read, up to `at`: a counting reader's frame.
        case counted(job: String, samples: UInt64, lost: [String: UInt64], at: BufferPosition)
        /// Samples that are in the ledger and cannot be read, by job. What shows it ends at `at`: they are
        /// booked once a cursor stands there or behind, and found again by a reader that begins before.
        case lost([String: UInt64], at: BufferPosition)
        /// The tail.
        case nothing
    }
}
