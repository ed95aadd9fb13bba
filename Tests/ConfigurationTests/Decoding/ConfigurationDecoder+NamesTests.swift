import MetricModel
import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderNamesTests {
    @Test func anyTextIsALabelsNameAndAMPIsWarnedOf() throws {
        let labels = """
            global: {external_labels: {k8s.cluster: a}}
            scrape_configs:
            - {job_name: a, static_configs: [{targets: ['a:1'], labels: {ключ: b, plain: c}}]}

            """
        let elsewhere = try load(labels + "remote_write: [{url: 'http://a/'}]")
        #expect(elsewhere.warnings.isEmpty)
        #expect(elsewhere.global.externalLabels == LabelSet([Label("k8s.cluster", "a")]))
        #expect(elsewhere.scrapeConfigs[0].staticConfigs[0].labels["ключ"] == "b")
        let amp = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
        let warnings = try load(labels + "remote_write: [{url: '\(amp)', sigv4: {}}]").warnings
        #expect(warnings.map { "\($0.line):\($0.column)" } == ["1:28", "3:62"], "\(warnings)")
        #expect(warnings.allSatisfy { $0.message.contains("refuses every series with the label") })
    }

    @Test func aNameMustNotBeEmpty() {
        #expect(errors("global: {external_labels: {'': x, ok: [x]}}").count == 2)
        let found = errors(job("static_configs: [{labels: {'': x}}]"))
        #expect(found == ["3:32: a label in labels has an empty name"])
    }
}
