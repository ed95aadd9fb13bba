import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderScrapeConfigFilesTests {
    private func load(
        _ text: String, _ files: [String: [(path: String, text: String)]]
    ) throws(ConfigurationErrors) -> Configuration {
        try Configuration.load(text: Array(text.utf8), file: "conf/narthex.yml", environment: [:]) {
            pattern in
            guard let found = files[pattern] else { return .failure("\(pattern): no such folder") }
            return .files(found.map { ($0.path, Array($0.text.utf8)) })
        }
    }

    private func errors(
        _ text: String, _ files: [String: [(path: String, text: String)]]
    ) -> [String] {
        do throws(ConfigurationErrors) {
            _ = try load(text, files)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    private let main = """
        scrape_configs: [{job_name: a}]
        scrape_config_files: [jobs/*.yml, /etc/more.yml]
        global: {scrape_interval: 7s, scrape_timeout: 5s}
        """

    @Test func jobsOfFilesFollowThoseOfTheConfiguration() throws {
        let configuration = try load(
            main,
            [
                "conf/jobs/*.yml": [
                    ("conf/jobs/1.yml", "scrape_configs:\n- job_name: b\n  basic_auth: {password_file: p}\n"),
                    ("conf/jobs/2.yml", ""),
                ],
                "/etc/more.yml": [("/etc/more.yml", "scrape_configs: [{job_name: c, scrape_interval: 9s}]")],
            ])
        #expect(configuration.scrapeConfigs.map(\.jobName) == ["a", "b", "c"])
        #expect(configuration.scrapeConfigs.map(\.scrapeIntervalMs) == [7_000, 7_000, 9_000])
        #expect(
            configuration.scrapeConfigs[1].http.authentication
                == .basic(username: nil, password: .file("conf/jobs/p")))
    }

    @Test func errorsNameTheirFileAndAllAreTold() {
        let found = errors(
            "scrape_configs: [{job_name: a, x: y}]\nscrape_config_files: [jobs/*.yml, gone/a.yml]",
            [
                "conf/jobs/*.yml": [
                    ("conf/jobs/1.yml", "scrape_configs:\n- job_name: a\n- job_name: b\n"),
                    ("conf/jobs/2.yml", "scrape_configs:\n- job_name: b\n"),
                    ("conf/jobs/3.yml", "global: {}\n"), ("conf/jobs/4.yml", "scrape_configs: [\n"),
                ]
            ])
        let beginnings = [
            "conf/narthex.yml:1:", "conf/narthex.yml:2:", "conf/jobs/1.yml:2:", "conf/jobs/2.yml:2:",
            "conf/jobs/3.yml:1:", "conf/jobs/4.yml:",
        ]
        #expect(found.count == beginnings.count, "\(found)")
        for (line, beginning) in zip(found, beginnings) { #expect(line.hasPrefix(beginning), "\(found)") }
        #expect(found.contains { $0.contains("\"a\" stands in conf/narthex.yml:1 already") })
        #expect(found.contains { $0.contains("\"b\" stands in conf/jobs/1.yml:3 already") })
        #expect(found.contains { $0.contains("conf/gone/a.yml: no such folder") })
    }

    @Test func aFileNamedTwiceIsRefusedUnlessItHasNoJobs() throws {
        let text = "scrape_configs: [{job_name: a}]"
        let found = errors(
            "scrape_config_files: [a.yml, '*.yml']",
            ["conf/a.yml": [("conf/a.yml", text)], "conf/*.yml": [("conf/a.yml", text)]])
        #expect(found.count == 1, "\(found)")
        #expect(
            found.first?.hasPrefix("conf/narthex.yml:1:30: \"conf/a.yml\" is named a second time") == true)
        let empty = try load(
            "scrape_config_files: [a.yml, a.yml]", ["conf/a.yml": [("conf/a.yml", "scrape_configs: []")]])
        #expect(empty.scrapeConfigs.isEmpty)
    }

    @Test func noFileIsAWarning() throws {
        let configuration = try load("scrape_config_files: [none.yml]", ["conf/none.yml": []])
        #expect(configuration.warnings.contains { $0.message.contains("no file is named by \"none.yml\"") })
    }

    @Test func whatHasNoEffectInAnIncludedFileIsToldWithItsPlace() throws {
        func load(isStrict: Bool) throws -> Configuration {
            try Configuration.load(
                text: Array("scrape_config_files: [a.yml]".utf8), file: "narthex.yml", environment: [:],
                isStrict: isStrict,
                including: { _ in
                    .files([
                        ("a.yml", Array("scrape_configs: [{job_name: a, keep_dropped_targets: 5}]".utf8))
                    ])
                })
        }
        #expect(
            try load(isStrict: false).ignored.map { "\($0.place) \($0.key)" } == [
                "a.yml:1:32 scrape_configs.keep_dropped_targets"
            ])
        let error = #expect(throws: ConfigurationErrors.self) { try load(isStrict: true) }
        #expect(error?.errors.map(\.line) == [1] && error?.errors.first?.file == "a.yml")
    }

    @Test func includedJobsKnowTheFeatures() throws {
        let configuration = try Configuration.load(
            text: Array("scrape_config_files: [a.yml]".utf8), file: "narthex.yml", environment: [:],
            features: FeatureFlags(["created-timestamp-zero-ingestion"]),
            including: { _ in .files([("a.yml", Array("scrape_configs: [{job_name: a}]".utf8))]) })
        #expect(configuration.scrapeConfigs.map(\.readsStartTimestamps) == [true])
    }

    @Test(arguments: ["a/*/b.yml", "jobs/", ""])
    func otherPatternsAreRefused(pattern: String) {
        #expect(errors("scrape_config_files: ['\(pattern)']", [:]).contains { $0.contains("must be a file") })
    }

    @Test func withoutAReaderNoFileIsFollowed() {
        #expect(throws: ConfigurationErrors.self) {
            try Configuration.load(
                text: Array("scrape_config_files: [a.yml]".utf8), file: "narthex.yml", environment: [:])
        }
    }
}
