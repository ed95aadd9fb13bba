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
    /// So much of a small cgroup is left for the kernel.
    static let kernelBytes: UInt64 = 8 << 20

    public init(bytes: UInt64, source: Source) {
        self.bytes = bytes
        self.source = source
    }

    /// The ceiling by `--memory.limit`, where zero is none, else by what the cgroup allows; nil where there
    /// is none. Never above what the cgroup allows: the kernel would kill the process before.
    public init?(flagBytes: UInt64?, cgroupBytes: UInt64?) {
        let cgroupBytes = cgroupBytes.flatMap { $0 > 0 ? $0 : nil }
        if let flagBytes {
            guard flagBytes > 0 else { return nil }
            self.init(bytes: min(flagBytes, cgroupBytes ?? flagBytes), source: .flag)
        } else {
            guard let cgroupBytes else { return nil }
            self.init(bytes: Self.bytes(ofCgroup: cgroupBytes), source: .cgroup)
        }
    }

    /// What is wrong with the limits that a ceiling is made of, a sentence; nil where nothing is.
    public static func warning(flagBytes: UInt64?, cgroupBytes: UInt64?) -> String? {
        guard let cgroupBytes, cgroupBytes > 0 else { return nil }
        if let flagBytes {
            guard flagBytes > cgroupBytes else { return nil }
            return "--memory.limit is above what the cgroup allows, so the ceiling on memory is the cgroup's "
                + "limit"
        }
        guard bytes(ofCgroup: cgroupBytes) < leastBytes else { return nil }
        return "the cgroup allows too little memory for more than a few series: give it "
            + "\((leastBytes * 100 / cgroupPercent) >> 20)MB or more"
    }

    /// Of a small cgroup more than the usual part, so that there is room beside what the agent has without
    /// series.
    private static func bytes(ofCgroup cgroupBytes: UInt64) -> UInt64 {
        let most = cgroupBytes > kernelBytes ? cgroupBytes - kernelBytes : 0
        return max(1, part(cgroupPercent, of: cgroupBytes), min(leastBytes, most))
    }

    /// Bytes of so many percent of `bytes`, rounded down; does not overflow for 100 percent and less.
    static func part(_ percent: UInt64, of bytes: UInt64) -> UInt64 {
        bytes / 100 * percent + bytes % 100 * percent / 100
    }
}
