import Platform
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import Agent

struct StorageProbeTests {
    private let files = POSIXFiles()

    private func probe(freeBytes: UInt64 = 1 << 40) -> StorageProbe {
        StorageProbe(files: files, clock: SystemClock()) { _ in
            DiskSpace(freeBytes: freeBytes, totalBytes: 1 << 41, freeFiles: nil)
        }
    }

    @Test func aDirectoryIsTriedAndLeftAsItWas() throws {
        let folder = try TemporaryFolder()
        try files.replace("\(folder.path)/00000000000000000001.segment", with: [1, 2, 3])
        let lock = try files.open("\(folder.path)/narthex.lock", .update)
        #expect(try files.lock(lock))
        let facts = probe().facts("\(folder.path)//")
        #expect(facts.failure == nil && facts.folder == folder.path && facts.heldBytes == 3)
        #expect(facts.writtenBytes == 8 << 20 && facts.writeNs > 0)
        #expect(facts.syncsNs.count == 10 && facts.syncsNs == facts.syncsNs.sorted())
        #expect(try files.list(folder.path) == ["00000000000000000001.segment", "narthex.lock"])
        try files.close(lock)
    }

    /// Opens by the names that it is asked for, and keeps what was asked.
    private final class Watching: FileDoor {
        let opened = Mutex<[(path: String, mode: OpenMode, thereAfterwards: Bool)]>([])
        private let files = POSIXFiles()

        func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
            let file = try files.open(path, mode)
            opened.withLock { $0.append((path, mode, false)) }
            return file
        }

        func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
            let isThere = try files.status(file.path) != nil
            opened.withLock { $0[$0.count - 1].thereAfterwards = isThere }
            try files.write(bytes, to: file, at: offset)
        }

        func read(
            into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64
        ) throws(FileError) -> Int { try files.read(into: &buffer, from: file, at: offset) }
        func close(_ file: OpenFile) throws(FileError) { try files.close(file) }
        func sync(_ file: OpenFile) throws(FileError) { try files.sync(file) }
        func syncDirectory(_ path: String) throws(FileError) { try files.syncDirectory(path) }
        func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
            try files.truncate(file, to: length)
        }
        func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
            try files.allocate(file, length: length)
        }
        func length(of file: OpenFile) throws(FileError) -> UInt64 { try files.length(of: file) }
        func rename(_ from: String, to: String) throws(FileError) { try files.rename(from, to: to) }
        func remove(_ path: String) throws(FileError) { try files.remove(path) }
        func list(_ directory: String) throws(FileError) -> [String] { try files.list(directory) }
        func makeDirectory(_ path: String) throws(FileError) { try files.makeDirectory(path) }
        func lock(_ file: OpenFile) throws(FileError) -> Bool { try files.lock(file) }
        func freeBytes(_ directory: String) -> UInt64? { files.freeBytes(directory) }
        func status(_ path: String) throws(FileError) -> FileStatus? { try files.status(path) }
    }

    /// Run by root in a folder of somebody else's, it must not write through a link that waits for it, nor
    /// into another doctor's file.
    @Test func theFileIsMadeUnderANameThatNobodyKnows() throws {
        let folder = try TemporaryFolder()
        let watching = Watching()
        let probe = StorageProbe(files: watching, clock: SystemClock())
        for _ in 0..<2 { #expect(probe.facts(folder.path).failure == nil) }
        let opened = watching.opened.withLock { $0 }
        #expect(opened.count == 2 && opened[0].path != opened[1].path)
        for (path, mode, isThere) in opened {
            #expect(path.hasPrefix("\(folder.path)/\(StorageProbe.filePrefix)\(getpid())."))
            #expect(mode == .create)
            // A doctor that is killed leaves nothing.
            #expect(!isThere)
        }
        #expect(try files.list(folder.path) == [])
    }

    @Test func aDiskThatIsNearlyFullIsNotFilled() throws {
        let folder = try TemporaryFolder()
        #expect(probe(freeBytes: 16 << 20).facts(folder.path).writtenBytes == 1 << 20)
        #expect(probe(freeBytes: 0).facts(folder.path).writtenBytes == 64 << 10)
    }

    @Test func whatIsNotThereIsTriedInTheFolderAbove() throws {
        let folder = try TemporaryFolder()
        let facts = probe().facts("\(folder.path)/a/b")
        #expect(facts.failure == nil && facts.folder == folder.path)
        #expect(try files.list(folder.path) == [])
    }

    @Test func aFileIsNoDirectory() throws {
        let folder = try TemporaryFolder()
        try files.replace("\(folder.path)/a", with: [1])
        #expect(probe().facts("\(folder.path)/a").failure?.hasSuffix("it is not a directory") == true)
    }

    @Test func aFolderThatCannotBeWrittenIsSaid() {
        let failure = probe().facts("/proc").failure
        #expect(failure?.hasPrefix("open /proc/narthex.doctor.\(getpid()).") == true)
    }
}
