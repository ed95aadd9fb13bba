import Testing

@testable import Discovery

@Suite struct GlobTests {
    @Test(arguments: [
        ("*.yml", "a.yml", true), ("*.yml", ".yml", true), ("*.yml", "a.yaml", false),
        ("a*b*c", "aXbYbc", true),
        ("a*b*c", "aXbY", false), ("?.json", "é.json", false), ("?.json", "e.json", true),
        ("[a-c]*", "bat", true),
        ("[^a-c]*", "bat", false), ("[a\\]]x", "]x", true), ("a\\*b", "a*b", true), ("a\\*b", "aXb", false),
        ("**", "", true), ("", "", true), ("", "a", false), ("[0-9][0-9].yml", "42.yml", true),
    ])
    func matchesAsGoDoes(pattern: String, name: String, matches: Bool) throws {
        #expect(try Glob(pattern).matches(name) == matches)
    }

    @Test(arguments: ["[", "[a", "[]", "[^]", "[b-a]", "[a-", "a\\", "[\\"])
    func badPatternsAreRefused(pattern: String) {
        #expect(throws: DiscoveryError.self) { try Glob(pattern) }
    }

    @Test func manyStarsStayCheap() throws {
        let glob = try Glob(String(repeating: "*a", count: 50) + "b")
        #expect(!glob.matches(String(repeating: "a", count: 10_000)))
    }
}
