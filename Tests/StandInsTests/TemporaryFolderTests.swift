import Platform
import StandIns
import Testing

/// The folder of a run.
struct TemporaryFolderTests {
    @Test func isMadeAndRemovedWithAllThatIsInIt() throws {
        let files = POSIXFiles()
        let folder = try TemporaryFolder(name: "narthex-test")
        let other = try TemporaryFolder(name: "narthex-test")
        defer { other.remove() }
        #expect(folder.path != other.path)
        try files.makeDirectory("\(folder.path)/inner")
        let file = try files.open("\(folder.path)/inner/file", .create)
        try files.close(file)
        folder.remove()
        #expect(try files.status(folder.path) == nil)
        #expect(try files.status(other.path)?.isDirectory == true)
    }
}
