import Platform
import Testing

@testable import Discovery

@Suite struct GlobPathsTests {
    @Test func aPatternNamesWhatIsThereAndAPathItself() throws {
        let folder = try TemporaryFolder()
        try folder.put("b.yml", "")
        try folder.put("a.yml", "")
        try folder.put("c.json", "")
        let files = POSIXFiles()
        #expect(
            try GlobPaths.matching("\(folder.path)/*.yml", files: files)
                == ["\(folder.path)/a.yml", "\(folder.path)/b.yml"])
        #expect(try GlobPaths.matching("/nowhere/x.yml", files: files) == ["/nowhere/x.yml"])
        #expect(try GlobPaths.matching("/nowhere/*.yml", files: files).isEmpty)
        #expect(throws: DiscoveryError.self) {
            try GlobPaths.matching("\(folder.path)/a.yml/*", files: files)
        }
    }

    @Test(arguments: [
        ("/a/b.yml", "/a/b.yml", true), ("/a/b.yml", "/a/*.yml", true), ("/a/b.yml", "/a/c.yml", false),
        ("/a/b.yml", "/*.yml", false), ("/a/b.yml", "*.yml", false), ("b.yml", "*.yml", true),
        ("/a/b.yml", "/a/b.y?l", true),
    ])
    func aPathIsNamedOrNot(path: String, pattern: String, isNamed: Bool) throws {
        #expect(try GlobPaths.matches(path, pattern) == isNamed)
    }
}
