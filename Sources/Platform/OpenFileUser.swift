#if canImport(Glibc)
import Glibc
#endif

/// Who has files of a directory open.
public enum OpenFileUser {
    /// What is looked at, so that a machine of very many processes does not hold a start up.
    private static let (processLimit, descriptorLimit) = (20_000, 2_000)
    /// A file that is written to changes between two looks at it.
    private static let attempts = 3

    /// A process other than `own`, by default this one, that has a file open which lies directly in one of
    /// `directories`, as proc_pid_fd(5) tells. Nil where it does not: without /proc, and for a process that
    /// this one may not look at, such as another user's or another container's.
    public static func pid(
        ofFilesIn directories: [String], except own: Int? = nil, files: any FileDoor
    ) -> Int? {
        let own = own ?? Int(getpid())
        let paths = inodes(directories, files)
        guard !paths.isEmpty, let processes = try? files.list("/proc") else { return nil }
        for pid in processes.lazy.compactMap({ Int($0) }).prefix(processLimit) where pid != own {
            // Most processes are other users', or end while they are looked at.
            guard let descriptors = try? files.list("/proc/\(pid)/fd") else { continue }
            for descriptor in descriptors.prefix(descriptorLimit) {
                let link = "/proc/\(pid)/fd/\(descriptor)"
                guard let status = try? files.status(link), status.isRegular,
                    let path = paths[status.inode], isSame(link, path, files)
                else { continue }
                return pid
            }
        }
        return nil
    }

    private static func inodes(_ directories: [String], _ files: any FileDoor) -> [UInt64: String] {
        var paths: [UInt64: String] = [:]
        for directory in directories {
            for name in ((try? files.list(directory)) ?? []).prefix(descriptorLimit) {
                let path = "\(directory)/\(name)"
                guard let status = try? files.status(path), status.isRegular else { continue }
                paths[status.inode] = path
            }
        }
        return paths
    }

    /// Two file systems may have the same inode number, but not a file of the same length and time with it.
    private static func isSame(_ one: String, _ other: String, _ files: any FileDoor) -> Bool {
        (0..<attempts).contains { _ in
            guard let first = try? files.status(one), let second = try? files.status(other) else {
                return false
            }
            return first == second
        }
    }
}
