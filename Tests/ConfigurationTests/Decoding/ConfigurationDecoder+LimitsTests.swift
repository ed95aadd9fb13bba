import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderLimitsTests {
    @Test func aJobsZeroInherits() throws {
        let configuration = try load(
            """
            global:
              {sample_limit: 10, label_limit: 20, label_name_length_limit: 30, label_value_length_limit: 40,
               extra_scrape_metrics: true}
            scrape_configs:
              - {job_name: a, sample_limit: 0, label_limit: 2}
              - {job_name: b, extra_scrape_metrics: false, track_timestamps_staleness: true, on_limit: shed,
                 on_bad_line: skip}
            """)
        let first = configuration.scrapeConfigs[0]
        #expect(
            first.limits
                == ScrapeLimits(samples: 10, labels: 2, labelNameLength: 30, labelValueLength: 40))
        #expect(first.extraScrapeMetrics && !first.trackTimestampsStaleness)
        #expect(first.onLimit == .fail && first.onBadLine == .fail)
        let second = configuration.scrapeConfigs[1]
        #expect(!second.extraScrapeMetrics && second.trackTimestampsStaleness)
        #expect(second.onLimit == .shed && second.onBadLine == .skip)
    }

    @Test(arguments: [
        ("sample_limit: -1", "a whole number from 0"),
        ("sample_limit: many", "a whole number from 0"),
        ("label_limit: 1.5", "a whole number from 0"),
        ("on_limit: drop", "Valid: fail, shed"),
        ("on_bad_line: ignore", "Valid: fail, skip"),
    ])
    func faultsAreReported(line: String, message: String) {
        let found = errors(job(line))
        #expect(found.count == 1)
        #expect(found.first?.contains(message) == true, "\(found)")
    }
}
