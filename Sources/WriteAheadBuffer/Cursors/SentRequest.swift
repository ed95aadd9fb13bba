/// A request as the cursor notes it before it leaves, so that it can be made again after a crash, byte for
/// byte.
public struct SentRequest: Sendable, Equatable {
    /// Where its samples stand, in the order in which it holds them, which is that of the log: each span
    /// from one position up to another. Several frames that follow each other are one span.
    public var spans: [Range<BufferPosition>]
    /// What in the spans it leaves out.
    public var omissions: [BufferOmission]
    /// 1: remote write 1.0. 2: remote write 2.0.
    public var protocolVersion: UInt8
    /// A digest of everything in the configuration that changes the bytes of a request; 0 where nobody has
    /// told, as in version 2 of the format. With other options the samples are the same and the bytes may
    /// differ.
    public var options: UInt64
    /// The spans concern the frames of this lane of version 2 alone; nil: all of them.
    var lane: UInt32?

    public init(
        spans: [Range<BufferPosition>], omissions: [BufferOmission] = [], protocolVersion: UInt8 = 1,
        options: UInt64 = 0
    ) {
        self.spans = spans
        self.omissions = omissions
        self.protocolVersion = protocolVersion
        self.options = options
    }

    /// A request of one lane, as version 2 has left it.
    init(
        lane: Int, upTo end: BufferPosition, from start: BufferPosition, omissions: [BufferOmission] = [],
        protocolVersion: UInt8 = 1, options: UInt64 = 0
    ) {
        self.init(
            spans: [start..<max(start, end)], omissions: omissions, protocolVersion: protocolVersion,
            options: options)
        self.lane = UInt32(clamping: lane)
    }

    /// Whether these may be the spans of a request: each begins where the one before ends, or later.
    static func areInOrder(_ spans: [Range<BufferPosition>]) -> Bool {
        zip(spans, spans.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
    }

    /// The position behind its last sample.
    var end: BufferPosition? { spans.map(\.upperBound).max() }
}
