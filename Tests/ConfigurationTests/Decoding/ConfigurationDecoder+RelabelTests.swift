import Relabel
import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderRelabelTests {
    @Test func rulesAreReadInTheirOrder() throws {
        let text = """
            relabel_configs:
              - source_labels: [__meta_a, __meta_b]
                separator: /
                regex: (.+)/(.+)
                target_label: zone
                replacement: ${1}-$2
              - action: LabelDrop
                regex: tmp_.*
              - {action: hashmod, source_labels: [a], target_label: shard, modulus: 4}
              - {action: keep, source_labels: [shard], regex: 1}
            """
        let rules = try load(job(text)).scrapeConfigs[0].relabelRules.rules
        #expect(
            rules.map(\.description) == [
                "replace source_labels=[__meta_a, __meta_b] separator=\"/\" regex=(.+)/(.+) target_label=zone"
                    + " replacement=\"${1}-$2\"",
                "labeldrop regex=tmp_.*",
                "hashmod source_labels=[a] modulus=4 target_label=shard",
                "keep source_labels=[shard] regex=1",
            ])
    }

    @Test(arguments: [
        ("- action: dorp", "4:17: action cannot be \"dorp\"; did you mean drop? Valid: replace, keep, "),
        ("- {}", "4:9: the action replace needs a target_label"),
        ("- {target_label: a, regex: '('}", "4:34: regex is not a regular expression of RE2: missing )"),
        (
            "- {action: keep, regexp: a}",
            "4:24: unknown key \"regexp\" in relabel_configs; did you mean regex?"
        ),
        (
            "- {action: hashmod, target_label: a, modulus: 0}",
            "4:53: the action hashmod needs a modulus above 0"
        ),
        (
            "- {action: hashmod, target_label: a, modulus: -1}",
            "4:53: modulus must be a whole number from 0 to"
        ),
        (
            "- {action: keep, source_labels: a}",
            "4:39: source_labels must be a list of label names, but this is"
        ),
        (
            "- {action: labeldrop, target_label: a}",
            "4:43: the action labeldrop takes a regex only, not target_"
        ),
        ("-", "4:8: an empty rule in relabel_configs"),
        ("keep", "4:7: relabel_configs must be a list of rules"),
        ("- keep", "4:9: relabel_configs takes a mapping (action, source_labels, separator, …), but this is"),
    ])
    func faultsAreToldWithTheirPlace(rule: String, message: String) {
        let found = errors(job("relabel_configs:\n  \(rule)"))
        #expect(found.count == 1 && found[0].hasPrefix(message), "\(found)")
    }

    @Test func legacyNamesAreHeldAgainstRules() {
        let rule = "relabel_configs: [{target_label: a-b}]"
        #expect(errors(job(rule)).isEmpty)
        #expect(errors(job("metric_name_validation_scheme: legacy\n" + rule)).count == 1)
    }

    @Test func withRulesAnAddressMayBeAnything() {
        let probes = "static_configs: [{targets: ['https://example.com/']}]\n"
        #expect(!errors(job(probes)).isEmpty)
        #expect(
            errors(job(probes + "relabel_configs: [{target_label: __address__, replacement: p:1}]")).isEmpty)
    }

    @Test func droppedTargetsToKeepAreInherited() throws {
        let file = "global: {keep_dropped_targets: 5}\n" + job("keep_dropped_targets: 0")
        #expect(try load(file).scrapeConfigs[0].keepDroppedTargets == 5)
        #expect(try load(job("keep_dropped_targets: 2")).scrapeConfigs[0].keepDroppedTargets == 2)
        #expect(try load(job("")).scrapeConfigs[0].keepDroppedTargets == 0)
    }
}
