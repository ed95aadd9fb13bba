#if canImport(Glibc)
import Glibc
#endif

/// What the container allows, which is not what the host has: Fargate and systemd limit by cgroup.
public struct CgroupLimits: Sendable, Equatable {
    /// Cores as a fraction, for instance 0.25; nil without a quota.
    public let cpus: Double?
    /// Bytes of memory; nil without a limit.
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
        // hold.
        let folders = folders(of: text("/proc/self/cgroup") ?? "", root: "/sys/fs/cgroup")
        let limited = CgroupLimits(
            cpus: folders.compactMap { text("\($0)/cpu.max").flatMap(parseCPUMax) }.min(),
            memoryBytes: folders.compactMap { text("\($0)/memory.max").flatMap(parseMemory) }.min())
        if limited.cpus != nil || limited.memoryBytes != nil { return limited }
        let quota = text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").flatMap { Double(trimmed($0)) }
        let period = text("/sys/fs/cgroup/cpu/cpu.cfs_period_us").flatMap { Double(trimmed($0)) }
        var cpus: Double?
        if let quota, let period, quota > 0, period > 0 { cpus = quota / period }
        let memory = text("/sys/fs/cgroup/memory/memory.limit_in_bytes").flatMap(parseMemory)
        return CgroupLimits(cpus: cpus, memoryBytes: memory)
    }

    /// The cores the kernel lets this process use.
    public static var onlineCores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// The process' own cgroup v2 folder and those above it, nearest first.
    static func folders(of membership: String, root: String) -> [String] {
        let line = membership.split(separator: "\n").first { $0.hasPrefix("0::/") }
        guard var path = line.map({ String($0.dropFirst(3)) }) else { return [root] }
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
