import Testing

@testable import Relabel

@Suite struct RelabelRuleTests {
    private func refusal(_ keys: RelabelRule.Keys) -> String? {
        do throws(RelabelError) {
            _ = try RelabelRule(keys)
            return nil
        } catch {
            return "\(error.key.rawValue): \(error.message)"
        }
    }

    @Test(arguments: [
        (RelabelRule.Keys(), "target_label: the action replace needs a target_label"),
        (.init(action: .hashmod, targetLabel: "a"), "modulus: the action hashmod needs a modulus above 0"),
        (.init(action: .hashmod, modulus: 2), "target_label: the action hashmod needs a target_label"),
        (
            .init(action: .lowercase, targetLabel: "a", replacement: "x"),
            "replacement: replacement has no place in the action lowercase"
        ),
        (.init(action: .uppercase), "target_label: the action uppercase needs a target_label"),
        (
            .init(action: .keepequal, sourceLabels: ["a"]),
            "target_label: the action keepequal needs a target_label"
        ),
        (
            .init(action: .dropequal, sourceLabels: ["a"], targetLabel: "b", regex: "(.*)"),
            "regex: the action dropequal takes source_labels and target_label, not regex"
        ),
        (
            .init(action: .keepequal, separator: ",", targetLabel: "b"),
            "separator: the action keepequal takes source_labels and target_label, not separator"
        ),
        (
            .init(action: .labeldrop, sourceLabels: ["a"], regex: "b"),
            "source_labels: the action labeldrop takes a regex only, not source_labels"
        ),
        (
            .init(action: .labelkeep, targetLabel: "a"),
            "target_label: the action labelkeep takes a regex only, not target_label"
        ),
        (
            .init(action: .labelmap, replacement: ""),
            "replacement: the action labelmap needs a replacement that is not empty"
        ),
        (
            .init(sourceLabels: ["a", ""], targetLabel: "b"),
            "source_labels: name 2 of source_labels is empty"
        ),
        (
            .init(targetLabel: "a-b", allowsUTF8Names: false),
            "target_label: the target_label \"a-b\" is no label name: letters, digits and _, not beginning"
                + " with a digit (metric_name_validation_scheme: legacy)"
        ),
        (
            .init(targetLabel: "${x}-", allowsUTF8Names: false),
            "target_label: the target_label \"${x}-\" is no label name: letters, digits and _, not beginning"
                + " with a digit (metric_name_validation_scheme: legacy)"
        ),
    ])
    func whatPrometheusRefusesIsRefused(keys: RelabelRule.Keys, message: String) {
        #expect(refusal(keys) == message)
    }

    @Test(arguments: [
        RelabelRule.Keys(action: .drop), .init(action: .labeldrop), .init(targetLabel: "é b"),
        .init(action: .lowercase, targetLabel: "a", regex: "x", replacement: "$1"),
        .init(action: .labelmap), .init(targetLabel: "a_${1}_b", allowsUTF8Names: false),
        .init(action: .keepequal, separator: ";", targetLabel: "b", replacement: "$1"),
        .init(action: .hashmod, targetLabel: "a", modulus: UInt64.max),
    ])
    func whatPrometheusTakesIsTaken(keys: RelabelRule.Keys) { #expect(refusal(keys) == nil) }

    @Test func aRuleIsShownInOneLine() throws {
        #expect(
            try rule(.drop, source: ["__name__"], regex: "go_.*").description
                == "drop source_labels=[__name__] regex=go_.*")
        #expect(
            try rule(source: ["a", "b"], separator: "/", target: "c", replacement: "x").description
                == "replace source_labels=[a, b] separator=\"/\" target_label=c replacement=\"x\"")
    }
}
