import MetricModel
import Relabel
import Testing

@testable import Configuration

@Suite struct EnvironmentExpansionTests {
    private static let environment = ["A": "x", "EMPTY": "", "DOLLAR": "a$b", "SECONDS": "15s", "PORT": "7"]

    private func text(_ source: String) -> String? {
        var reading = ExpandedText(environment: Self.environment)
        return reading.read(source) == nil ? reading.result : nil
    }

    private func load(_ text: String) throws -> Configuration {
        try Configuration.load(
            text: Array(text.utf8), file: "a.yml", environment: Self.environment, expandsEnvironment: true)
    }

    private func faults(_ text: String) -> [String] {
        do {
            _ = try load(text)
            return []
        } catch {
            return "\(error)".split(separator: "\n").map(String.init)
        }
    }

    @Test(arguments: [
        ("${A}", "x"), ("-${A}-${A}-", "-x-x-"), ("${A:-d}", "x"), ("${NONE:-d}", "d"), ("${NONE:-}", ""),
        ("${EMPTY}", ""), ("${EMPTY:-d}", "d"), ("${NONE:-a:-b}", "a:-b"), ("${DOLLAR}", "a$b"),
    ])
    func variablesAreReplaced(source: String, expected: String) {
        #expect(text(source) == expected)
    }

    /// A value that YAML would read as nothing is a value all the same.
    @Test func aVariableIsNeverNothing() throws {
        for value in ["~", "null"] {
            let configuration = try Configuration.load(
                text: Array(
                    "remote_write:\n- url: http://h/w\n  basic_auth:\n    username: u\n    password: ${PW}\n"
                        .utf8),
                file: "a.yml", environment: ["PW": value], expandsEnvironment: true)
            guard case .basic(_, let password) = configuration.remoteWrites[0].http.authentication else {
                Issue.record("no basic_auth")
                return
            }
            #expect(password == .text(Secret(value)), "\(value)")
        }
        let jobs = try load(
            "scrape_configs:\n- job_name: a\n  sample_limit: ${PORT}\n  honor_labels: ${NONE:-true}\n")
        #expect(jobs.scrapeConfigs[0].limits.samples == 7)
    }

    /// What relabelling and people mean by a dollar stays.
    @Test(arguments: ["$1", "${1}", "$$1", "$$", "$A", "$", "100$", "${}", "${a.b}", "${-A}", "$ {A}"])
    func otherDollarsStay(source: String) {
        #expect(text(source) == source)
    }

    @Test func aDollarMoreMakesTextOfIt() {
        #expect(text("$${A}") == "${A}")
        #expect(text("$${NONE:-d}${A}") == "${NONE:-d}x")
    }

    @Test(arguments: ["${NONE}", "${A", "${A:?no}", "${A:+b}", "${NONE:-${A}}"])
    func whatCannotBeReplacedIsAFault(source: String) {
        #expect(text(source) == nil)
    }

    @Test func numbersAndDurationsMayComeFromVariables() throws {
        let configuration = try load(
            """
            global:
              scrape_interval: "${SECONDS}"
              sample_limit: ${PORT}
            scrape_configs:
              - job_name: ${A}
                static_configs: [{targets: ["h:${PORT}"]}]
                metric_relabel_configs: [{target_label: b, replacement: "${1}$$1$1"}]
            """)
        #expect(configuration.global.scrapeIntervalMs == 15_000)
        #expect(configuration.global.limits.samples == 7)
        let job = try #require(configuration.scrapeConfigs.first)
        #expect(job.jobName == "x")
        #expect(job.staticConfigs.first?.targets == ["h:7"])
        #expect(job.metricRelabelRules.rules.first?.replacement == "${1}$$1$1")
    }

    /// They are expanded by Prometheus' own rules afterwards, which must not see what a variable holds.
    @Test func externalLabelsAreExpandedOnce() throws {
        let labels = try load(
            """
            global:
              external_labels: {a: "${DOLLAR}", b: "$A", c: "$${A}", d: "${NONE:-e}", f: "$$"}
            """
        ).global.externalLabels
        #expect(labels["a"] == "a$b")
        #expect(labels["b"] == "x")
        #expect(labels["c"] == "${A}")
        #expect(labels["d"] == "e")
        #expect(labels["f"] == "$")
    }

    @Test func aFaultHasItsPlaceAndNoValue() {
        #expect(
            faults("global:\n  scrape_interval: ${NONE}\n") == [
                "a.yml:2:20: the environment has no NONE; set it, or write ${NONE:-DEFAULT}",
                "a.yml:2:20: scrape_interval must be a duration such as 30s, 1h30m or 500ms (y, w, d, h, m,"
                    + " s, ms), not \"${NONE}\"",
            ])
    }

    @Test func withoutTheFlagNothingIsReplaced() {
        #expect(errors("scrape_configs:\n  - job_name: ${A}\n", environment: Self.environment) == [])
    }

    @Test func theGrowthIsBounded() {
        let long = String(repeating: "a", count: 1 << 20)
        let lines = (0..<40).map { "    l\($0): ${LONG}" }.joined(separator: "\n")
        let sink = ErrorSink(file: "a.yml")
        var expansion = EnvironmentExpansion(environment: ["LONG": long], sink: sink)
        let root = try? YAMLComposer.compose(
            Array("global:\n  external_labels:\n\(lines)\n".utf8), limits: .init(bytes: 1 << 20, nodes: 1_000)
        )
        if let root { _ = expansion.expanded(root) }
        #expect(sink.errors.count == 40 - 16)
    }
}
