/// The resident memory that the process is to stay below, and who says so.
public struct MemoryCeiling: Sendable, Equatable {
    public enum Source: String, Sendable {
        /// `--memory.limit`
        case flag
        /// A part of what the cgroup allows.
        case cgroup
    }

    public let bytes: UInt64
    public let source: Source

    /// The lowest ceiling that a flag may ask for. An agent without targets has up to 26 MiB, and bodies and
    /// reading have 8 MiB each at the least (`MemoryAccount`).
    public static let leastBytes: UInt64 = 48 << 20
    /// The part of the cgroup's limit. The rest is for what the kernel charges to the cgroup beside the
    /// process' resident memory: buffers of sockets, page tables, and pages of files that are not on the disk
    /// yet. It is also what a burst may take between two looks.
    public static let cgroupPercent: UInt64 = 80

    public init(bytes: UInt64, source: Source) {
        self.bytes = bytes
        self.source = source
    }

    /// The ceiling by `--memory.limit`, where zero is none, else by what the cgroup allows; nil where there
    /// is none.
    public init?(flagBytes: UInt64?, cgroupBytes: UInt64?) {
        if let flagBytes {
            guard flagBytes > 0 else { return nil }
            self.init(bytes: flagBytes, source: .flag)
        } else {
            guard let cgroupBytes, cgroupBytes > 0 else { return nil }
            self.init(bytes: Self.part(Self.cgroupPercent, of: cgroupBytes), source: .cgroup)
        }
    }

    /// Bytes of so many percent of `bytes`, rounded down; does not overflow for 100 percent and less.
    static func part(_ percent: UInt64, of bytes: UInt64) -> UInt64 {
        bytes / 100 * percent + bytes % 100 * percent / 100
    }
}
