import MetricModel
import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderScrapeTests {
    @Test func failureLogsAreInheritedAndLieBesideTheFile() throws {
        let configuration = try load(
            """
            global: {scrape_failure_log_file: failures.log}
            scrape_configs:
              - {job_name: a, scrape_failure_log_file: /var/log/a.log}
              - {job_name: b, scrape_failure_log_file: ""}
              - {job_name: c}
            """)
        let files = configuration.scrapeConfigs.map(\.scrapeFailureLogFile)
        #expect(files[0] == "/var/log/a.log")
        #expect(files[1] == files[2] && files[2] == configuration.global.scrapeFailureLogFile)
        #expect(files[2]?.hasSuffix("failures.log") == true)
    }

    @Test func everyKeyIsRead() throws {
        let configuration = try load(
            """
            global: {body_size_limit: 1MB}
            scrape_configs:
              - job_name: 17
                scrape_interval: 15s
                scrape_timeout: 5s
                metrics_path: /probe
                scheme: https
                params: {target: [a, 1], module: [http], none: }
                honor_labels: yes
                honor_timestamps: off
                enable_compression: False
                follow_redirects: n
                body_size_limit: 2KiB
                fallback_scrape_protocol: PrometheusText0.0.4
                static_configs:
                  - targets: [localhost:9100, '[::1]:9100', host]
                    labels: {env: prod, n: 010}
                file_sd_configs:
                  - files: [sd/*.json, /abs/a.yml, ../up.yaml]
                ecs_sd_configs:
                  - clusters: [prod, 'arn:aws:ecs:eu-west-1:123456789012:cluster/x']
                    region: eu-west-1
                    endpoint: http://localhost:4566
                    refresh_interval: 30s
                    access_key: AKID
                    secret_key: hidden
              - job_name: inherits
            """)
        let job = configuration.scrapeConfigs[0]
        #expect(
            job
                == ScrapeConfiguration(
                    jobName: "17", scrapeIntervalMs: 15_000, scrapeTimeoutMs: 5_000, metricsPath: "/probe",
                    scheme: "https",
                    params: [
                        .init(name: "target", values: ["a", "1"]), .init(name: "module", values: ["http"]),
                    ],
                    honorLabels: true, honorTimestamps: false, enableCompression: false,
                    http: HTTPClientOptions(followRedirects: false),
                    bodySizeLimitBytes: 2_048, fallbackScrapeProtocol: .prometheusText004,
                    staticConfigs: [
                        StaticConfiguration(
                            targets: ["localhost:9100", "[::1]:9100", "host"],
                            labels: LabelSet([Label("env", "prod"), Label("n", "010")]))
                    ],
                    fileSDConfigs: [FileSDConfiguration(files: ["conf/sd/*.json", "/abs/a.yml", "up.yaml"])],
                    ecsSDConfigs: [
                        ECSSDConfiguration(
                            clusters: ["prod", "arn:aws:ecs:eu-west-1:123456789012:cluster/x"],
                            region: "eu-west-1",
                            endpoint: "http://localhost:4566", refreshIntervalMs: 30_000, accessKey: "AKID",
                            secretKey: "hidden")
                    ]))
        #expect(configuration.scrapeConfigs[1].bodySizeLimitBytes == 1 << 20)
        #expect(!"\(configuration)".contains("hidden"))
    }

    @Test(arguments: [
        ("honor_labels: maybe", "honor_labels must be true or false"),
        ("honor_labels: [a]", "but this is a list"),
        ("scrape_interval: 30", "must be a duration"),
        ("scrape_interval: [30s]", "but this is a list"),
        ("metrics_path: {a: b}", "metrics_path must be a string, but this is a mapping"),
        ("metrics_path: /metrics?format=prometheus", "use params"),
        ("params: [a]", "params must be a mapping"),
        ("params: {a: b}", "must be a list such as [a]"),
        ("params: {a: [[b]]}", "must be a string"),
        ("params: {a: [b], a: [c]}", "\"a\" stands twice in params"),
        ("body_size_limit: 10", "a size with a unit"),
        ("body_size_limit: -1MB", "a size with a unit"),
        ("scheme: ftp", "Valid: http, https"),
        ("static_configs: {targets: [a]}", "must be a list of target groups"),
        ("static_configs: [a]", "takes a mapping (targets, labels"),
        ("static_configs: [{target: [a]}]", "did you mean targets?"),
        ("static_configs: [{targets: a}]", "must be a list of host:port"),
        ("static_configs: [{targets: ['http://a:1/x']}]", "is not host:port: a scheme or path"),
        ("static_configs: [{targets: ['::1:9100']}]", "needs brackets"),
        ("static_configs: [{targets: ['a:99999']}]", "no port from 1 to 65535"),
        ("static_configs: [{targets: ['a:']}]", "no port from 1 to 65535"),
        ("static_configs: [{targets: ['a b:1']}]", "is not host:port"),
        ("static_configs: [{targets: [~]}]", "must be a string, but this is empty"),
        ("static_configs: [{labels: {'': x}}]", "has an empty name"),
        ("static_configs: [~]", "an empty target group"),
        ("file_sd_configs: [{}]", "needs files: at least one path"),
        ("file_sd_configs: [{files: a.yml}]", "files must be a list of paths"),
        ("file_sd_configs: [{files: [a.txt]}]", "must end in .json, .yml or .yaml"),
        ("file_sd_configs: [{files: [a*/b.yml]}]", "has a * in a folder"),
        ("file_sd_configs: [{files: [a.yml], refresh_interval: 0s}]", "must be longer than 0"),
        ("job_name: b", "\"job_name\" stands twice in scrape_configs; first in line 2"),
        ("[a]: b", "a key in scrape_configs must be a name"),
    ])
    func impossibleValuesAreRefused(lines: String, message: String) {
        let found = errors(job(lines))
        #expect(found.count == 1 && found[0].contains(message), "\(found)")
    }

    @Test func jobsThatAreNoneAreRefused() {
        #expect(
            errors("scrape_configs: [{job_name: ~}]") == ["1:19: a job in scrape_configs needs a job_name"])
        #expect(errors("scrape_configs: [~]")[0].contains("an empty entry in scrape_configs"))
        #expect(errors("scrape_configs: [a]")[0].contains("takes a mapping"))
        #expect(
            errors("scrape_configs: {job_name: a}")[0].contains(
                "must be a list of jobs, but this is a mapping"))
        #expect(
            errors("scrape_configs: [{job_name: ''}]") == ["1:29: a job in scrape_configs needs a job_name"])
        #expect(
            errors("scrape_configs: [{job_name: [a]}]") == [
                "1:29: job_name must be a string, but this is a list"
            ])
        #expect(errors("- a\n")[0].contains("configuration file takes a mapping (global, scrape_configs"))
    }

    @Test func anchorsAndMergesWork() throws {
        let jobs = try load(
            """
            scrape_configs:
              - &base
                job_name: a
                scrape_interval: 15s
                honor_labels: true
              - <<: *base
                job_name: b
                honor_labels: false
            """
        ).scrapeConfigs
        #expect(jobs[1] == ScrapeConfiguration(jobName: "b", scrapeIntervalMs: 15_000))
        #expect(errors("scrape_configs: [{<<: 3, job_name: a}]")[0].contains("<< takes a mapping"))
    }

    @Test(arguments: [("HTTPS", "https"), ("Http", "http")])
    func theSchemesCaseMakesNoDifference(written: String, taken: String) throws {
        #expect(try load(job("scheme: \(written)")).scrapeConfigs[0].scheme == taken)
    }
}
