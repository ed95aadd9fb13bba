import Platform

#if canImport(Glibc)
import Glibc
#endif

/// What the kernel has counted for a process and everything that it has started.
struct ProcessTree {
    /// User and system time in seconds, to a clock tick (10 ms) each, that of ended children included.
    private(set) var cpuSeconds = 0.0
    private(set) var residentBytes = 0
    /// Bytes that were made dirty in the page cache and so will reach a disk, less those that were thrown
    /// away before (proc(5), write_bytes). Nil where the kernel does not count it or does not tell us.
    private(set) var writtenBytes: UInt64? = 0
    private(set) var processes = 0

    /// Reads the whole tree below `root`.
    init(root: Int32) {
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let all = Self.all()
        var found: Set<Int32> = []
        var next = [root]
        while let pid = next.popLast() {
            guard found.insert(pid).inserted, let one = all[pid] else { continue }
            processes += 1
            cpuSeconds += Double(one.ticks) / ticks
            residentBytes += one.residentPages * page
            if let written = Self.written(pid) {
                writtenBytes = writtenBytes.map { $0 + written }
            } else if !one.isZombie {
                writtenBytes = nil
            }
            next += all.filter { $0.value.parent == pid }.map(\.key)
        }
    }

    private struct Entry {
        let parent: Int32
        let ticks: UInt64
        let residentPages: Int
        let isZombie: Bool
    }

    private static func all() -> [Int32: Entry] {
        // This program runs on Linux only, which has /proc.
        let names = (try? POSIXFiles().list("/proc")) ?? []
        var entries: [Int32: Entry] = [:]
        for name in names {
            guard let pid = Int32(name), let entry = entry(pid) else { continue }
            entries[pid] = entry
        }
        return entries
    }

    /// Nil for a process that has ended meanwhile.
    private static func entry(_ pid: Int32) -> Entry? {
        guard let text = text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        // The state, which is the third field of proc(5), is field 0 here: the parent is 1, utime, stime,
        // cutime and cstime are 11 to 14, the resident pages are 21.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let parent = Int32(fields[1]), let resident = Int(fields[21]) else {
            return nil
        }
        let ticks = fields[11...14].compactMap { UInt64($0) }.reduce(0, +)
        return Entry(parent: parent, ticks: ticks, residentPages: resident, isZombie: fields[0] == "Z")
    }

    private static func written(_ pid: Int32) -> UInt64? {
        guard let text = text("/proc/\(pid)/io") else { return nil }
        func number(_ key: String) -> UInt64? {
            text.split(separator: "\n").first { $0.hasPrefix(key) }
                .flatMap { $0.split(separator: " ").last }.flatMap { UInt64($0) }
        }
        guard let written = number("write_bytes:") else { return nil }
        return written - min(written, number("cancelled_write_bytes:") ?? 0)
    }

    private static func text(_ path: String) -> String? {
        // The process may have ended since it was listed.
        (try? POSIXFiles().contents(of: path, limitBytes: 1 << 16)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}
