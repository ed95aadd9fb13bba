import MetricModel
import Testing

@testable import Configuration

@Suite struct ConfigurationLoadTests {
    @Test(arguments: ["", "# only a comment\n", "---\n", "{}", "null", "\u{FEFF}global:\n", "\u{FEFF}"])
    func emptyFilesGiveTheDefaults(text: String) throws {
        let configuration = try load(text)
        #expect(configuration.global == GlobalConfiguration())
        #expect(configuration.scrapeConfigs.isEmpty)
        #expect(configuration.remoteWrites.isEmpty)
    }

    /// Whether that is a fault depends on what the file is read for: `run` refuses it, `discover` does not
    /// care.
    @Test func aFileWithoutDestinationIsNotWarnedOf() throws {
        let configuration = try load("scrape_configs: []")
        #expect(configuration.warnings.isEmpty && configuration.remoteWrites.isEmpty)
    }

    @Test func defaultsArePrometheus() throws {
        let configuration = try load(
            "scrape_configs: [{job_name: a}]\nremote_write: [{url: 'https://host:9090/write'}]")
        let job = try #require(configuration.scrapeConfigs.first)
        #expect(job == ScrapeConfiguration(jobName: "a"))
        #expect(job.scrapeIntervalMs == 60_000)
        #expect(job.scrapeTimeoutMs == 10_000)
        #expect(job.metricsPath == "/metrics")
        #expect(job.scheme == "http")
        #expect(!job.honorLabels && job.honorTimestamps && job.enableCompression && job.http.followRedirects)
        let write = try #require(configuration.remoteWrites.first)
        #expect(write.remoteTimeoutMs == 30_000)
        #expect(write.queue == QueueConfiguration())
        #expect(write.sigv4 == nil)
        #expect(write.name.utf8.count == 16)
    }

