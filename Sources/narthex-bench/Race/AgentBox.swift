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

        /// The controllers that keep to them, as the kernel names them.
        var controllers: [String] { (cpus == nil ? [] : ["cpu"]) + (memoryMiB == nil ? [] : ["memory"]) }
    }

    /// What to write into which file of which folder, in this order.
    struct Group: Equatable {
        let folder: String
        let values: [Value]

        struct Value: Equatable {
            let file: String
            let text: String
            /// A kernel without swap accounting does not have the files about swap, and nothing to limit.
            var isOptional = false
        }
    }

    /// The period over which processor time is shared out; the kernel's default and what Fargate has.
    private static let periodMicroseconds = 100_000

    private let groups: [Group]
    private let tree: any CgroupTree
    let limits: Limits

    /// Makes the groups. Throws when the machine does not allow it: a measurement without the limits would be
    /// another one. Whoever gets it removes it.
    init(_ limits: Limits, name: String, tree: any CgroupTree = KernelCgroups()) throws(BenchError) {
        self.limits = limits
        self.tree = tree
        // Where version 1 has the controllers, version 2 is mounted one folder below, if at all.
        let isUnified = tree.text("\(tree.root)/cgroup.controllers") != nil
        groups =
            limits.isEmpty ? [] : Self.groups(limits, name: name, isUnified: isUnified, root: tree.root)
        guard !limits.isEmpty else { return }
        var made: [Group] = []
        do throws(BenchError) {
            if isUnified { try Self.handOn(limits.controllers, tree) }
            for group in groups {
                try tree.makeGroup(group.folder)
                made.append(group)
                try Self.fill(group, tree)
            }
        } catch {
            Self.remove(made, tree)
            throw BenchError(
                "cannot limit an agent to what is asked for: \(error). That takes root and a writable "
                    + "/sys/fs/cgroup; nothing was measured")
        }
    }

    /// The groups of version 2, where one has all, or of version 1, where each kind of limit has its own.
    static func groups(
        _ limits: Limits, name: String, isUnified: Bool, root: String = "/sys/fs/cgroup"
    ) -> [Group] {
        let quota = limits.cpus.map { Int(($0 * Double(periodMicroseconds)).rounded()) }
        let bytes = limits.memoryMiB.map { $0 << 20 }
        if isUnified {
            var values: [Group.Value] = []
            if let quota {
                values.append(Group.Value(file: "cpu.max", text: "\(quota) \(periodMicroseconds)"))
            }
            if let bytes {
                values.append(Group.Value(file: "memory.max", text: "\(bytes)"))
                values.append(Group.Value(file: "memory.swap.max", text: "0", isOptional: true))
            }
            return [Group(folder: "\(root)/\(name)", values: values)]
        }
        var groups: [Group] = []
        if let quota {
            groups.append(
                Group(
                    folder: "\(root)/cpu/\(name)",
                    values: [
                        Group.Value(file: "cpu.cfs_period_us", text: "\(periodMicroseconds)"),
                        Group.Value(file: "cpu.cfs_quota_us", text: "\(quota)"),
                    ]))
        }
        if let bytes {
            groups.append(
                Group(
                    folder: "\(root)/memory/\(name)",
                    values: [
                        Group.Value(file: "memory.limit_in_bytes", text: "\(bytes)"),
                        // Of memory and swap together, which may not be less than that of memory.
                        Group.Value(
                            file: "memory.memsw.limit_in_bytes", text: "\(bytes)", isOptional: true),
                    ]))
        }
        return groups
    }

    /// Lets the groups below the root of version 2 have these controllers. They stay handed on afterwards: to
    /// take them back would lift the limits of every other group that has begun to use them.
    private static func handOn(_ controllers: [String], _ tree: any CgroupTree) throws(BenchError) {
        let known = words("\(tree.root)/cgroup.controllers", tree)
        let handedOn = words("\(tree.root)/cgroup.subtree_control", tree)
        for controller in controllers where !handedOn.contains(controller) {
            guard known.contains(controller) else {
                throw BenchError("\(tree.root)/cgroup.controllers does not have \(controller)")
            }
            do throws(BenchError) {
                try tree.write("+\(controller)", to: "\(tree.root)/cgroup.subtree_control")
            } catch {
                throw BenchError(
                    "\(error). In a container, whose own processes are in that group, version 2 refuses this "
                        + "until all of them have moved to a group below it")
            }
        }
    }

    private static func words(_ path: String, _ tree: any CgroupTree) -> [String] {
        (tree.text(path) ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static func fill(_ group: Group, _ tree: any CgroupTree) throws(BenchError) {
        for value in group.values {
            let path = "\(group.folder)/\(value.file)"
            if value.isOptional, tree.text(path) == nil { continue }
            try tree.write(value.text, to: path)
        }
    }

    /// What a command line begins with, so that the process enters the groups before it becomes the agent.
    var prefix: [String] {
        guard !groups.isEmpty else { return [] }
        let script =
            "for group; do shift; [ \"$group\" = -- ] && break; echo $$ >\"$group\" || exit 125; done; "
            + "exec \"$@\""
        return ["/bin/sh", "-c", script, "sh"] + groups.map { "\($0.folder)/cgroup.procs" } + ["--"]
    }

    /// Throws unless the process is in every group and the groups have their limits.
    func check(_ pid: Int32) throws(BenchError) {
        for group in groups {
            let members = tree.text("\(group.folder)/cgroup.procs") ?? ""
            guard members.split(separator: "\n").contains("\(pid)") else {
                throw BenchError("the agent is not in \(group.folder): it has ended or has left it")
            }
            for value in group.values {
                let found = tree.text("\(group.folder)/\(value.file)").map { $0.filter { !$0.isNewline } }
                if value.isOptional, found == nil { continue }
                guard found == value.text else {
                    throw BenchError(
                        "\(group.folder)/\(value.file) is '\(found ?? "")' and not '\(value.text)'")
                }
            }
        }
    }

    /// How often the kernel has killed a process of the group because the memory was used up; nil where the
    /// kernel does not count it.
    var memoryKills: Int? {
        for group in groups {
            // Version 2 and version 1 since Linux 4.13.
            for file in ["memory.events", "memory.oom_control"] {
                guard let text = tree.text("\(group.folder)/\(file)") else { continue }
                for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
                    return line.split(separator: " ").last.flatMap { Int($0) }
                }
            }
        }
        return nil
    }

    /// Removes the groups, and ends what is left in them.
    func remove() { Self.remove(groups, tree) }

    private static func remove(_ groups: [Group], _ tree: any CgroupTree) {
        for group in groups.reversed() {
            var fault: BenchError?
            // A group whose last process is only just gone is busy for a moment.
            for attempt in 0..<100 {
                do throws(BenchError) {
                    try tree.removeGroup(group.folder)
                    fault = nil
                    break
                } catch {
                    fault = error
                }
                if attempt >= 10 {
                    for pid in words("\(group.folder)/cgroup.procs", tree).compactMap({ Int32($0) }) {
                        tree.kill(pid)
                    }
                }
                usleep(20_000)
            }
            if let fault { StandardStreams.writeError("\(fault)\n") }
        }
    }
}
