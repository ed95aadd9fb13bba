import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderServerTests {
    private func ignored(
        _ text: String, counting: ((String) -> Int?)? = nil
    ) throws -> [IgnoredSetting] {
        try Configuration.load(
            text: Array(text.utf8), file: "conf/a.yml", environment: [:], counting: counting
        ).ignored
    }

    @Test func aServersFileIsTakenAndEverySettingIsToldOf() throws {
        let found = try ignored(
            """
            global: {scrape_interval: 15s, evaluation_interval: 15s, query_log_file: q.log}
            alerting: {alertmanagers: [{static_configs: [{targets: ['localhost:9093']}]}]}
            rule_files: [first.yml]
            remote_read: [{url: 'http://a/'}]
            storage: {tsdb: {retention: {time: 15d}}}
            tracing: {endpoint: 'a:4317'}
            otlp: {promote_resource_attributes: [a]}
            runtime: {gogc: 50}
            """)
        #expect(
            found.map { "\($0.place) \($0.key)" } == [
                "conf/a.yml:1:32 global.evaluation_interval", "conf/a.yml:1:58 global.query_log_file",
                "conf/a.yml:2:1 alerting", "conf/a.yml:3:1 rule_files", "conf/a.yml:4:1 remote_read",
                "conf/a.yml:5:18 tsdb.retention", "conf/a.yml:6:1 tracing", "conf/a.yml:7:1 otlp",
                "conf/a.yml:8:1 runtime",
            ])
        #expect(found.filter { $0.severity == .missed }.map(\.key) == ["alerting", "rule_files"])
    }

    @Test(arguments: [
        ("[a.yml]", "1 file of rules is not evaluated"), ("['r/*.yml', a.yml]", "4 files of rules are not"),
        ("[none.yml]", "The pattern names no file"), ("[none.yml, none.yml]", "The 2 patterns name no file"),
        ("[gone/a.yml, a.yml]", "The 2 patterns cannot be followed from here"),
    ])
    func filesOfRulesAreCounted(patterns: String, said: String) throws {
        let counts = ["conf/a.yml": 1, "conf/r/*.yml": 3, "conf/none.yml": 0]
        let found = try ignored("rule_files: \(patterns)") { counts[$0] }
        #expect(found.count == 1 && found[0].sentence.contains(said), "\(found)")
    }

    @Test func withoutAWayToCountThePatternsAreToldOf() throws {
        #expect(try ignored("rule_files: [a.yml]")[0].sentence.hasSuffix("cannot be followed from here"))
    }

    @Test func aWindowForLateSamplesIsEveryJobs() throws {
        let jobs = "scrape_configs: [{job_name: a}, {job_name: b}]\n"
        let text = "storage:\n  tsdb:\n    out_of_order_time_window: 30m\n" + jobs
        #expect(try load(text).scrapeConfigs.map(\.outOfOrderWindowMs) == [1_800_000, 1_800_000])
        #expect(try load(jobs).scrapeConfigs.map(\.outOfOrderWindowMs) == [0, 0])
        #expect(try load(text).ignored == [])
        let found = errors(text.replacing("30m", with: "30"))
        #expect(found.count == 1 && found[0].hasPrefix("3:31: out_of_order_time_window must be"), "\(found)")
    }

    @Test func theListIsBoundedAndAnAliasIsToldOfOnce() throws {
        let jobs = (0..<1_200).map { "- {job_name: j\($0), keep_dropped_targets: 1}\n" }.joined()
        #expect(try ignored("scrape_configs:\n" + jobs).count == ErrorSink.ignoredLimit)
        let shared = """
            remote_write:
            - {url: 'http://a/', queue_config: &q {capacity: 5}}
            - {url: 'http://b/', queue_config: *q}
            """
        #expect(try ignored(shared).map(\.place) == ["conf/a.yml:2:40"])
    }
}
