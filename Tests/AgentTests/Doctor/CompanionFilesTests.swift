import Platform
import Testing

@testable import Agent

struct CompanionFilesTests {
    private func files(_ folder: TemporaryFolder) -> CompanionFiles {
        CompanionFiles(
            companions: [
                .init(path: "\(folder.path)/new/a.yml", bytes: Array("abc".utf8), mode: 0o600),
                .init(path: "\(folder.path)/old.yml", bytes: Array("new".utf8), mode: 0o600),
            ], files: POSIXFiles())
    }

    @Test func whatIsNotWrittenYetIsRead() throws {
        let folder = try TemporaryFolder()
        try POSIXFiles().replace("\(folder.path)/old.yml", with: Array("old".utf8))
        try POSIXFiles().replace("\(folder.path)/other.yml", with: [1])
        let files = files(folder)
        #expect(try files.contents(of: "\(folder.path)/new/a.yml", limitBytes: 9) == Array("abc".utf8))
        #expect(try files.contents(of: "\(folder.path)/old.yml", limitBytes: 9) == Array("new".utf8))
        #expect(try files.contents(of: "\(folder.path)/other.yml", limitBytes: 9) == [1])
        #expect(throws: FileError.self) { try files.contents(of: "\(folder.path)/none", limitBytes: 9) }
        #expect(try files.list(folder.path) == ["new", "old.yml", "other.yml"])
        #expect(try files.list("\(folder.path)/new") == ["a.yml"])
        #expect(try files.status("\(folder.path)/new/a.yml")?.length == 3)
        #expect(try files.status("\(folder.path)/new")?.isDirectory == true)
        #expect(try files.status("\(folder.path)/none") == nil)
        #expect(try POSIXFiles().list(folder.path) == ["old.yml", "other.yml"])
    }

    @Test func aPartIsReadFromItsPlace() throws {
        let files = files(try TemporaryFolder())
        let file = try files.open(files.companions[0].path, .read)
        var bytes = [UInt8](repeating: 0, count: 2)
        var span = bytes.mutableSpan
        // Safety: UInt8 has no bit pattern that is not a value.
        var raw = unsafe span.mutableBytes
        #expect(try files.read(into: &raw, from: file, at: 1) == 2)
        #expect(try files.read(into: &raw, from: file, at: 3) == 0)
        #expect(try files.length(of: file) == 3)
        try files.close(file)
        #expect(bytes == Array("bc".utf8))
    }
}
