import Configuration
import Platform

/// What the machine, the container and the service manager allow.
struct MachineFacts: Sendable, Equatable {
    var limits: CgroupLimits
    var onlineCores: Int
    /// Of the machine, from /proc/meminfo; nil where that does not tell.
    var machineMemoryBytes: UInt64?
    /// How many files the agent may have open, raised as it raises that; nil where the system does not tell.
    var openFileLimit: Int?

    /// Looks at this process, and raises its limit of open files as the agent does.
    static func current(files: any FileDoor) -> MachineFacts {
        // Without /proc the machine's memory is not known, which the line says.
        let text = (try? files.contents(of: "/proc/meminfo", limitBytes: 65_536)).map {
            String(decoding: $0, as: UTF8.self)
        }
        return MachineFacts(
            limits: CgroupLimits.current(files: files), onlineCores: CgroupLimits.onlineCores,
            machineMemoryBytes: text.flatMap(memTotal), openFileLimit: OpenFileLimit.raise())
    }

    /// Bytes of `MemTotal:        8039396 kB`.
    static func memTotal(_ meminfo: String) -> UInt64? {
        let line = meminfo.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
        guard let kilobytes else { return nil }
        let (bytes, overflows) = kilobytes.multipliedReportingOverflow(by: 1_024)
        return overflows ? nil : bytes
    }
}

extension MachineFacts {
    /// An agent without work takes some 13 MiB, and scrapes need room for their bodies.
    static let leastMemoryBytes: UInt64 = 64 << 20
    static let leastCores = 0.05
    /// Files, pages and connections to AWS beside those to targets and destinations.
    private static let otherFiles = 64

    /// `targetCount` is how many targets there are as far as is known; `destinations` those of the
    /// configuration.
    func lines(targetCount: Int?, destinations: [RemoteWriteConfiguration]) -> [DoctorLine] {
        [memory, cpu, openFiles(targetCount, destinations)]
    }

    private var memory: DoctorLine {
        let machine = machineMemoryBytes.map { "\(ByteText.text($0)) in the machine" }
        let cgroup = limits.memoryBytes.map { "\(ByteText.text($0)) allowed by the cgroup" }
        let text = [cgroup, machine].compactMap { $0 }.joined(separator: ", ")
        guard let least = [limits.memoryBytes, machineMemoryBytes].compactMap({ $0 }).min() else {
            return .skipped("memory", "neither a cgroup nor /proc/meminfo tells how much memory there is")
        }
        guard least >= Self.leastMemoryBytes else {
            return .wrong(
                "memory", text, remedy: "allow at least \(ByteText.text(Self.leastMemoryBytes))")
        }
        return .ok("memory", text)
    }

    private var cpu: DoctorLine {
        let threads = limits.workerThreads(onlineCores: onlineCores)
        let machine = "\(onlineCores) in the machine"
        let text =
            limits.cpus.map { "\(Self.cores($0)) cores allowed by the cgroup, \(machine)" }
            ?? "\(machine), and no quota"
        let workers = "\(text); \(threads) worker \(threads == 1 ? "thread" : "threads")"
        guard limits.cpus ?? Double(onlineCores) >= Self.leastCores else {
            return .wrong("cpu", workers, remedy: "allow at least \(Self.cores(Self.leastCores)) cores")
        }
        return .ok("cpu", workers)
    }

    /// With two digits behind the point, as Fargate's quarter has.
    private static func cores(_ count: Double) -> String {
        let hundredths = Int64((min(max(count, 0), 1e9) * 100).rounded())
        let rest = hundredths % 100
        return rest == 0 ? "\(hundredths / 100)" : "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    private func openFiles(_ targetCount: Int?, _ destinations: [RemoteWriteConfiguration]) -> DoctorLine {
        guard let openFileLimit else {
            return .skipped("files", "the system does not tell how many files and connections may be open")
        }
        let senders = destinations.reduce(0) { $0 + min(max($1.queue.minShards, $1.queue.maxShards), 1_000) }
        let needed = (targetCount ?? 0) + senders + Self.otherFiles
        let known = targetCount.map { "\($0) targets" } ?? "targets that are not known"
        let text =
            "\(openFileLimit) files and connections may be open; \(known) and "
            + "\(destinations.count) destinations take up to \(needed)"
        guard openFileLimit >= needed else {
            return .wrong(
                "files", text,
                remedy: "raise the limit (ulimit -n, LimitNOFILE of a service, ulimits of a task definition)")
        }
        return .ok("files", text)
    }
}
