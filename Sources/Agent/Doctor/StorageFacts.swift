import Platform

#if canImport(Glibc)
import Glibc
#endif

/// What a look at the storage directory found.
struct StorageFacts: Sendable, Equatable {
    /// `--storage.agent.path`
    var path: String
    /// The directory itself, or the nearest one above it that is there.
    var folder: String
    var space: DiskSpace?
    /// Of the files of a buffer that is there already.
    var heldBytes: UInt64 = 0
    /// Of the same files.
    var format = FormatFacts()
    /// Why nothing could be written.
    var failure: String?
    /// The kernel's number for it; 0 where it has none.
    var failureErrno: Int32 = 0
    /// What was written at once and how long that took until it was durable.
    var writtenBytes: UInt64 = 0
    var writeNs: UInt64 = 0
    /// How long small writes took to become durable, shortest first.
    var syncsNs: [UInt64] = []
}

extension StorageFacts {
    static let check = "storage"
    /// A disk that takes less than the samples of a small agent make is none to work on: 20,000 samples a
    /// second at 5 bytes each, ten times over.
    static let slowBytesPerSecond = 1_048_576.0
    /// The buffer is made durable once a second; a sync that takes half of that leaves no room.
    static let slowSyncNs: UInt64 = 500_000_000

    /// `retentionBytes` is what the buffer may grow to (`--storage.agent.retention.max-size`).
    func lines(retentionBytes: UInt64) -> [DoctorLine] {
        [writing, failure == nil ? syncing : nil, room(retentionBytes)].compactMap { $0 } + format.lines
    }

    private var place: String { folder == path ? path : "\(path) (tried in \(folder))" }

    private var writing: DoctorLine {
        if let failure {
            return .wrong(
                Self.check, of: "write", "\(path): \(failure)",
                remedy: "\(remedy), or name another directory by --storage.agent.path")
        }
        let perSecond = Double(writtenBytes) / (Double(max(1, writeNs)) / 1e9)
        let speed = "\(ByteText.text(UInt64(min(perSecond, 1e15)))) a second"
        guard perSecond >= Self.slowBytesPerSecond else {
            return .wrong(
                Self.check, of: "write", "\(place) takes \(speed)",
                remedy: "put the buffer on a faster disk by --storage.agent.path")
        }
        return .ok(Self.check, of: "write", "\(place) takes \(speed)")
    }

    private var remedy: String {
        switch failureErrno {
        case ENOSPC: "make room on that disk, bytes or inodes"
        case EDQUOT: "make room within the user's quota, or raise that"
        case EROFS:
            "mount that file system for writing: a container with a read-only root needs a volume there"
        case EIO: "look at the disk, of which the kernel's log tells"
        case ENOTDIR, EEXIST: "remove the file that is in the directory's place"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n, LimitNOFILE of a service)"
        case EACCES, EPERM: "let the user that runs the agent write there"
        default: "look at the disk and its mount"
        }
    }

    private var syncing: DoctorLine? {
        guard let longest = syncsNs.last else { return nil }
        let median = syncsNs[syncsNs.count / 2]
        let text = "a small write is durable after \(Self.ms(median)) ms, \(Self.ms(longest)) ms at most"
        guard median < Self.slowSyncNs else {
            return .wrong(
                Self.check, of: "fsync", text,
                remedy: "put the buffer on a faster disk: what is not durable yet is lost with the power")
        }
        return .ok(Self.check, of: "fsync", text)
    }

    private func room(_ retentionBytes: UInt64) -> DoctorLine? {
        guard let space else { return nil }
        let free = "\(ByteText.text(space.freeBytes)) of \(ByteText.text(space.totalBytes)) free"
        if space.freeFiles == 0 {
            return .wrong(
                Self.check, of: "space", "\(free), and no file may be made any more",
                remedy: "remove files, or give the file system more inodes")
        }
        let stillNeeded = retentionBytes > heldBytes ? retentionBytes - heldBytes : 0
        guard space.freeBytes >= stillNeeded else {
            return .wrong(
                Self.check, of: "space",
                "\(free), and the buffer may take \(ByteText.text(stillNeeded)) more while a destination is "
                    + "away",
                remedy: "make room, or lower --storage.agent.retention.max-size")
        }
        return .ok(
            Self.check, of: "space", "\(free), the buffer takes \(ByteText.text(stillNeeded)) more at most")
    }

    private static func ms(_ ns: UInt64) -> String { ByteText.decimal(Double(ns) / 1e6) }
}
