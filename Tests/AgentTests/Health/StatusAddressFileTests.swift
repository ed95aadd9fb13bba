import Platform
import Testing

@testable import Agent

struct StatusAddressFileTests {
    @Test(arguments: ["", "/"])
    func whatIsStoredIsLoadedUntilItIsRemoved(end: String) throws {
        let folder = try TemporaryFolder()
        let file = StatusAddressFile(storagePath: folder.path + end, files: POSIXFiles())
        #expect(try file.load().isEmpty)
        try file.remove()
        for urls in [["http://127.0.0.1:9090/", "http://[::1]:1/p/"], ["http://127.0.0.1:2/"]] {
            try file.store(urls)
            #expect(try file.load() == urls)
        }
        #expect(try POSIXFiles().list(folder.path) == ["narthex.status-address"])
        try file.remove()
        #expect(try file.load().isEmpty)
    }
}
