import Platform
import Testing

@testable import Agent

struct ConfigurationCacheTests {
    private let files = POSIXFiles()

    private func cache(
        _ folder: TemporaryFolder, _ location: String = "ssm:/a", _ environment: [String: String] = [:]
    ) -> ConfigurationCache {
        ConfigurationCache(
            storagePath: folder.path + "/storage", location: location, environment: environment, files: files)
    }

    private let found = ReadConfiguration(
        name: "/etc/prometheus.yml", text: Array("a\nb\n".utf8), version: .init(parts: ["1"], isRemote: true),
        companions: [.init(path: "/etc/a.txt", bytes: [0, 10, 255], mode: 0o640)])

    @Test func whatIsKeptComesBack() throws {
        let folder = try TemporaryFolder()
        #expect(try cache(folder).load() == nil)
        try cache(folder).store(found)
        let kept = try #require(try cache(folder).load())
        #expect(kept.name == found.name && kept.text == found.text && kept.isKept)
        #expect(kept.companions == found.companions && kept.version.isRemote)
        // The same name in another region, or at another endpoint, is another source.
        #expect(try cache(folder, "ssm:/a", ["AWS_REGION": "eu-west-1"]).load() == nil)
        #expect(try cache(folder, "ssm:/a", ["AWS_ENDPOINT_URL_SSM": "http://h"]).load() == nil)
        #expect(try cache(folder, "ssm:/b").load() == nil)
    }

    @Test func theSameTextIsNotWrittenAgain() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/storage/\(ConfigurationCache.fileName)"
        try cache(folder).store(found)
        let first = try files.status(path)
        try cache(folder).store(found)
        #expect(try files.status(path) == first && first != nil)
    }

    @Test func aDamagedCopyIsNone() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/storage/\(ConfigurationCache.fileName)"
        try cache(folder).store(found)
        let whole = try files.contents(of: path, limitBytes: 1_000)
        for cut in 0..<whole.count {
            try files.replace(path, with: Array(whole[..<cut]), isPublic: false)
            #expect(try cache(folder).load() == nil, "\(cut)")
        }
        var changed = whole
        changed[whole.count - 1] ^= 1
        try files.replace(path, with: changed, isPublic: false)
        #expect(try cache(folder).load() == nil)
    }
}
