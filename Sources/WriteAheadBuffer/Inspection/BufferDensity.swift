/// What the bytes of segments are spent on. All parts together are the lengths of the files.
public struct BufferDensity: Sendable, Equatable {
    public enum Part: Int, CaseIterable, Sendable {
        case fileHeaders, targets, chunks, metadata, layouts, ledgers
        /// Headers and checksums of the records of frames.
        case frameRecords
        /// What stands before a frame's values.
        case framePrefixes
        /// Values of frames that have no base: a target's first in a segment.
        case firstColumns
        /// Values of all other frames.
        case columns
        /// Histograms, exemplars and start timestamps.
        case sides
        /// Frames that cannot be decoded.
        case lostFrames
        /// Bytes that are no record, damaged records, and what cannot be read.
        case damaged
        /// The end that is being written or was torn.
        case unfinished
        /// The rest of a write that failed, behind the end of a segment.
        case behindTheEnd

        /// Its name in a report.
        public var name: String { "\(self)" }
    }

    /// How the values of a chunk are written (`docs/buffer-format.md`).
    public enum Mode: Int, CaseIterable, Sendable {
        case unchanged, stale, windows, marked, coded

        /// Its name in a report.
        public var name: String { "\(self)" }
    }

    /// Chunks of columns with one mode.
    public struct Column: Sendable, Equatable {
        public internal(set) var chunks: UInt64 = 0
        public internal(set) var values: UInt64 = 0
        public internal(set) var bytes: UInt64 = 0
        /// Of these: which values changed, a bit each.
        public internal(set) var bitmapBytes: UInt64 = 0
        /// Of these: how each changed, four bits each.
        public internal(set) var codeBytes: UInt64 = 0
    }

    /// Of frames that can be decoded.
    public internal(set) var samples: UInt64 = 0
    private var parts = [UInt64](repeating: 0, count: Part.allCases.count)
    /// By `Mode`.
    var modes = [Column](repeating: Column(), count: Mode.allCases.count)

    public internal(set) subscript(part: Part) -> UInt64 {
        get { parts[part.rawValue] }
        set { parts[part.rawValue] = newValue }
    }

    public subscript(mode: Mode) -> Column { modes[mode.rawValue] }

    public var bytes: UInt64 { parts.reduce(0, +) }

    /// Adds a file of so many bytes. Those of which `other` says nothing, as they were not read, are damaged.
    mutating func add(_ other: BufferDensity, of length: UInt64) {
        samples += other.samples
        for index in parts.indices { parts[index] += other.parts[index] }
        for index in modes.indices {
            modes[index].chunks += other.modes[index].chunks
            modes[index].values += other.modes[index].values
            modes[index].bytes += other.modes[index].bytes
            modes[index].bitmapBytes += other.modes[index].bitmapBytes
            modes[index].codeBytes += other.modes[index].codeBytes
        }
        self[.damaged] += length - min(length, other.bytes)
    }

    /// So many bytes, divided by the samples; nil without samples.
    public func perSample(_ bytes: UInt64) -> Double? { samples > 0 ? Double(bytes) / Double(samples) : nil }
}
