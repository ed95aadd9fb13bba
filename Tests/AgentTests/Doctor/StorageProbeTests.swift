import Platform
import Testing

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

    /// What a doctor leaves that was killed is used again, and goes with the next one.
    @Test func aFileThatWasLeftBehindGoes() throws {
        let folder = try TemporaryFolder()
        try files.replace("\(folder.path)/\(StorageProbe.fileName)", with: Array(repeating: 1, count: 9))
        #expect(probe().facts(folder.path).failure == nil)
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
        #expect(failure?.hasPrefix("open /proc/narthex.doctor: ") == true)
    }
}
