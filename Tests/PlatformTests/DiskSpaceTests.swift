import Platform
import Testing

struct DiskSpaceTests {
    @Test func aFolderHasRoom() throws {
        let folder = try TemporaryFolder()
        let space = try #require(DiskSpace.of(folder.path))
        #expect(space.totalBytes > 0 && space.freeBytes <= space.totalBytes)
    }

    /// /proc counts neither bytes nor files.
    @Test func aFileSystemWithoutFilesOfItsOwnCountsNone() {
        #expect(DiskSpace.of("/proc") == DiskSpace(freeBytes: 0, totalBytes: 0, freeFiles: nil))
    }

    @Test func whatIsNotThereHasNone() {
        #expect(DiskSpace.of("/nonexistent") == nil)
    }
}
