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
        ("- {action: , target_label: a}", "4:10: action has no value; write replace, or leave"),
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

    @Test func aRulesKeyWithoutAValueIsAnEmptyText() throws {
        let rule = "{source_labels: [x, y], separator: , regex: , target_label: z, replacement: }"
        let rules = try load(job("relabel_configs: [\(rule)]")).scrapeConfigs[0].relabelRules.rules
        let written = "{source_labels: [x, y], separator: '', regex: '', target_label: z, replacement: ''}"
        let same = try load(job("relabel_configs: [\(written)]")).scrapeConfigs[0].relabelRules.rules
        #expect(rules.map(\.description) == same.map(\.description))
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

    /// The warnings of one rule of `relabel_configs`.
    private func warnings(_ rule: String) throws -> [String] {
        try load(job("relabel_configs:\n  - {\(rule)}")).warnings.map(\.description)
    }

    @Test(arguments: [
        (
            "$$1",
            "\"$$1\" gives the text \"$1\", because $$ is a dollar here; for the group's value write \"$1\""
        ),
        (
            "a-$${1}",
            "\"$${1}\" gives the text \"${1}\", because"
                + " $$ is a dollar here; for the group's value write \"${1}\""
        ),
        (
            "$$$$1",
            "\"$$1\" gives the text \"$1\", because $$ is a dollar here; for the group's value write \"$1\""
        ),
        (
            "x-${NAME}",
            "\"${NAME}\" is empty, because the regex has no group NAME; environment variables are"
                + " replaced in external_labels only"
        ),
        (
            "$NAME",
            "\"$NAME\" is empty, because the regex has no group NAME; environment variables are"
                + " replaced in external_labels only"
        ),
        ("$1_total", "\"$1_total\" is empty, because it names a group 1_total; write \"${1}_total\""),
        (
            "${env:NAME}",
            "\"${env:NAME}\" is taken as it stands; environment variables are replaced in"
                + " external_labels only"
        ),
    ])
    func aReplacementThatIsMeantOtherwiseIsWarnedOf(replacement: String, said: String) throws {
        for key in ["target_label: a, replacement", "action: labelmap, replacement"] {
            #expect(
                try warnings("source_labels: [b], \(key): '\(replacement)'")
                    == ["conf/narthex.yml:4:\(key.hasPrefix("t") ? 60 : 61): in the replacement, \(said)"],
                "\(key)")
        }
    }

    @Test(arguments: [
        "$1", "${1}", "${1}_total", "$1-$2", "$9", "${12}", "$$", "a$", "${", "cost$$", "$$-$1", "$$$1",
        "$host",
        "x${host}y", "$$NAME", "{1}",
    ])
    func aReplacementThatMeansWhatItSaysIsNotWarnedOf(replacement: String) throws {
        let rule = "source_labels: [b], regex: '(?P<host>.*):(.*)', target_label: a"
        #expect(try warnings("\(rule), replacement: '\(replacement)'") == [])
    }

    @Test func targetLabelsAndOtherListsOfRulesAreLookedAtToo() throws {
        #expect(
            try warnings("source_labels: [b], target_label: 'a_$1x'").map { $0.hasSuffix("write \"${1}x\"") }
                == [true])
        #expect(
            try warnings("target_label: 'a_$1x', replacement: b") == [
                "conf/narthex.yml:4:24: in the target_label, \"$1x\" is empty, because it names a group 1x;"
                    + " write \"${1}x\""
            ])
        // These do not expand a replacement.
        #expect(try warnings("action: hashmod, modulus: 2, target_label: a, replacement: '$$1'") == [])
        for list in ["metric_relabel_configs", "relabel_configs"] {
            let text = job("\(list):\n  - {target_label: a, replacement: $$1}")
            #expect(try load(text).warnings.count == 1)
        }
        let write = destination("write_relabel_configs:\n  - {target_label: a, replacement: $$1}")
        #expect(try load(write).warnings.count == 1)
    }

    @Test func aWrongActionDoesNotHideAWrongRegex() {
        let found = errors(job("relabel_configs: [{action: drp, regex: '(a'}]"))
        #expect(found.count == 2, "\(found)")
        #expect(
            found[0].contains("action cannot be") && found[1].contains("regex is not a regular expression"))
    }
}
