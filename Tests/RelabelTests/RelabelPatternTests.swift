import Testing

@testable import Relabel

@Suite struct RelabelPatternTests {
    private func groups(_ pattern: RelabelPattern, _ text: String) -> [String?]? {
        var ranges: [Int32] = []
        let bytes = Array(text.utf8)
        guard pattern.find(in: bytes, ranges: &ranges) else { return nil }
        return stride(from: 0, to: ranges.count, by: 2).map { index in
            ranges[index] < 0
                ? nil : String(decoding: bytes[Int(ranges[index])..<Int(ranges[index + 1])], as: UTF8.self)
        }
    }

    @Test(arguments: [
        ("a.b", "a\nb", true), ("a", "ab", false), ("a", "ba", false), ("a|b", "b", true),
        ("a|b", "ab", false),
        ("", "", true), ("", "a", false), ("(?i)abc", "ABC", true), ("^abc$", "abc", true), (".+", "", false),
        ("a.*", "a", true), ("a.+", "a", false), ("\\d{3}", "123", true), ("a)|(b", "ax", true),
        ("\\Q.*\\E", ".*", true), ("[[:alpha:]]+", "ab", true), ("\\.", ".", true), ("\\.", "x", false),
        ("é.", "éü", true), ("(?P<x>a)", "a", true), ("(?<x>a)", "a", true), ("[(?<x>]+", "(<?>x", true),
        ("\\(\\?<x>", "(?<x>", true),
    ])
    func patternsMatchTheWholeText(pattern: String, text: String, expected: Bool) throws {
        #expect(try RelabelPattern(pattern).matches(Array(text.utf8)) == expected)
        #expect(try RelabelPattern(pattern, usesShapes: false).matches(Array(text.utf8)) == expected)
    }

    @Test func groupsAreFound() throws {
        #expect(groups(try RelabelPattern("(a)|(b)"), "b") == ["b", nil, "b"])
        #expect(groups(try RelabelPattern("([^:]+):(\\d+)"), "host:80") == ["host:80", "host", "80"])
        #expect(groups(try RelabelPattern("(.*)"), "x") == ["x", "x"])
        let many = String(repeating: "(.)", count: 40)
        let text = String(repeating: "x", count: 40)
        #expect(groups(try RelabelPattern(many), text)?.count == 41)
    }

    @Test(arguments: [
        "(", "a**", "[z-a]", "(?P<n", "\\", "(?=a)", "\\C", "a{1001}", "(?P<n>a)(?P<n>b)", "(?<=a)b", "*",
        "\\8",
    ])
    func whatGoRefusesIsRefused(pattern: String) {
        #expect(throws: RelabelError.self) { try RelabelPattern(pattern) }
    }

    @Test func aRefusalNamesTheReason() {
        do throws(RelabelError) {
            _ = try RelabelPattern("a(b")
            Issue.record("it was taken")
        } catch {
            #expect(error.key == .regex)
            #expect(error.message.contains("missing )"))
        }
    }

    @Test func largePatternsAreTakenAndHugeOnesRefused() throws {
        let names = (0..<20_000).map { "some_metric_name_\($0)" }.joined(separator: "|")
        let pattern = try RelabelPattern(names)
        #expect(pattern.matches(Array("some_metric_name_19999".utf8)))
        #expect(!pattern.matches(Array("some_metric_name_20000".utf8)))
        #expect(throws: RelabelError.self) { try RelabelPattern("((a{1000}){1000}){1000}") }
    }

    @Test func aTextMadeToBeSlowIsNot() throws {
        let pattern = try RelabelPattern("(a|a|ab)*(x+x+)+y")
        let text = Array(repeating: UInt8(ascii: "x"), count: 1 << 20)
        let started = ContinuousClock.now
        #expect(!pattern.matches(text))
        #expect(started.duration(to: .now) < .seconds(30))
    }

    @Test func shapesMatchAsRE2Does() throws {
        var generator = SeededGenerator(seed: UInt64.random(in: 0...UInt64.max))
        let pieces = [
            "a", "b", "ab", "\\.", ".", "*", "+", ".*", ".+", "(", ")", "|", "(?:", "\\-", "é", "-", "_",
        ]
        let texts = [
            "", "a", "b", "ab", "aba", ".", "a.", "a.b", "é", "aé", "-", "a-", "a\nb", "_", "|", "(", "*",
        ]
        var shapes = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...6, using: &generator)
            let text = (0..<count).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &generator)] }
                .joined()
            guard let shape = PatternShape(Array(text.utf8)) else { continue }
            shapes += 1
            // A shape is only ever made of what RE2 takes.
            let reference = try RelabelPattern(text, usesShapes: false)
            #expect(shape.groupCount == reference.groupCount, "\(text)")
            for candidate in texts {
                let bytes = Array(candidate.utf8)
                var found: [Int32] = []
                var expected: [Int32] = []
                let isFound = shape.find(in: bytes, ranges: &found)
                #expect(isFound == reference.find(in: bytes, ranges: &expected), "\(text) on \(candidate)")
                #expect(shape.matches(bytes) == isFound, "\(text) on \(candidate)")
                if isFound { #expect(found == expected, "\(text) on \(candidate)") }
            }
        }
        #expect(shapes > 500)
    }
}
