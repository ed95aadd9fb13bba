/// What a buffer's files hold, as `BufferInspection` finds it.
public struct BufferSurvey: Sendable {
    /// Frames of a job or of a segment.
    public struct Amount: Sendable, Equatable {
        public internal(set) var frames: UInt64 = 0
        public internal(set) var samples: UInt64 = 0
        /// Of the frames' records; of one that is answered for in part, of all of it.
        public internal(set) var bytes: UInt64 = 0
        /// Their lowest and highest timestamps, in milliseconds since 1970; nil without frames.
        public internal(set) var oldestMs: Int64?
        public internal(set) var newestMs: Int64?

        public init() {}

        /// Adds a frame, or so many samples of it.
        mutating func add(_ met: SegmentSurveyor.Met, samples: UInt64? = nil) {
            frames += 1
            self.samples += samples ?? UInt64(met.prefix.sampleCount)
            bytes += met.bytes
            let timestampMs = met.prefix.timestampMs
            oldestMs = min(oldestMs ?? timestampMs, timestampMs)
            newestMs = max(newestMs ?? timestampMs, timestampMs)
        }
    }

    public struct Segment: Sendable {
        public let number: UInt64
        /// The format version; nil where the header cannot be read.
        public let version: UInt32?
        /// Milliseconds since 1970.
        public let createdMs: Int64?
        public let bytes: UInt64
        /// Frames that can be decoded.
        public internal(set) var held = Amount()

        init(_ file: ExaminedFile) {
            number = BufferFileName.segmentNumber(file.name) ?? 0
            version = file.header?.version
            createdMs = file.header?.createdMs
            bytes = file.length
        }
    }

    public struct Destination: Sendable {
        /// Its name; nil where the cursor cannot be read.
        public let name: String?
        /// The name of the cursor's file, and its bytes.
        public let file: String
        public let bytes: UInt64
        /// Everything before it is answered for.
        public let mark: BufferPosition?
        /// Ranges beyond the mark that are answered for.
        public let ranges: Int
        /// Requests that have left, or were about to, and have no answer.
        public let requests: Int
        /// By job, as `/metrics` shows them.
        public internal(set) var books: [String: DestinationLedger] = [:]
        /// By job, frames that can be decoded and have samples that the destination has not answered for.
        public internal(set) var open: [String: Amount] = [:]
    }

    /// The process that holds the directory's lock, where it is known.
    public internal(set) var process: Int?
    /// By job, samples that came in since the directory was made.
    public internal(set) var scraped: [String: UInt64] = [:]
    /// Ascending by number.
    public internal(set) var segments: [Segment] = []
    public internal(set) var destinations: [Destination] = []
    /// By job, all frames in the segments, also those that every destination has answered for.
    public internal(set) var held: [String: Amount] = [:]
    public internal(set) var density = BufferDensity()
    public internal(set) var findings: [BufferFinding] = []
    /// Findings that are not listed, as there are too many.
    public internal(set) var moreFindings = 0
    /// By job, samples that damage took, as far as it is known.
    public internal(set) var lost: [String: UInt64] = [:]
    /// By job, samples that stood in segments which are not in the directory.
    public internal(set) var absent: [String: UInt64] = [:]
    /// Whether damage may have taken more: no books tell what it took.
    public internal(set) var mayHaveLostMore = false
    public internal(set) var isDamaged = false
    /// Some file cannot be read.
    public internal(set) var isUnreadable = false
}
