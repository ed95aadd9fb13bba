import Glibc
import Platform
import Testing

struct POSIXFilesTests {
    let files = POSIXFiles()
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ file: OpenFile, count: Int, at offset: UInt64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        var span = bytes.mutableSpan
        // Safety: UInt8 has no bit pattern that is not a value.
        var raw = unsafe span.mutableBytes
        let got = try files.read(into: &raw, from: file, at: offset)
        return Array(bytes[..<got])
    }

    private func write(_ bytes: [UInt8], to file: OpenFile, at offset: UInt64) throws(FileError) {
        // Safety: UInt8 has no padding, so the raw bytes are all initialised.
        try unsafe files.write(bytes.span.bytes, to: file, at: offset)
    }

    @Test func writesAndReadsAtOffsets() throws {
        let file = try files.open(folder.path + "/a", .create)
        let bytes = Array("hello world".utf8)
        try write(bytes, to: file, at: 3)
        #expect(try files.length(of: file) == 14)
        #expect(try read(file, count: 5, at: 3) == Array("hello".utf8))
        #expect(try read(file, count: 4, at: 0) == [0, 0, 0] + Array("h".utf8))
        #expect(try read(file, count: 100, at: 9) == Array("world".utf8))
        #expect(try read(file, count: 10, at: 14).isEmpty)
        #expect(try read(file, count: 0, at: 0).isEmpty)
        try write([UInt8](), to: file, at: 100)
        #expect(try files.length(of: file) == 14)
        try files.sync(file)
        try files.syncDirectory(folder.path)
        try files.close(file)
    }

    @Test func createRefusesWhatIsThere() throws {
        try files.close(try files.open(folder.path + "/a", .create))
        let error = #expect(throws: FileError.self) { try files.open(folder.path + "/a", .create) }
        #expect(error?.errno == EEXIST)
        #expect(error?.path == folder.path + "/a")
        #expect(error?.description.hasPrefix("open \(folder.path)/a: ") == true)
        try files.close(try files.open(folder.path + "/a", .update))
    }

    @Test func readAndUpdateOfWhatIsNotThere() throws {
        let error = #expect(throws: FileError.self) { try files.open(folder.path + "/a", .read) }
        #expect(error?.errno == ENOENT)
        try files.close(try files.open(folder.path + "/a", .update))
        #expect(try files.status(folder.path + "/a")?.length == 0)
    }

    @Test func filesAreTheOwnersAlone() throws {
        try files.close(try files.open(folder.path + "/a", .create))
        var info = stat()
        #expect(unsafe stat(folder.path + "/a", &info) == 0)
        #expect(info.st_mode & 0o077 == 0)
    }

    @Test func permissionsAreWhatIsSet() throws {
        let deep = folder.path + "/deep/er"
        try files.makeDirectory(deep, mode: 0o755)
        #expect(try files.permissions(of: deep) == 0o755)
        #expect(try files.permissions(of: folder.path + "/deep") == 0o755)
        try files.close(try files.open(deep + "/a", .create))
        try files.setPermissions(of: deep + "/a", to: 0o640)
        #expect(try files.permissions(of: deep + "/a") == 0o640)
        #expect(throws: FileError.self) { try files.permissions(of: deep + "/none") }
        #expect(throws: FileError.self) { try files.setPermissions(of: deep + "/none", to: 0o600) }
    }

    @Test func aFullDiskIsAnErrorWithItsErrno() throws {
        let full = try files.open("/dev/full", .update)
        let bytes = [UInt8](repeating: 1, count: 10)
        let error = #expect(throws: FileError.self) { try write(bytes, to: full, at: 0) }
        #expect(error?.errno == ENOSPC)
        #expect(error?.operation == "pwrite")
        try files.close(full)
    }

    @Test func aReadOnlyFileIsNotWritten() throws {
        try files.close(try files.open(folder.path + "/a", .create))
        let file = try files.open(folder.path + "/a", .read)
        let bytes: [UInt8] = [1]
        let error = #expect(throws: FileError.self) { try write(bytes, to: file, at: 0) }
        #expect(error?.errno == EBADF)
        #expect(throws: FileError.self) { try files.truncate(file, to: 0) }
        #expect(throws: FileError.self) { try files.allocate(file, length: 4_096) }
        try files.close(file)
    }

    @Test func aClosedFileFailsEverywhere() throws {
        // A descriptor no process has: the real one may be another test's file by now.
        let file = OpenFile(descriptor: 1 << 20, path: "gone")
        #expect(throws: FileError.self) { try files.close(file) }
        #expect(throws: FileError.self) { try files.sync(file) }
        #expect(throws: FileError.self) { try files.length(of: file) }
        #expect(throws: FileError.self) { try files.lock(file) }
        #expect(throws: FileError.self) { try read(file, count: 1, at: 0) }
    }

    @Test func truncateCutsAndAllocateKeepsTheLength() throws {
        let file = try files.open(folder.path + "/a", .create)
        let bytes = [UInt8](repeating: 7, count: 100)
        try write(bytes, to: file, at: 0)
        try files.truncate(file, to: 40)
        #expect(try files.length(of: file) == 40)
        try files.allocate(file, length: 1 << 20)
        #expect(try files.length(of: file) == 40)
        #expect(
            try files.contents(of: folder.path + "/a", limitBytes: 40) == [UInt8](repeating: 7, count: 40))
        try files.close(file)
    }

    @Test func renameReplacesAndRemoveRemoves() throws {
        for name in ["a", "b"] {
            let file = try files.open(folder.path + "/" + name, .create)
            try write(Array(name.utf8), to: file, at: 0)
            try files.close(file)
        }
        try files.rename(folder.path + "/a", to: folder.path + "/b")
        #expect(try files.list(folder.path) == ["b"])
        #expect(try files.contents(of: folder.path + "/b", limitBytes: 10) == Array("a".utf8))
        try files.remove(folder.path + "/b")
        #expect(try files.list(folder.path).isEmpty)
        #expect(throws: FileError.self) { try files.remove(folder.path + "/b") }
        #expect(throws: FileError.self) { try files.rename(folder.path + "/b", to: folder.path + "/c") }
    }

    @Test func listIsSortedAndComplete() throws {
        for index in (0..<300).reversed() {
            try files.close(try files.open("\(folder.path)/f\(1_000 + index)", .create))
        }
        #expect(try files.list(folder.path) == (0..<300).map { "f\(1_000 + $0)" })
        #expect(throws: FileError.self) { try files.list(folder.path + "/absent") }
        #expect(throws: FileError.self) { try files.list(folder.path + "/f1000") }
    }

    @Test func makesDirectoriesOnTheWay() throws {
        try files.makeDirectory(folder.path + "/x/y/z")
        try files.makeDirectory(folder.path + "/x/y/z")
        try files.makeDirectory(folder.path + "/x/y/w/")
        #expect(try files.status(folder.path + "/x/y/z")?.isDirectory == true)
        #expect(try files.list(folder.path + "/x/y") == ["w", "z"])
    }

    @Test func aFileInTheWayIsNoDirectory() throws {
        try files.close(try files.open(folder.path + "/a", .create))
        let error = #expect(throws: FileError.self) { try files.makeDirectory(folder.path + "/a") }
        #expect(error?.errno == EEXIST)
        #expect(throws: FileError.self) { try files.makeDirectory(folder.path + "/a/b") }
    }

    @Test func statusTellsVersionsApart() throws {
        #expect(try files.status(folder.path + "/a") == nil)
        let file = try files.open(folder.path + "/a", .create)
        #expect(try files.status(folder.path + "/a/below") == nil)
        let empty = try #require(try files.status(folder.path + "/a"))
        try write([UInt8(1)], to: file, at: 0)
        let filled = try #require(try files.status(folder.path + "/a"))
        #expect(filled.inode == empty.inode)
        #expect(filled.length == 1)
        #expect(filled != empty)
        try files.close(file)
    }

    /// In seconds since 1970; ext4 keeps times up to 2446, others any.
    @Test(arguments: [1_700_000_000, 10_413_792_000, -2_000_000_000])
    func aFileMayBeOfAnyTime(seconds: Int) throws {
        let path = folder.path + "/a"
        try files.close(try files.open(path, .create))
        let time = timespec(tv_sec: seconds, tv_nsec: 5)
        // Safety: both times live through the call.
        #expect(unsafe utimensat(AT_FDCWD, path, [time, time], 0) == 0)
        let status = try #require(try files.status(path))
        #expect(
            status.modifiedNs == (seconds > 9_223_372_036 ? Int64.max : Int64(seconds) * 1_000_000_000 + 5))
    }

    @Test func oneProcessHoldsTheLock() throws {
        let first = try files.open(folder.path + "/lock", .update)
        let second = try files.open(folder.path + "/lock", .update)
        #expect(try files.lock(first))
        #expect(try !files.lock(second))
        try files.close(first)
        #expect(try files.lock(second))
        try files.close(second)
    }

    @Test func contentsKeepTheirLimit() throws {
        let file = try files.open(folder.path + "/a", .create)
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        try write(bytes, to: file, at: 0)
        try files.close(file)
        #expect(try files.contents(of: folder.path + "/a", limitBytes: 200_000) == bytes)
        #expect(throws: FileError.self) { try files.contents(of: folder.path + "/a", limitBytes: 199_999) }
        #expect(throws: FileError.self) { try files.contents(of: folder.path, limitBytes: 10) }
        #expect(throws: FileError.self) { try files.contents(of: "/dev/zero", limitBytes: 100_000) }
        #expect(try !files.contents(of: "/proc/self/status", limitBytes: 65_536).isEmpty)
    }
}
