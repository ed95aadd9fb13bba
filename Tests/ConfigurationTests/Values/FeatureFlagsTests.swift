import FoundationEssentials
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
        let names = [
            "otlp-write-receiver", "auto-reload-config", "metadata-wal-records", "native-histograms",
        ]
        #expect(FeatureFlags(names).reloadsByItself && !FeatureFlags(["otlp-write-receiver"]).reloadsByItself)
        #expect(FeatureFlags(names).remarks.allSatisfy { $0.isWarning })
        #expect(FeatureFlags(names).remarks.count == names.count)
        #expect(FeatureFlags(names + names).remarks.count == names.count, "a name is said once")
        #expect(FeatureFlags(["extra-scrape-metrics"]).remarks.map(\.isWarning) == [true])
    }

    @Test func whatWouldChangeTheSeriesIsRefused() {
        let flags = FeatureFlags(["st-synthesis,exemplar-storage", "type-and-unit-labels", "made-up"])
        #expect(flags.refusals.map(\.name) == ["st-synthesis", "type-and-unit-labels"])
    }

    /// The documentation of Prometheus 3.14, Feature flags.
    @Test func everyNameThatPrometheusDocumentsIsKnown() {
        let names = """
            exemplar-storage memory-snapshot-on-shutdown extra-scrape-metrics promql-per-step-stats
            promql-experimental-functions created-timestamp-zero-ingestion st-storage st-synthesis
            use-start-timestamps concurrent-rule-eval old-ui metadata-wal-records delayed-compaction
            promql-delayed-name-removal otlp-deltatocumulative promql-duration-expr
            otlp-native-delta-ingestion type-and-unit-labels use-uncached-io xor2-encoding
            histograms-st-encoding promql-extended-range-selectors promql-binop-fill-modifiers
            """
            .split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(names.count == 23)
        #expect(Set(FeatureFlags.all.prefix(23).map(\.name)) == Set(names))
        #expect(Set(FeatureFlags.all.map(\.name)).count == FeatureFlags.all.count)
    }

    /// docs/flags.md has a row for each name, in this order.
    @Test func thePageListsEveryName() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        let page = try String(
            contentsOfFile: root.joined(separator: "/") + "/docs/flags.md", encoding: .utf8)
        let section = page.split(separator: "\n").drop { $0 != "## Features" }.dropFirst()
        let rows = section.prefix { !$0.hasPrefix("#") }.filter { $0.hasPrefix("| `") }.map(String.init)
        #expect(
            rows
                == FeatureFlags.all.map { "| `\($0.name)` | \($0.verdict.rawValue) | \($0.text) |" })
    }

    private func job(_ text: String, _ features: [String]) throws -> ScrapeConfiguration {
        let configuration = try Configuration.load(
            text: Array(text.utf8), file: "narthex.yml", environment: [:], features: FeatureFlags(features))
        return try #require(configuration.scrapeConfigs.first)
    }

    @Test(arguments: [("created-timestamp-zero-ingestion", true), ("st-storage", false)])
    func startTimestampsAskForProtobufFirst(feature: String, addsSamples: Bool) throws {
        let plain = "scrape_configs: [{job_name: a}]"
        let asked = try job(plain, [feature])
        #expect(asked.readsStartTimestamps && asked.scrapeProtocols == ScrapeProtocol.protobufFirst)
        #expect(asked.addsStartSamples == addsSamples)
        #expect(FeatureFlags([feature]).remarks.isEmpty)
        #expect(try job(plain, []).scrapeProtocols == ScrapeProtocol.defaults)
        // What the file says stands.
        let own = try job(
            "scrape_configs: [{job_name: a, scrape_protocols: [PrometheusText0.0.4]}]",
            [feature])
        #expect(own.scrapeProtocols == [.prometheusText004])
        let global = try job(
            "global: {scrape_protocols: [OpenMetricsText1.0.0]}\n" + plain,
            [feature])
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
