public import Platform

/// Who holds the lock of a file.
public enum LockHolder {
    private static let limitBytes = 1 << 20

    /// The process that holds a `flock` on the file at `path`, as proc_locks(5) tells. Nil where it does not:
    /// without /proc, and for a process that this one cannot see, such as another container's.
    public static func pid(of path: String, files: any FileDoor) -> Int? {
        // It only makes a refusal clearer: what cannot be found out is left out of it.
        guard let status = try? files.status(path),
            let locks = try? files.contents(of: "/proc/locks", limitBytes: limitBytes)
        else { return nil }
        return pid(in: String(decoding: locks, as: UTF8.self), inode: status.inode)
    }

    /// Reads lines such as `1: FLOCK  ADVISORY  WRITE 4711 fe:00:16246972 0 EOF`. Two file systems may have
    /// the same inode number: where both have a holder nobody is named, else it may be the wrong one.
    static func pid(in locks: String, inode: UInt64) -> Int? {
        let pids = locks.split(separator: "\n").compactMap { line -> Int? in
            let words = line.split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK", words[3] == "WRITE",
                words[5].split(separator: ":").last == "\(inode)", let pid = Int(words[4]), pid > 0
            else { return nil }
            return pid
        }
        return Set(pids).count == 1 ? pids.first : nil
    }
}
