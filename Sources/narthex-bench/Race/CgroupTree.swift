import Platform

#if canImport(Glibc)
import Glibc
#endif

/// The folders and files of control groups. Tests put a tree of their own in the kernel's place.
protocol CgroupTree {
    /// Where the tree begins: /sys/fs/cgroup.
    var root: String { get }
    /// Makes a group. The kernel puts its files into the folder.
    func makeGroup(_ folder: String) throws(BenchError)
    /// Removes a group, files and all. Throws while it has processes, and not when it is gone already.
    func removeGroup(_ folder: String) throws(BenchError)
    /// Writes into a file that exists, with one call.
    func write(_ text: String, to path: String) throws(BenchError)
    /// A file's text; nil when there is none.
    func text(_ path: String) -> String?
    /// Ends a process at once.
    func kill(_ pid: Int32)
}

/// The kernel's own tree.
struct KernelCgroups: CgroupTree {
    let root = "/sys/fs/cgroup"

    func makeGroup(_ folder: String) throws(BenchError) {
        // Safety: mkdir reads the null-terminated path it is given.
        guard unsafe mkdir(folder, 0o755) == 0 else { throw Self.fault("mkdir \(folder)") }
    }

    func removeGroup(_ folder: String) throws(BenchError) {
        // Safety: rmdir reads the null-terminated path it is given.
        guard unsafe rmdir(folder) == 0 || errno == ENOENT else { throw Self.fault("rmdir \(folder)") }
    }

    func write(_ text: String, to path: String) throws(BenchError) {
        // Safety: open reads the null-terminated path it is given.
        let file = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.fault("cannot open \(path)") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        // Safety: the pointer stays inside the closure, for the array's own length.
        let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw Self.fault("cannot write '\(text)' to \(path)") }
    }

    func text(_ path: String) -> String? {
        // Absent is an answer of its own.
        (try? POSIXFiles().contents(of: path, limitBytes: 1 << 20)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    func kill(_ pid: Int32) {
        // It may have ended meanwhile.
        _ = Glibc.kill(pid, SIGKILL)
    }

    /// The failure that errno tells of now.
    private static func fault(_ what: String) -> BenchError {
        let number = errno
        // Safety: the message is copied before another call could change it; one thread makes groups.
        return BenchError("\(what): \(unsafe String(cString: strerror(number)))")
    }
}
