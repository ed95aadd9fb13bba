#if canImport(Glibc)
import Glibc
#endif

/// What a file system has left, as statvfs(3) tells.
public struct DiskSpace: Sendable, Equatable {
    /// Bytes that this user may still write.
    public let freeBytes: UInt64
    /// Bytes of the file system.
    public let totalBytes: UInt64
    /// Files that this user may still make; nil where the file system counts none.
    public let freeFiles: UInt64?

    public init(freeBytes: UInt64, totalBytes: UInt64, freeFiles: UInt64?) {
        self.freeBytes = freeBytes
        self.totalBytes = totalBytes
        self.freeFiles = freeFiles
    }

    /// Of the file system that `path` lies on; nil where the kernel does not tell. Blocks as long as the file
    /// system takes to answer.
    public static func of(_ path: String) -> DiskSpace? {
        var info = statvfs()
        // Safety: `info` lives through the call.
        guard unsafe statvfs(path, &info) == 0 else { return nil }
        let block = UInt64(info.f_frsize)
        func bytes(_ blocks: UInt64) -> UInt64 {
            let (bytes, overflows) = blocks.multipliedReportingOverflow(by: block)
            return overflows ? .max : bytes
        }
        return DiskSpace(
            freeBytes: bytes(UInt64(info.f_bavail)), totalBytes: bytes(UInt64(info.f_blocks)),
            freeFiles: info.f_files == 0 ? nil : UInt64(info.f_favail))
    }
}
