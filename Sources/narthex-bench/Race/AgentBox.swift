import Platform

#if canImport(Glibc)
import Glibc
#endif

/// A cgroup of its own for one agent, version 2 or 1, whichever the machine has.
struct AgentBox {
    struct Limits: Equatable {
        /// Processors; nil for all.
        var cpus: Double?
        /// Memory; nil for all.
        var memoryMiB: Int?

        var isEmpty: Bool { cpus == nil && memoryMiB == nil }
    }

    /// What to write into which file of which folder, in this order.
    struct Group: Equatable {
        let folder: String
        let values: [Value]

        struct Value: Equatable {
            let file: String
            let text: String
        }
    }

    /// The period over which processor time is shared out; the kernel's default and what Fargate has.
    private static let periodMicroseconds = 100_000

    private let groups: [Group]
    let limits: Limits

    /// Makes the groups below /sys/fs/cgroup. Throws when the machine does not allow it: a measurement
    /// without the limits would be another one.
    init(_ limits: Limits, name: String) throws(BenchError) {
        self.limits = limits
        let isUnified = (try? POSIXFiles().status("/sys/fs/cgroup/cgroup.controllers")) != nil
        if isUnified, !limits.isEmpty {
            // The root may not hand its controllers on yet. Where it cannot, writing the limits fails below.
            try? StandInFleet.write("/sys/fs/cgroup/cgroup.subtree_control", "+cpu +memory")
        }
        groups = limits.isEmpty ? [] : Self.groups(limits, name: name, isUnified: isUnified)
        for group in groups {
            do throws(BenchError) {
                try Self.make(group)
            } catch {
                remove()
                throw BenchError(
                    "cannot limit an agent to what is asked for: \(error). That takes root and a writable "
                        + "/sys/fs/cgroup; nothing was measured")
            }
        }
    }

    /// The groups of version 2, where one has all, or of version 1, where each kind of limit has its own.
    static func groups(_ limits: Limits, name: String, isUnified: Bool) -> [Group] {
        let quota = limits.cpus.map { Int(($0 * Double(periodMicroseconds)).rounded()) }
        let bytes = limits.memoryMiB.map { $0 << 20 }
        if isUnified {
            var values: [Group.Value] = []
            if let quota {
                values.append(Group.Value(file: "cpu.max", text: "\(quota) \(periodMicroseconds)"))
            }
            if let bytes {
                values.append(Group.Value(file: "memory.max", text: "\(bytes)"))
                values.append(Group.Value(file: "memory.swap.max", text: "0"))
            }
            return [Group(folder: "/sys/fs/cgroup/\(name)", values: values)]
        }
        var groups: [Group] = []
        if let quota {
            groups.append(
                Group(
                    folder: "/sys/fs/cgroup/cpu/\(name)",
                    values: [
                        Group.Value(file: "cpu.cfs_period_us", text: "\(periodMicroseconds)"),
                        Group.Value(file: "cpu.cfs_quota_us", text: "\(quota)"),
                    ]))
        }
        if let bytes {
            groups.append(
                Group(
                    folder: "/sys/fs/cgroup/memory/\(name)",
                    values: [Group.Value(file: "memory.limit_in_bytes", text: "\(bytes)")]))
        }
        return groups
    }

    /// What a command line begins with, so that the process enters the groups before it becomes the agent.
    var prefix: [String] {
        guard !groups.isEmpty else { return [] }
        let script =
            "for group; do shift; [ \"$group\" = -- ] && break; echo $$ >\"$group\" || exit 125; done; "
            + "exec \"$@\""
        return ["/bin/sh", "-c", script, "sh"] + groups.map { "\($0.folder)/cgroup.procs" } + ["--"]
    }

    /// Throws unless the process is in every group.
    func check(_ pid: Int32) throws(BenchError) {
        for group in groups {
            let members = Self.text("\(group.folder)/cgroup.procs") ?? ""
            guard members.split(separator: "\n").contains("\(pid)") else {
                throw BenchError("the agent is not in \(group.folder): it has ended or has left it")
            }
        }
    }

    /// How often the kernel has killed a process of the group because the memory was used up; nil where the
    /// kernel does not count it.
    var memoryKills: Int? {
        for group in groups {
            for file in ["memory.events", "memory.oom_control"] {
                guard let text = Self.text("\(group.folder)/\(file)") else { continue }
                for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
                    return line.split(separator: " ").last.flatMap { Int($0) }
                }
            }
        }
        return nil
    }

    /// Removes the groups, whose processes have ended.
    func remove() {
        for group in groups {
            // A group whose last process is only just gone is busy for a moment.
            for _ in 0..<100 {
                // Safety: rmdir reads the null-terminated path it is given.
                if unsafe rmdir(group.folder) == 0 || errno == ENOENT { break }
                usleep(20_000)
            }
        }
    }

    private static func make(_ group: Group) throws(BenchError) {
        // Safety: mkdir reads the null-terminated path it is given.
        guard unsafe mkdir(group.folder, 0o755) == 0 else {
            throw BenchError("mkdir \(group.folder): errno \(errno)")
        }
        for value in group.values {
            // A kernel without swap accounting has no such file, and nothing to limit.
            if value.file == "memory.swap.max", text("\(group.folder)/\(value.file)") == nil { continue }
            try StandInFleet.write("\(group.folder)/\(value.file)", value.text)
        }
    }

    private static func text(_ path: String) -> String? {
        // Absent is an answer of its own.
        (try? POSIXFiles().contents(of: path, limitBytes: 1 << 20)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}
