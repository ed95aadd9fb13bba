import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderHistogramsTests {
    @Test func switchesAreInheritedAndLimitsAreAJobsOwn() throws {
        let configuration = try load(
            """
            global: {scrape_native_histograms: true}
            scrape_configs:
              - job_name: a
                native_histogram_bucket_limit: 160
                native_histogram_min_bucket_factor: 1.1
              - {job_name: b, scrape_native_histograms: false, always_scrape_classic_histograms: true}
              - {job_name: c, scrape_protocols: [PrometheusText0.0.4]}
            """)
        let jobs = configuration.scrapeConfigs
        #expect(
            jobs[0].histograms == .init(scrapeNative: true, bucketLimit: 160, minBucketFactor: 1.1))
        #expect(jobs[0].scrapeProtocols == [.prometheusProto] + ScrapeProtocol.defaults)
        #expect(jobs[1].histograms == .init(alwaysScrapeClassic: true))
        #expect(jobs[1].scrapeProtocols == ScrapeProtocol.defaults)
        #expect(jobs[2].scrapeProtocols == [.prometheusText004])
    }

    /// Histograms that nobody sends are said; not where the classic series stay, nor where they are sent.
    @Test(arguments: [
        ("convert_classic_histograms_to_nhcb: true", "", 1),
        ("convert_classic_histograms_to_nhcb: true, always_scrape_classic_histograms: true", "", 0),
        (
            "convert_classic_histograms_to_nhcb: true",
            ", send_native_histograms: true, send_custom_bucket_histograms: true", 0
        ), ("scrape_native_histograms: true", "", 0),
    ])
    func conversionForNobodyIsWarnedOf(job: String, write: String, count: Int) throws {
        let configuration = try load(
            """
            scrape_configs: [{job_name: a, \(job)}]
            remote_write: [{url: "http://h/w"\(write)}]
            """)
        #expect(configuration.warnings.count == count)
        #expect(configuration.warnings.allSatisfy { $0.message.contains("send_custom_bucket_histograms") })
        #expect(configuration.scrapeConfigs[0].histograms.convertClassicToNHCB == job.contains("nhcb"))
    }

    @Test func customBucketsAreNativeHistograms() {
        let found = errors("remote_write: [{url: 'http://h/w', send_custom_bucket_histograms: true}]")
        #expect(found.contains { $0.contains("needs send_native_histograms") }, "\(found)")
    }

    @Test(arguments: [
        ("scrape_native_histograms: 1", "must be true or false"),
        ("native_histogram_bucket_limit: -1", "must be a whole number"),
        ("native_histogram_min_bucket_factor: big", "must be a number"),
        ("native_histogram_min_bucket_factor: .nan", "must be a number"),
        ("native_histogram_min_bucket_factor: -1", "must be a number"),
    ])
    func faultsAreReported(line: String, message: String) {
        let found = errors("scrape_configs:\n  - job_name: a\n    \(line)")
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }
}
