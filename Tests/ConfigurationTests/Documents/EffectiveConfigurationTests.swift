import Testing

@testable import Configuration

@Suite struct EffectiveConfigurationTests {
    private func effective(
        _ text: String, features: [String] = [], expandsEnvironment: Bool = false
    ) throws -> String {
        func including(_ path: String) -> IncludedFiles {
            path == "more.yml"
                ? .files([("more.yml", Array("scrape_configs: [{job_name: c}]".utf8))]) : .files([])
        }
        let configuration = try Configuration.load(
            text: Array(text.utf8), file: "a.yml", environment: ["A": "30s"],
            features: FeatureFlags(features), expandsEnvironment: expandsEnvironment, including: including)
        return try EffectiveConfiguration(
            configuration, text: Array(text.utf8), file: "a.yml", environment: ["A": "30s"],
            expandsEnvironment: expandsEnvironment, including: including
        ).text
    }

    /// What is shown is what was decoded, not what was written.
    @Test func aValueThatIsNotInEffectIsNotShown() throws {
        let lowered = try effective(
            "global: {scrape_interval: 5s}\nscrape_configs: [{job_name: a, scrape_interval: 1m}]")
        #expect(lowered.contains("  scrape_timeout: 5s  # default, lowered to scrape_interval\n"))
        #expect(!lowered.contains("scrape_timeout: 10s"))
        let limited = try effective(
            "global: {sample_limit: 9, body_size_limit: 1MB}\n"
                + "scrape_configs: [{job_name: a, sample_limit: 0, body_size_limit: 0, scrape_interval: 0s}]")
        #expect(limited.contains("    sample_limit: 9  # a.yml:1, global\n"))
        #expect(limited.contains("    body_size_limit: 1MB  # a.yml:1, global\n"))
        #expect(limited.contains("    scrape_interval: 1m  # default\n"))
        let switched = try effective("scrape_configs: [{job_name: a}]", features: ["extra-scrape-metrics"])
        #expect(switched.contains("    extra_scrape_metrics: true  # default, switched on by a feature\n"))
        let labels = try effective("global: {external_labels: {a: 'x${A}'}}")
        #expect(labels.contains(#"    "a": "x30s"  # a.yml:1"#))
    }

    /// Texts that look like URLs and are none stay whole.
    @Test func onlyURLsAreCut() throws {
        let text = try effective(
            """
            scrape_configs:
              - job_name: a
                relabel_configs:
                  - {regex: "(https?)://([^/?#]+)(.*)", target_label: b, replacement: "$1://$2"}
            """)
        #expect(text.contains(#"regex: "(https?)://([^/?#]+)(.*)""#) && text.contains(##""$1://$2""##))
    }

    @Test(arguments: [
        "remote_write: [{url: 'https://relay/http://u:hush@h/w'}]",
        "remote_write: [{url: 'http://h/w', proxy_url: 'http://u:hush@proxy:3128'}]",
        "remote_write: [{url: 'http://h/w', http_headers: {X-Key: {values: [hush]}}}]",
        "remote_write: [{url: 'http://h/w', headers: {X-Key: hush}}]",
        "scrape_configs:\n- job_name: a\n  relabel_configs: [{target_label: b, replacement: 'x://u:hush@h'}]",
    ])
    func noPasswordIsShown(source: String) throws {
        #expect(!(try effective(source)).contains("hush"))
    }

    private static let sample = """
        global:
          scrape_interval: 15s
          external_labels: {site: eu}
        scrape_config_files: [more.yml]
        scrape_configs:
          - job_name: a
            scrape_timeout: 5s
            basic_auth: {username: u, password: hush}
            static_configs: [{targets: ["h:1", "http://user:hush@h"]}]
            relabel_configs: [{regex: a, target_label: b}]
            params: {token: [hush]}
        remote_write:
          - url: https://host/write?token=hush
            headers: {X-Key: hush}
        """

    @Test func everyValueHasItsOrigin() throws {
        let lines = try effective(Self.sample).split(separator: "\n").map(String.init)
        func has(_ line: String) -> Bool { lines.contains(line) }
        #expect(has("  scrape_interval: 15s  # a.yml:2"))
        #expect(has("  scrape_timeout: 10s  # default"))
        #expect(has("  - job_name: a  # a.yml:6"))
        #expect(has("    scrape_interval: 15s  # a.yml:2, global"))
        #expect(has("    scrape_timeout: 5s  # a.yml:7"))
        #expect(has("    metrics_path: /metrics  # default"))
        #expect(has("    sample_limit: 0  # default"))
        #expect(has("      password: <secret>  # a.yml:8"))
        #expect(has("  - job_name: c  # more.yml:1"))
        #expect(has("      max_shards: 50  # default"))
    }

    @Test func noSecretIsShown() throws {
        let text = try effective(Self.sample)
        #expect(!text.contains("hush"))
        #expect(text.contains(#"url: "https://host/write""#))
    }

    @Test func anEmptyFileHasItsDefaults() throws {
        for text in ["", "{}", "global:\n"] {
            let shown = try effective(text)
            #expect(shown.hasPrefix("global:\n  scrape_interval: 1m  # default\n"))
            #expect(shown.hasSuffix("scrape_configs: []\n"))
        }
    }

    /// What is printed is YAML that loads, with the same meaning where no secret is in it.
    @Test func whatIsPrintedLoads() throws {
        let source = """
            global: {scrape_interval: 15s}
            scrape_configs:
              - job_name: "a # b"
                honor_labels: true
                static_configs: [{targets: ["h:1"], labels: {a: "true", b: ""}}]
                metric_relabel_configs:
                  - {action: labeldrop, regex: "a|b"}
                  - {target_label: c, replacement: "$1"}
                  - {action: keepequal, source_labels: [a], target_label: c}
                ecs_sd_configs: [{}]
            remote_write: [{url: "http://h/w", queue_config: {max_shards: 7}}]
            """
        var first = try load(source)
        var second = try load(try effective(source))
        // A default that is written out warns of keys without effect.
        first.ignored = []
        second.ignored = []
        first.warnings = []
        second.warnings = []
        #expect(first.scrapeConfigs == second.scrapeConfigs)
        #expect(first.remoteWrites == second.remoteWrites)
        #expect(first.global == second.global)
    }

    @Test func aTimeoutIsNoLongerThanItsInterval() throws {
        let text = try effective("scrape_configs: [{job_name: a, scrape_interval: 7s}]\n")
        #expect(text.contains("    scrape_timeout: 7s  # default, lowered to scrape_interval\n"))
        #expect(try load(text).scrapeConfigs.first?.scrapeTimeoutMs == 7_000)
    }

    @Test func blocksWithoutValuesAreNoHoles() throws {
        let text = try effective(
            "scrape_configs: [{job_name: a, static_configs: [{}, {targets: [b]}]}]\n"
                + "remote_write: [{url: 'http://h/w', sigv4: {}}]\n")
        #expect(text.contains("    static_configs:\n      - {}  # a.yml:1\n      - targets: [b]"))
        #expect(try load(text).scrapeConfigs.first?.staticConfigs.count == 2)
    }

    @Test func variablesAreReplacedFirst() throws {
        let text = "global:\n  scrape_interval: ${A}\n"
        #expect(try effective(text, expandsEnvironment: true).contains("scrape_interval: 30s  # a.yml:2"))
    }
}
