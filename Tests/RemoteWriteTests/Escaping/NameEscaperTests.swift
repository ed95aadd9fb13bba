import Relabel
import Testing

@testable import RemoteWrite

@Suite struct NameEscaperTests {
    private func escaped(_ name: String, isMetric: Bool = true) -> String? {
        NameEscaper.escaped(Array(name.utf8), isMetric: isMetric).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("a.b", "a_b"), ("é", "_"), ("本日x", "__x"), ("9a", "_a"), ("a-b c", "a_b_c"), ("1", "_"),
        (".9", "_9"),
    ])
    func otherCharactersBecomeUnderscores(name: String, expected: String) {
        #expect(escaped(name) == expected)
    }

    @Test(arguments: ["up", "_", "a:b9", "A_0"]) func legacyNamesStay(name: String) {
        #expect(escaped(name) == nil)
    }

    @Test func labelsHaveNoColon() {
        #expect(escaped("a:b", isMetric: false) == "a_b")
        #expect(escaped("a_b", isMetric: false) == nil)
    }

    private func scratch(_ labels: [(String, String)]) -> LabelScratch {
        var scratch = LabelScratch()
        for (index, label) in labels.enumerated() {
            scratch.add(name: Array(label.0.utf8).span, value: Array(label.1.utf8).span, origin: index)
        }
        return scratch
    }

    @Test func namesAreEscapedAndValuesStay() {
        var scratch = scratch([("__name__", "http.requests"), ("a.b", "x.y"), ("job", "é")])
        #expect(NameEscaper.escape(&scratch) == .escaped)
        scratch.sort()
        #expect(
            "\(scratch.labelSet())" == "{__name__=\"http_requests\", a_b=\"x.y\", job=\"é\"}")
        #expect(scratch.labels.map(\.origin) == [nil, nil, 2])
    }

    @Test func labelsThatWouldHaveOneNameCollide() {
        var scratch = scratch([("__name__", "m"), ("a.b", "1"), ("a_b", "2")])
        let before = "\(scratch.labelSet())"
        #expect(NameEscaper.escape(&scratch) == .collided)
        #expect("\(scratch.labelSet())" == before)
        var plain = self.scratch([("__name__", "m"), ("a_b", "2")])
        #expect(NameEscaper.escape(&plain) == .unchanged)
        #expect(plain.labels.map(\.origin) == [0, 1])
    }
}
