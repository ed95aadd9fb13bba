import FoundationEssentials
import Platform
import Testing

@Suite struct FileDoorReplaceTests {
    @Test func aFileIsReplacedWholeAndWhatACrashLeftIsOverwritten() throws {
        let folder = try TemporaryFolder()
        let files = POSIXFiles()
        let path = folder.path + "/targets.yml"
        try files.replace(path, with: Array("first".utf8))
        let first = try #require(try files.status(path))
        let left = try files.open(path + ".new", .create)
        try files.close(left)
        try files.replace(path, with: Array("second".utf8))
        #expect(try files.contents(of: path, limitBytes: 100) == Array("second".utf8))
        #expect(try files.status(path)?.inode != first.inode, "another file, not the old one rewritten")
        #expect(try files.list(folder.path) == ["targets.yml"])
    }

    @Test func aFolderThatIsNotThereIsSaid() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FileError.self) {
            try POSIXFiles().replace(folder.path + "/none/a", with: [])
        }
        #expect(error?.path.hasSuffix("/none/a.new") == true)
    }

    @Test func whatIsNoFileIsNotReplaced() throws {
        let folder = try TemporaryFolder()
        let files = POSIXFiles()
        try files.makeDirectory(folder.path + "/folder")
        for path in [folder.path + "/folder", "/dev/null"] {
            let error = #expect(throws: FileError.self) { try files.replace(path, with: [1]) }
            #expect(error?.message == "it is no regular file")
        }
        #expect(try files.list(folder.path) == ["folder"])
    }

    @Test func aFileMayBeItsOwnersAlone() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/secret"
        try POSIXFiles().replace(path, with: [1])
        try POSIXFiles().replace(path, with: [2], isPublic: false)
        let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(permissions as? Int == 0o600 || permissions as? UInt == 0o600)
    }
}
