import Platform
import Testing

#if canImport(Glibc)
import Glibc
#endif

struct OpenFileUserTests {
    @Test func aProcessIsFoundByTheFilesThatItHasOpen() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        let files = POSIXFiles()
        try files.makeDirectory(folder + "/wal")
        try files.replace(folder + "/wal/00000000", with: Array("samples".utf8))
        func pid(_ name: String, except own: Int = -1) -> Int? {
            OpenFileUser.pid(ofFilesIn: [folder + "/none", folder + name], except: own, files: files)
        }
        #expect(pid("/wal") == nil)
        let file = try files.open(folder + "/wal/00000000", .read)
        let own = Int(getpid())
        #expect(pid("/wal") == own)
        // A child that another test begins may have it for a moment.
        #expect(pid("/wal", except: own) != own)
        // Only what lies directly there counts.
        #expect(pid("") == nil)
        try files.close(file)
        #expect(pid("/wal") != own)
    }
}
