/// What a look at a buffer's files found at a place.
public struct BufferFinding: Sendable, Equatable {
    public enum What: String, Sendable {
        /// Neither copy of a file's header can be read: nothing in the file can be.
        case header
        /// One copy of a file's header is damaged; the other is read.
        case headerCopy
        /// Bytes that are no record, up to the next one.
        case record
        /// A record that is not as it was written.
        case checksum
        /// A record that is as it was written and says what no writer says.
        case content
        /// A frame that lacks what it needs: something stated, or the frame before it.
        case base
        /// Samples that the books tell of, and no frame before this place holds.
        case missing
        /// A segment is shorter than the next one says, which begins with the length of the one before it.
        case cut
        /// The end of what is written to: an agent is writing it, or a crash has torn it.
        case unfinished
        /// Samples that the next segment's books tell of. Another segment held them that is not there.
        case absent
        /// The disk refuses to read the file, or it was written by another version of Narthex.
        case unreadable

        /// Whether something is not as an agent leaves it, a killed one included.
        public var isDamage: Bool { self != .unfinished && self != .absent && self != .unreadable }

        /// Whether samples may be lost by it.
        var mayCostSamples: Bool { self != .unfinished && self != .headerCopy }
    }

    public let what: What
    /// The name of the file in the directory.
    public let file: String
    /// Bytes of the file before the place.
    public let offset: UInt64
    /// How many bytes it concerns; of `cut` those that are not there.
    public var bytes: UInt64 = 0
    /// How many samples are lost by it; nil where it does not say so.
    public var samples: UInt64?
    /// The job of these samples, where they are known.
    public var job: String?
    /// Of what is unreadable, why.
    public var reason: String?
}
