import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderNegotiationTests {
    @Test func protocolsAreInheritedWhole() throws {
        let configuration = try load(
            """
            global: {scrape_protocols: [PrometheusText0.0.4]}
            scrape_configs:
              - job_name: a
              - job_name: b
                scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]
                fallback_scrape_protocol: PrometheusText1.0.0
            """)
        #expect(configuration.global.scrapeProtocols == [.prometheusText004])
        #expect(configuration.scrapeConfigs[0].scrapeProtocols == [.prometheusText004])
        #expect(configuration.scrapeConfigs[0].fallbackScrapeProtocol == nil)
        #expect(
            configuration.scrapeConfigs[1].scrapeProtocols == [.prometheusText100, .prometheusText004])
        #expect(configuration.scrapeConfigs[1].fallbackScrapeProtocol == .prometheusText100)
    }

    @Test func aJobWithoutProtocolsTakesTheDefaults() throws {
        let configuration = try load("scrape_configs: [{job_name: a, fallback_scrape_protocol: ''}]")
        #expect(configuration.global.scrapeProtocols == nil)
        #expect(configuration.scrapeConfigs[0].scrapeProtocols == ScrapeProtocol.defaults)
        #expect(configuration.scrapeConfigs[0].fallbackScrapeProtocol == nil)
    }

    @Test func escapingIsInherited() throws {
        let configuration = try load(
            """
            global: {metric_name_escaping_scheme: dots}
            scrape_configs:
              - job_name: a
              - {job_name: b, metric_name_validation_scheme: utf8}
              - {job_name: c, metric_name_escaping_scheme: values, metric_name_validation_scheme: ''}
            """)
        #expect(
            configuration.scrapeConfigs.map(\.metricNameEscapingScheme) == [.dots, .allowUTF8, .values])
        #expect(configuration.scrapeConfigs.allSatisfy { $0.metricNameValidationScheme == .utf8 })
    }

    @Test func legacyValidationBringsItsEscaping() throws {
        let configuration = try load(
            """
            global: {metric_name_validation_scheme: legacy}
            scrape_configs:
              - job_name: a
              - {job_name: b, metric_name_validation_scheme: utf8}
              - {job_name: c, metric_name_escaping_scheme: dots}
            """)
        #expect(
            configuration.scrapeConfigs.map(\.metricNameEscapingScheme) == [.underscores, .allowUTF8, .dots])
        #expect(
            configuration.scrapeConfigs.map(\.metricNameValidationScheme) == [.legacy, .utf8, .legacy])
        let found = errors(
            job("metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: allow-utf-8"))
        #expect(found.count == 1 && found[0].contains("legacy refuses"))
    }

    @Test(arguments: [
        ("scrape_protocols: []", "must name at least one protocol"),
        ("scrape_protocols: PrometheusText0.0.4", "must be a list of scrape protocols"),
        (
            "scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]",
            "PrometheusText0.0.4 stands twice in scrape_protocols"
        ),
        ("scrape_protocols: [prometheustext0.0.4]", "did you mean PrometheusText0.0.4?"),
        ("fallback_scrape_protocol: text", "Valid: PrometheusProto, OpenMetricsText0.0.1"),
        ("metric_name_validation_scheme: UTF8", "did you mean utf8?"),
        ("metric_name_escaping_scheme: none", "Valid: allow-utf-8, underscores, dots, values"),
    ])
    func faultsAreReported(line: String, message: String) {
        let found = errors(job(line))
        #expect(found.count == 1)
        #expect(found.first?.contains(message) == true, "\(found)")
    }
}
