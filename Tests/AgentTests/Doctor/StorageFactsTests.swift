import Platform
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import Agent

struct StorageFactsTests {
    private let good = StorageFacts(
        path: "/data", folder: "/data",
        space: DiskSpace(freeBytes: 8 << 30, totalBytes: 16 << 30, freeFiles: 1_000), heldBytes: 256 << 20,
        writtenBytes: 8 << 20, writeNs: 500_000_000, syncsNs: [1_000_000, 2_000_000, 30_000_000])

    private func texts(_ facts: StorageFacts) -> [String] {
        facts.lines(retentionBytes: 1 << 30).map(\.text)
    }

    @Test func aGoodDiskHasItsFigures() {
        #expect(
            texts(good) == [
                "ok       storage write: /data takes 16MB a second",
                "ok       storage fsync: a small write is durable after 2 ms, 30 ms at most",
                "ok       storage space: 8GB of 16GB free, the buffer takes 768MB more at most",
            ])
    }

    @Test func aDirectoryThatIsNotThereYetIsTriedAbove() {
        var facts = good
        facts.folder = "/"
        #expect(texts(facts)[0] == "ok       storage write: /data (tried in /) takes 16MB a second")
    }

    @Test func whatCannotBeWrittenIsSaidWithTheSpace() {
        var facts = good
        facts.failure = "open /data/narthex.doctor.1.a: Permission denied"
        facts.failureErrno = EACCES
        facts.writtenBytes = 0
        facts.syncsNs = []
        let lines = facts.lines(retentionBytes: 1 << 30)
        #expect(lines.map(\.verdict) == [.wrong, .ok])
        #expect(lines[0].text.contains("Permission denied; let the user that runs the agent write there"))
    }

    @Test(arguments: [
        (ENOSPC, "make room on that disk"), (EDQUOT, "make room within the user's quota"),
        (EROFS, "mount that file system for writing"), (EIO, "look at the disk, of which the kernel's log"),
        (ENOTDIR, "remove the file"), (EMFILE, "raise the limit of open files"), (0, "look at the disk and"),
    ])
    func eachFaultOfTheDiskHasItsRemedy(number: Int32, words: String) {
        var facts = good
        facts.failure = "on cue"
        facts.failureErrno = number
        let remedy = facts.lines(retentionBytes: 1 << 30)[0].remedy ?? ""
        #expect(remedy.hasPrefix(words))
        #expect(remedy.hasSuffix(", or name another directory by --storage.agent.path"))
    }

    @Test func aSlowDiskIsSaid() {
        var facts = good
        facts.writeNs = 9_000_000_000
        facts.syncsNs = [499_999_999, 600_000_000, 900_000_000]
        let lines = facts.lines(retentionBytes: 1 << 30)
        #expect(lines.map(\.verdict) == [.wrong, .wrong, .ok])
        #expect(lines[0].text.contains("/data takes 910.2KB a second; put the buffer on a faster disk"))
        #expect(lines[1].text.contains("600 ms, 900 ms at most"))
    }

    @Test func whatTheBufferHoldsAlreadyNeedsNoMoreRoom() {
        var facts = good
        facts.space = DiskSpace(freeBytes: 768 << 20, totalBytes: 16 << 30, freeFiles: nil)
        #expect(facts.lines(retentionBytes: 1 << 30).last?.verdict == .ok)
        facts.heldBytes -= 1
        let line = facts.lines(retentionBytes: 1 << 30).last
        #expect(line?.verdict == .wrong)
        #expect(line?.text.contains("make room, or lower --storage.agent.retention.max-size") == true)
        facts.heldBytes = 5 << 30
        #expect(facts.lines(retentionBytes: 1 << 30).last?.verdict == .ok)
    }

    @Test func aDiskWithoutInodesIsFull() {
        var facts = good
        facts.space = DiskSpace(freeBytes: 8 << 30, totalBytes: 16 << 30, freeFiles: 0)
        #expect(texts(facts).last?.contains("no file may be made any more; remove files") == true)
    }
}
