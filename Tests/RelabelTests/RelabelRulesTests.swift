import MetricModel
import Testing

@testable import Relabel

@Suite struct RelabelRulesTests {
    @Test func replaceFillsInGroups() throws {
        let before = labels(("a", "foo"), ("b", "bar"), ("c", "baz"))
        #expect(
            relabelled(
                before, try rule(source: ["a"], target: "d", regex: "f(.*)", replacement: "ch${1}-ch${1}"))
                == labels(("a", "foo"), ("b", "bar"), ("c", "baz"), ("d", "choo-choo")))
        #expect(
            relabelled(
                before,
                try rule(source: ["a", "b"], target: "a", regex: "f(.*);(.*)r", replacement: "b${1}${2}m"),
                try rule(source: ["c", "a"], target: "d", regex: "(b).*b(.*)ba(.*)", replacement: "$1$2$2$3"))
                == labels(("a", "boobam"), ("b", "bar"), ("c", "baz"), ("d", "boooom")))
        // No match leaves everything as it is.
        #expect(
            relabelled(before, try rule(source: ["a"], target: "a", regex: "fo", replacement: "x")) == before)
    }

    @Test func targetLabelsAreTemplates() throws {
        let before = labels(("a", "some-name-value"))
        let pattern = "some-([^-]+)-([^,]+)"
        #expect(
            relabelled(before, try rule(source: ["a"], target: "${1}", regex: pattern, replacement: "${2}"))
                == labels(("a", "some-name-value"), ("name", "value")))
        // An empty name is none, so nothing happens; the old name is not removed.
        #expect(
            relabelled(before, try rule(source: ["a"], target: "${3}", regex: pattern, replacement: "${1}"))
                == before)
        #expect(
            relabelled(before, try rule(source: ["a"], target: "0${1}", regex: pattern))
                == labels(("a", "some-name-value"), ("0name", "name")))
        let legacy = try RelabelRule(
            .init(sourceLabels: ["a"], targetLabel: "${1}", regex: "(.*)", allowsUTF8Names: false))
        #expect(relabelled(before, legacy) == before)
    }

    @Test func anEmptyResultRemovesTheLabel() throws {
        let before = labels(("a", "x"), ("b", "y"))
        #expect(relabelled(before, try rule(target: "a", replacement: "")) == labels(("b", "y")))
        #expect(relabelled(before, try rule(source: ["c"], target: "a")) == labels(("b", "y")))
        #expect(relabelled(before, try rule(.lowercase, source: ["c"], target: "a")) == labels(("b", "y")))
    }

    @Test func keepAndDropDecide() throws {
        let before = labels(("a", "foo"), ("b", "bar"))
        #expect(relabelled(before, try rule(.drop, source: ["a"], regex: ".*o.*")) == nil)
        #expect(relabelled(before, try rule(.drop, source: ["a"], regex: "f|foo.+")) == before)
        #expect(relabelled(before, try rule(.keep, source: ["a"], regex: "no-match")) == nil)
        #expect(relabelled(before, try rule(.keep, source: ["a", "b"], regex: "foo;bar")) == before)
        #expect(
            relabelled(before, try rule(.keep, source: ["a", "b"], separator: "", regex: "foobar")) == before)
        // Without source labels the text is empty, and the default regex matches it.
        #expect(relabelled(before, try rule(.drop)) == nil)
        #expect(relabelled(before, try rule(.drop, source: ["none"], regex: ".+")) == before)
        let outcome = RelabelRules([try rule(target: "x", replacement: "1"), try rule(.drop)]).apply(
            to: before)
        #expect(outcome.outcome == .dropped(by: 1))
        #expect(outcome.labels["x"] == "1")
    }

    @Test func equalityDecides() throws {
        let before = labels(("__port1", "80"), ("__port2", "80"), ("p", "81"))
        #expect(relabelled(before, try rule(.dropequal, source: ["__port1"], target: "__port2")) == nil)
        #expect(relabelled(before, try rule(.dropequal, source: ["__port1"], target: "p")) == before)
        #expect(relabelled(before, try rule(.keepequal, source: ["__port1"], target: "__port2")) == before)
        #expect(relabelled(before, try rule(.keepequal, source: ["__port1"], target: "none")) == nil)
        #expect(relabelled(before, try rule(.keepequal, source: ["none"], target: "none2")) == before)
    }

    // The numbers are md5's: int(md5("foo;bar").digest()[8:], big-endian) % n.
    @Test func hashmodIsAsInPrometheus() throws {
        let before = labels(("a", "foo"), ("b", "bar"))
        #expect(
            relabelled(before, try rule(.hashmod, source: ["a", "b"], target: "h", modulus: 1000))?["h"]
                == "750")
        #expect(
            relabelled(before, try rule(.hashmod, source: ["none"], target: "h", modulus: 7))?["h"] == "1")
        #expect(
            relabelled(before, try rule(.hashmod, source: ["a"], target: "h", modulus: UInt64.max))?["h"]
                == "17145033699835028696")
    }

    @Test func labelsAreMapped() throws {
        let before = labels(("__meta_x", "1"), ("__meta_y", "2"), ("a", "3"))
        #expect(
            relabelled(before, try rule(.labelmap, regex: "__meta_(.*)"))
                == labels(("__meta_x", "1"), ("__meta_y", "2"), ("a", "3"), ("x", "1"), ("y", "2")))
        // Where two names become one the last wins.
        #expect(
            relabelled(before, try rule(.labelmap, regex: "__meta_(.*)", replacement: "z"))?["z"] == "2")
        // A name that a rule has set comes after the others.
        #expect(
            relabelled(
                before, try rule(target: "__meta_a", replacement: "late"),
                try rule(.labelmap, regex: "__meta_(.*)", replacement: "z"))?["z"] == "late")
        #expect(
            relabelled(
                before, try rule(target: "__meta_x", replacement: "late"),
                try rule(.labelmap, regex: "__meta_(.*)", replacement: "z"))?["z"] == "late")
        #expect(relabelled(before, try rule(.labelmap, regex: "(a)", replacement: "$2")) == before)
    }

    @Test func labelsAreDroppedAndKeptByName() throws {
        let before = labels(("__name__", "m"), ("a", "1"), ("ab", "2"), ("b", "3"))
        #expect(
            relabelled(before, try rule(.labeldrop, regex: "a.*")) == labels(("__name__", "m"), ("b", "3")))
        #expect(
            relabelled(before, try rule(.labelkeep, regex: "__name__|a"))
                == labels(("__name__", "m"), ("a", "1")))
        #expect(relabelled(before, try rule(.labeldrop)) == LabelSet())
    }

    @Test func caseIsChanged() throws {
        let before = labels(("a", "Foo-É"))
        #expect(relabelled(before, try rule(.lowercase, source: ["a"], target: "l"))?["l"] == "foo-é")
        #expect(
            relabelled(before, try rule(.uppercase, source: ["a", "a"], target: "l"))?["l"] == "FOO-É;FOO-É")
    }

    @Test func labelsCannotGrowWithoutBound() throws {
        let doubling = try rule(source: ["a"], target: "a", replacement: "$1$1")
        let rules = RelabelRules(Array(repeating: doubling, count: 64))
        let outcome = rules.apply(to: labels(("a", "0123456789"))).outcome
        guard case .tooLong = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test func onlyValuesThatRulesReadAreRead() throws {
        let rules = RelabelRules([
            try rule(source: ["a"], target: "b"), try rule(.dropequal, source: ["c"], target: "d"),
            try rule(.labelmap, regex: "m_(.*)"), try rule(.labeldrop, regex: "e"),
            try rule(target: "f", replacement: "x"),
        ])
        #expect(["a", "c", "d", "m_1"].allSatisfy(rules.readsValue))
        #expect(!["b", "e", "f", "x", "m"].contains(where: rules.readsValue))
    }

    @Test func randomRulesDoWhatTheReferenceDoes() throws {
        var generator = SeededGenerator(seed: UInt64.random(in: 0...UInt64.max))
        for _ in 0..<4_000 {
            let before = ReferenceRelabel.randomLabels(&generator)
            let keys = try ReferenceRelabel.randomRules(&generator)
            let rules = RelabelRules(try keys.map { try RelabelRule($0) })
            let result = rules.apply(to: before)
            let expected = try ReferenceRelabel.apply(keys, before)
            #expect(
                (result.outcome == .kept ? result.labels : nil) == expected,
                "\(before) by \(rules.rules.map(\.description))")
        }
    }
}
