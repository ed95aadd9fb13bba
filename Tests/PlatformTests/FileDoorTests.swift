import Testing

@testable import Platform

struct FileDoorTests {
    /// Lines longer than a read, on the border of two reads, empty, and a last one without its newline.
    @Test func linesComeWholeAndInOrder() throws {
        let folder = try TemporaryFolder()
        let files = POSIXFiles()
        let lines = [
            String(repeating: "a", count: 16_383), "", "b", String(repeating: "c", count: 40_000), "", "d",
        ]
        for ending in ["\n", ""] {
            try files.replace(
                folder.path + "/lines", with: Array((lines.joined(separator: "\n") + ending).utf8))
            var found: [String] = []
            try files.forEachLine(of: folder.path + "/lines", limitBytes: 100_000) {
                found.append(String(decoding: $0, as: UTF8.self))
            }
            #expect(found == lines)
        }
    }

    @Test func aFileAboveTheLimitIsRefused() throws {
        let folder = try TemporaryFolder()
        let files = POSIXFiles()
        try files.replace(folder.path + "/lines", with: [UInt8](repeating: UInt8(ascii: "\n"), count: 50_000))
        var count = 0
        let error = #expect(throws: FileError.self) {
            try files.forEachLine(of: folder.path + "/lines", limitBytes: 49_999) { _ in count += 1 }
        }
        #expect(error?.message == "the file is larger than the 49999 bytes allowed")
        #expect(count <= 49_999)
        try files.forEachLine(of: folder.path + "/lines", limitBytes: 50_000) { _ in count += 1 }
    }

    @Test func aFolderSaysWhatRoomThereIs() throws {
        let folder = try TemporaryFolder()
        let free = try #require(POSIXFiles().freeBytes(folder.path))
        #expect(try free > 0 && free < #require(DiskSpace.of(folder.path)).totalBytes)
        #expect(POSIXFiles().freeBytes(folder.path + "/none") == nil)
        // It has no size.
        #expect(POSIXFiles().freeBytes("/proc") == nil)
    }
}
