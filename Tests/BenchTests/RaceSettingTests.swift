import JSON
import Platform
import StandIns
import Testing

@testable import narthex_bench

struct RaceSettingTests {
    @Test func aSettingTellsMachineAndVersions() throws {
        let setting = RaceSetting([.prometheus("/bin/cat"), .vmagent("/no/such/agent")])
        #expect(setting.date.hasSuffix("Z"))
        #expect(setting.kernel.hasPrefix("Linux "))
        #expect(setting.processors > 0)
        #expect(setting.versions.keys.sorted() == ["prometheus"])
        #expect(setting.versions["prometheus"]?.hasPrefix("cat (GNU coreutils)") == true)
    }

    /// It might do anything with an argument that it does not expect.
    @Test func aScriptIsNotAsked() throws {
        let folder = try TemporaryFolder(name: "version")
        defer { folder.remove() }
        let path = "\(folder.path)/agent"
        try StandInFleet.write(path, "#!/bin/sh\ntouch \(folder.path)/ran\necho 1.0\n")
        try POSIXFiles().setPermissions(of: path, to: 0o755)
        #expect(RaceSetting.version(path) == nil)
        #expect(try POSIXFiles().status("\(folder.path)/ran") == nil)
    }
}
