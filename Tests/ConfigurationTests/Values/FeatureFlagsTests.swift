import Testing

@testable import Configuration

@Suite struct FeatureFlagsTests {
    @Test func namesStandWithCommasOrFlagByFlag() {
        let flags = FeatureFlags(["", "created-timestamp-zero-ingestion,promql-duration-expr", "other"])
        #expect(flags.readsStartTimestamps && !flags.reportsExtra)
        #expect(flags.remarks.map(\.name) == ["promql-duration-expr", "other"])
        #expect(flags.remarks.map(\.isWarning) == [false, true])
    }

    @Test func whatIsAskedForInVainIsWarnedOf() {
        let names = ["st-storage", "type-and-unit-labels", "metadata-wal-records", "native-histograms"]
        #expect(FeatureFlags(names).remarks.allSatisfy { $0.isWarning })
        #expect(FeatureFlags(names).remarks.count == names.count)
    }

    private func job(_ text: String, _ features: [String]) throws -> ScrapeConfiguration {
        let configuration = try Configuration.load(
            text: Array(text.utf8), file: "narthex.yml", environment: [:], features: FeatureFlags(features))
        return try #require(configuration.scrapeConfigs.first)
    }

    @Test func startTimestampsAskForProtobufFirst() throws {
        let plain = "scrape_configs: [{job_name: a}]"
        let asked = try job(plain, ["created-timestamp-zero-ingestion"])
        #expect(asked.readsStartTimestamps && asked.scrapeProtocols == ScrapeProtocol.protobufFirst)
        #expect(try job(plain, []).scrapeProtocols == ScrapeProtocol.defaults)
        // What the file says stands.
        let own = try job(
            "scrape_configs: [{job_name: a, scrape_protocols: [PrometheusText0.0.4]}]",
            ["created-timestamp-zero-ingestion"])
        #expect(own.scrapeProtocols == [.prometheusText004])
        let global = try job(
            "global: {scrape_protocols: [OpenMetricsText1.0.0]}\n" + plain,
            ["created-timestamp-zero-ingestion"])
        #expect(global.scrapeProtocols == [.openMetricsText100])
    }

    @Test func extraSeriesAreADefault() throws {
        let feature = ["extra-scrape-metrics"]
        #expect(try job("scrape_configs: [{job_name: a}]", feature).extraScrapeMetrics)
        #expect(try job("global: {}\nscrape_configs: [{job_name: a}]", feature).extraScrapeMetrics)
        #expect(
            try !job("scrape_configs: [{job_name: a, extra_scrape_metrics: false}]", feature)
                .extraScrapeMetrics)
    }
}
