import StandIns
import Synchronization

@testable import narthex_bench

#if canImport(Glibc)
import Glibc
#endif

/// A tree of folders that behaves as the kernel's does where that matters to a harness: files stand in a new
/// group by themselves, those of a controller only where it is handed on, and a group with processes stays.
final class FakeCgroups: CgroupTree, Sendable {
    enum Version {
        case one
        /// Version 2 with these controllers, of which the second list is handed on already.
        case two(controllers: [String], handedOn: [String])
    }

    let root: String
    private let folder: TemporaryFolder
    private let isUnified: Bool
    private let hasSwap: Bool
    /// Whether the root has processes of its own and is not the machine's: version 2 hands nothing on then.
    private let isBusy: Bool
    private let state = Mutex(State())

    private struct State {
        var writes: [String] = []
        var killed: [Int32] = []
    }

    init(_ version: Version, hasSwap: Bool = true, isBusy: Bool = false) throws {
        folder = try TemporaryFolder(name: "cgroups")
        root = folder.path
        self.hasSwap = hasSwap
        self.isBusy = isBusy
        switch version {
        case .one:
            isUnified = false
            // As on machines that have version 2 beside version 1, without controllers.
            for name in ["cpu", "memory", "unified"] { try Self.makeFolder("\(root)/\(name)") }
            try put("unified/cgroup.controllers", "\n")
        case .two(let controllers, let handedOn):
            isUnified = true
            try put("cgroup.controllers", controllers.joined(separator: " ") + "\n")
            try put("cgroup.subtree_control", handedOn.joined(separator: " ") + "\n")
        }
    }

    /// Every text that was written, as `file=text` below the root, in order.
    var writes: [String] { state.withLock { $0.writes } }
    var killed: [Int32] { state.withLock { $0.killed } }

    /// Groups that are there, below the root.
    var groups: [String] {
        ["", "cpu/", "memory/"].filter { text("\(root)/\($0)race/cgroup.procs") != nil }.map { "\($0)race" }
    }

    /// Sets what a file below the root says.
    func put(_ file: String, _ text: String) throws {
        try StandInFleet.write("\(root)/\(file)", text)
    }

    func remove() { folder.remove() }

    private static func makeFolder(_ path: String) throws(BenchError) {
        // Safety: mkdir reads the null-terminated path it is given.
        guard unsafe mkdir(path, 0o700) == 0 else { throw BenchError("mkdir \(path): errno \(errno)") }
    }

    private func files(_ group: String) -> [String] {
        let cpu = isUnified ? ["cpu.max"] : ["cpu.cfs_period_us", "cpu.cfs_quota_us"]
        let memory =
            isUnified ? ["memory.max", "memory.events"] : ["memory.limit_in_bytes", "memory.oom_control"]
        let swap = !hasSwap ? [] : [isUnified ? "memory.swap.max" : "memory.memsw.limit_in_bytes"]
        let handedOn = text("\(root)/cgroup.subtree_control") ?? ""
        let hasCPU = isUnified ? handedOn.contains("cpu") : group.hasPrefix("\(root)/cpu/")
        let hasMemory = isUnified ? handedOn.contains("memory") : group.hasPrefix("\(root)/memory/")
        return ["cgroup.procs"] + (hasCPU ? cpu : []) + (hasMemory ? memory + swap : [])
    }

    func makeGroup(_ folder: String) throws(BenchError) {
        try Self.makeFolder(folder)
        for file in files(folder) { try StandInFleet.write("\(folder)/\(file)", "") }
    }

    func removeGroup(_ folder: String) throws(BenchError) {
        guard let members = text("\(folder)/cgroup.procs") else { return }
        guard members.isEmpty else { throw BenchError("rmdir \(folder): Device or resource busy") }
        // Safety: both read the null-terminated path they are given.
        for file in files(folder) { unsafe unlink("\(folder)/\(file)") }
        guard unsafe rmdir(folder) == 0 else { throw BenchError("rmdir \(folder): errno \(errno)") }
    }

    func write(_ text: String, to path: String) throws(BenchError) {
        guard let old = self.text(path) else { throw BenchError("cannot open \(path): Permission denied") }
        state.withLock { $0.writes.append("\(path.dropFirst(root.count + 1))=\(text)") }
        guard path == "\(root)/cgroup.subtree_control" else {
            return try StandInFleet.write(path, text + "\n")
        }
        if isBusy { throw BenchError("cannot write to \(path): Device or resource busy") }
        try StandInFleet.write(path, "\(old.filter { !$0.isNewline }) \(text.dropFirst())\n")
    }

    func text(_ path: String) -> String? { StandInPlaces.text(of: path) }

    /// A process ends, and its group is empty.
    func kill(_ pid: Int32) {
        state.withLock { $0.killed.append(pid) }
        for group in groups where text("\(root)/\(group)/cgroup.procs") == "\(pid)\n" {
            // What cannot be written makes the test fail.
            try? put("\(group)/cgroup.procs", "")
        }
    }
}