    @Test func theArticlesConfigurationLoads() throws {
        let configuration = try load(
            """
            global:
              evaluation_interval: 1m
              scrape_interval: 30s
              scrape_timeout: 10s
            remote_write:
              - url: https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write
                sigv4:
                  region: us-east-1
            scrape_configs:
              - job_name: ecs
                file_sd_configs:
                  - files:
                      - /output/ecs_file_sd.yml
                    refresh_interval: 1m
            """)
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.scrapeConfigs[0].scrapeIntervalMs == 30_000)
        #expect(
            configuration.scrapeConfigs[0].fileSDConfigs == [
                FileSDConfiguration(files: ["/output/ecs_file_sd.yml"], refreshIntervalMs: 60_000)
            ])
        #expect(configuration.remoteWrites[0].sigv4 == SigV4Configuration(region: "us-east-1"))
    }

    @Test func dashesOfWordProcessorsAreNamed() {
        let found = errors("remote_write:\n  – url: http://a/b\n    sigv4:\n      region: us-east-1\n")
        #expect(found.first == "2:3: this line begins with a dash (–); a list item begins with a hyphen (-)")
        #expect(found.count == 2)
        #expect(errors("remote_write:\n  – url: http://a/b\n").contains { $0.contains("must be a list") })
        #expect(
            errors(job("static_configs: [{– targets: [a]}]")).contains {
                $0.contains("a list item with a hyphen")
            })
    }

    @Test func allErrorsAreReportedInTheOrderOfTheFile() {
        let found = errors(
            """
            global:
              scrape_intervall: 1m
              scrape_timeout: fast
            scrape_configs:
              - job_name: a
                scheme: htttp
                honor_labels: "true"
              - job_name: a
              - metrics_path: /x
            remote_write:
              - url: ftp://x
            """)
        #expect(found.count == 7)
        #expect(
            found[0].hasPrefix(
                "2:3: unknown key \"scrape_intervall\" in global; did you mean scrape_interval? Valid keys: ")
        )
        #expect(found[1].hasPrefix("3:19: scrape_timeout must be a duration such as 30s"))
        #expect(found[2] == "6:13: scheme cannot be \"htttp\"; did you mean http? Valid: http, https")
        #expect(found[3] == "7:19: honor_labels must be true or false without quotes, but this is a string")
        #expect(found[4] == "8:15: job_name must be unique: \"a\" stands in line 5 already")
        #expect(found[5] == "9:5: a job in scrape_configs needs a job_name")
        #expect(found[6] == "11:10: url must begin with http:// or https://, but \"ftp://x\" does not")
    }

    @Test func descriptionsNameFileLineAndColumn() {
        let error = #expect(throws: ConfigurationErrors.self) { try load("globl:\n") }
        #expect(
            error?.description.hasPrefix(
                "conf/narthex.yml:1:1: unknown key \"globl\" in configuration file; did you mean global?")
                == true)
    }

    @Test func keysOfAnotherBlockAreSentHome() {
        #expect(errors("sigv4: {}\n")[0].contains("; it belongs in remote_write. Valid keys: "))
        #expect(errors("job_name: a\n")[0].contains("; it belongs in scrape_configs. Valid keys: "))
    }

    @Test func keysKnownToPrometheusHaveTheirOwnError() {
        #expect(errors(job("consul_sd_configs: [{server: a}]"))[0].contains("does not support yet"))
        #expect(
            errors(job("ecs_sd_configs: [{clusters: [a], oauth2: {client_id: a}}]"))[0].contains(
                "the place of the signature"))
    }

    @Test func aSettingWithoutEffectIsAnErrorWhenStrict() throws {
        let text = "rule_files: [a.yml]\nglobal: {evaluation_interval: 15s}\n"
        #expect(try load(text).ignored.map(\.key) == ["rule_files", "global.evaluation_interval"])
        let error = #expect(throws: ConfigurationErrors.self) {
            try Configuration.load(
                text: Array(text.utf8), file: "a.yml", environment: [:], isStrict: true)
        }
        let found = error?.errors.map(\.description) ?? []
        #expect(found.count == 2)
        #expect(found.first?.hasPrefix("a.yml:1:1: rule_files is not followed: ") == true, "\(found)")
        #expect(found.last?.hasPrefix("a.yml:2:10: global.evaluation_interval has no effect") == true)
        #expect(found.allSatisfy { $0.hasSuffix("(--config.strict refuses it)") })
    }

    @Test func refusedKeysThatAskForNothingPass() {
        #expect(errors("rule_files:\n  # - first.yml\nalerting: {alertmanagers: []}\n").isEmpty)
        #expect(errors(job("relabel_configs: []\nsample_limit: 0\nenable_http2: false")).isEmpty)
        #expect(errors(destination("send_exemplars: false\nwrite_relabel_configs:")).isEmpty)
        #expect(!errors(job("label_limit: 0\nkubernetes_sd_configs: [{role: pod}]")).isEmpty)
    }

    @Test func timeoutsFollowTheInterval() throws {
        #expect(try load("global: {scrape_interval: 5s}").global.scrapeTimeoutMs == 5_000)
        #expect(try load("global: {scrape_interval: 5m}").global.scrapeTimeoutMs == 10_000)
        #expect(try load(job("scrape_interval: 3s")).scrapeConfigs[0].scrapeTimeoutMs == 3_000)
        #expect(try load(job("scrape_timeout: 50s")).scrapeConfigs[0].scrapeTimeoutMs == 50_000)
        #expect(try load(job("scrape_interval: 0s")).scrapeConfigs[0].scrapeIntervalMs == 60_000)
        #expect(
            errors(job("scrape_timeout: 61s")) == [
                "3:21: scrape_timeout (1m1s) is longer than scrape_interval (1m)"
            ])
        #expect(errors("global: {scrape_interval: 1s, scrape_timeout: 2s}").count == 1)
    }

    @Test func externalLabelsTakeTheEnvironment() throws {
        let configuration = try load(
            "global: {external_labels: {a: '${X}-$Y', b: '$$5', c: 7, d: true, e: '${NONE}', f: }}",
            environment: ["X": "1", "Y": "2"])
        #expect(
            configuration.global.externalLabels
                == LabelSet([Label("a", "1-2"), Label("b", "$5"), Label("c", "7"), Label("d", "true")]))
        #expect(
            configuration.warnings.first?.message == "the environment has no NONE; it counts as empty in e")
        #expect(
            try load("global: {external_labels: {r: '${ECS_TASK_ID}'}}").warnings.first?.message
                == "the environment has no ECS_TASK_ID; it counts as empty in r; in an ECS task it is the "
                + "task's id")
        #expect(errors("global: {external_labels: {a: '${X'}}")[0].contains("needs a name and a closing }"))
        #expect(errors("global: {external_labels: {'': x, ok: [x]}}").count == 2)
    }

    @Test func aByteOrderMarkIsTakenAndMovesNoPlace() throws {
        let text = "\u{FEFF}global:\n  scrape_interval: 15s\nscrape_configs:\n  - job_name: a\n"
        #expect(try load(text).scrapeConfigs.count == 1)
        #expect(try load("\u{FEFF}---\nglobal: {scrape_interval: 5s}").global.scrapeIntervalMs == 5_000)
        #expect(errors("\u{FEFF}globl: {}")[0].hasPrefix("1:1: "))
    }

    @Test func aSwitchWithoutAValueIsOffAsInPrometheus() throws {
        let keys = "honor_timestamps:\nenable_compression:\nfollow_redirects:\nenable_http2:"
        let empty = try load(job(keys)).scrapeConfigs[0]
        #expect(!empty.honorTimestamps && !empty.enableCompression)
        #expect(!empty.http.followRedirects && !empty.http.enableHTTP2)
        let write = try load(destination("queue_config: {retry_on_http_429: }")).remoteWrites[0]
        #expect(!write.queue.retryOnHTTP429)
    }

    @Test func hostileFilesAreRefusedWithAPlace() {
        let laughs =
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + zip("bcdefgh", "abcdefg").map {
                "\($0): &\($0) [\(Array(repeating: "*\($1)", count: 10).joined(separator: ","))]\n"
            }
            .joined()
        #expect(errors(laughs)[0].hasSuffix("more than 500000 values, aliases followed"))
        #expect(errors(String(repeating: "[", count: 5_000))[0] == "1:65: nested deeper than 64 levels")
        #expect(errors(String(repeating: "{a: ", count: 5_000))[0].contains("nested deeper than 64 levels"))
        #expect(errors(String(repeating: "- ", count: 5_000))[0].contains("nested deeper than 64 levels"))
        #expect(
            errors(String(repeating: "a", count: Configuration.limitBytes + 1))[0].contains(
                "at most 1048576 are read"))
        #expect(
            errors(bytes: Array("global:\n  é: ".utf8) + [0xFF, 0x0A])[0].hasPrefix("2:6: this is not UTF-8"))
        #expect(errors("global:\n  scrape_interval: \u{1}1m\n")[0].hasPrefix("2:20: a control character"))
        #expect(
            errors("global:\n\tscrape_interval: 1m\n")[0].hasSuffix("(a tab; YAML is indented with spaces)"))
        #expect(errors("a: &a [*a]\n")[0] == "1:8: *a stands inside what &a names")
        #expect(errors("a: *b\n")[0].contains("*b names nothing"))
        #expect(errors("global: {}\n---\nglobal: {}\n")[0].hasPrefix("2:1: a second document begins here"))
        #expect(errors("global: !ruby/object {}\n")[0].contains("the tag !ruby/object has no meaning here"))
        #expect(errors("global: {\n")[0].hasPrefix("2:1: "))
        #expect(errors(bytes: [0xFF, 0xFE, 0x61, 0x00])[0].contains("not UTF-8"))
    }

    @Test func errorsAreBounded() {
        let found = errors("scrape_configs: [" + String(repeating: "{x: 1},", count: 5_000) + "]")
        #expect(found.count == ErrorSink.limit + 1)
        #expect(found.last == "0:0: there are more errors than these 100")
    }

    @Test func randomBytesNeverCrash() {
        var generator = SeededGenerator(seed: .random(in: 0...UInt64.max))
        let alphabet = Array("aglob:- []{}&*!|>'\"%@`\n\t #,?\\u0".utf8) + [0x00, 0x80, 0xC3, 0xA9, 0xFF]
        for _ in 0..<3_000 {
            let text = (0..<Int.random(in: 0..<60, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            _ = errors(bytes: text)
            _ = errors(bytes: Array("scrape_configs:\n- job_name: a\n  ".utf8) + text)
        }
    }
}
