#if canImport(Glibc)
import Glibc
#endif

/// What the container allows, which is not what the host has: Fargate and systemd limit by cgroup.
public struct CgroupLimits: Sendable, Equatable {
    /// Cores as a fraction, for instance 0.25; nil without a quota.
    public let cpus: Double?
    /// Bytes of memory; nil without a limit. In cgroup v2 the lower one of `memory.max`, beyond which the
    /// kernel kills, and `memory.high`, beyond which it makes the process wait.
    public let memoryBytes: UInt64?

    /// Worker threads that make sense: the quota rounded up, at least one, at most the cores there are.
    public func workerThreads(onlineCores: Int) -> Int {
        guard let cpus, cpus < Double(onlineCores) else { return max(1, onlineCores) }
        return max(1, Int(cpus.rounded(.up)))
    }

    /// The limits of this process: cgroup v2, else v1. Reads /proc and /sys through `files`.
    public static func current(files: any FileDoor) -> CgroupLimits {
        func text(_ path: String) -> String? {
            // An absent or unreadable file means no limit there, which is what nil says.
            guard let bytes = try? files.contents(of: path, limitBytes: 65_536) else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
        // Each level may limit something else, for instance a task its cores and a container its memory: all
        // hold. On a hybrid host each controller belongs to one version.
        let membership = text("/proc/self/cgroup") ?? ""
        let folders = folders(of: membership, root: "/sys/fs/cgroup")
        let cpus = folders.compactMap { text("\($0)/cpu.max").flatMap(parseCPUMax) }.min()
        let memory = folders.flatMap { ["\($0)/memory.max", "\($0)/memory.high"] }
            .compactMap { text($0).flatMap(parseMemory) }.min()
        return CgroupLimits(
            cpus: cpus ?? folders1(of: membership, controller: "cpu").compactMap { cpuQuota(text, $0) }.min(),
            memoryBytes: memory
                ?? folders1(of: membership, controller: "memory").compactMap {
                    text("\($0)/memory.limit_in_bytes").flatMap(parseMemory)
                }.min())
    }

    private static func cpuQuota(_ text: (String) -> String?, _ folder: String) -> Double? {
        let quota = text("\(folder)/cpu.cfs_quota_us").flatMap { Double(trimmed($0)) }
        let period = text("\(folder)/cpu.cfs_period_us").flatMap { Double(trimmed($0)) }
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return quota / period
    }

    /// The cores the kernel lets this process use.
    public static var onlineCores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// The process' own cgroup v2 folder and those above it, nearest first.
    static func folders(of membership: String, root: String) -> [String] {
        levels(membership.split(separator: "\n").first { $0.hasPrefix("0::/") }?.dropFirst(3), root: root)
    }

    /// The same for a controller of version 1, whose line names it: `4:cpu,cpuacct:/path`. A container sees
    /// its own folder as the root and the path as its host has it, so folders may be missing.
    static func folders1(of membership: String, controller: String) -> [String] {
        let path = membership.split(separator: "\n").lazy
            .map { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false) }
            .first { $0.count == 3 && $0[1].split(separator: ",").contains(controller[...]) }?[2]
        return levels(path, root: "/sys/fs/cgroup/\(controller)")
    }

    private static func levels(_ path: Substring?, root: String) -> [String] {
        guard var path = path.map(String.init) else { return [root] }
        var result: [String] = []
        while path != "/", !path.isEmpty {
            result.append(root + path)
            guard let slash = path.lastIndex(of: "/") else { break }
            path = String(path[..<slash])
        }
        return result + [root]
    }

    /// `cpu.max`: a quota and a period in microseconds, or `max`.
    static func parseCPUMax(_ text: String) -> Double? {
        let words = trimmed(text).split(separator: " ")
        guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), quota > 0,
            period > 0
        else { return nil }
        return quota / period
    }

    /// `memory.max` or v1's limit; `max` and v1's near-2^63 "unlimited" are nil.
    static func parseMemory(_ text: String) -> UInt64? {
        guard let bytes = UInt64(trimmed(text)), bytes < 1 << 60 else { return nil }
        return bytes
    }

    private static func trimmed(_ text: String) -> String {
        String(text.filter { !$0.isNewline })
    }
}
