import Platform
import Testing

@testable import Agent

struct ConfigurationCheckTests {
    private func check(_ text: String, _ more: [String: String] = [:]) async throws -> ConfigurationCheck {
        let folder = try TemporaryFolder()
        for (name, content) in more {
            try POSIXFiles().replace("\(folder.path)/\(name)", with: Array(content.utf8))
        }
        let path = "\(folder.path)/a.yml"
        try POSIXFiles().replace(path, with: Array(text.utf8))
        return await ConfigurationCheck.run(path, ConfigurationCheck.Request(environment: [:]))
    }

    private let write = "remote_write: [{url: 'http://h/w'}]\n"

    @Test func aGoodFileHasItsJobsCounted() async throws {
        let found = try await check(
            """
            global: {sample_limit: 9}
            scrape_configs:
              - job_name: a
                static_configs: [{targets: ["h:1", "h:2"]}]
                file_sd_configs: [{files: ["t*.json", "none.json"]}]
              - {job_name: b, ecs_sd_configs: [{}], relabel_configs: [{target_label: c}]}
              - job_name: c
            \(write)
            """, ["t1.json": #"[{"targets":["h:3"]}]"#, "t2.json": "[]"])
        #expect(found.errors == [])
        #expect(
            found.jobs == [
                "job a: 2 static targets, 1 target in 2 files; every 1m",
                "job b: what ecs_sd_configs finds (not asked here), before relabel_configs; every 1m",
                "job c: no target; every 1m",
            ])
        #expect(found.warnings.count == 1 && found.warnings[0].contains("none.json"))
        #expect(found.lines.contains { $0.hasSuffix("a.yml: valid, 1 warning") })
    }

    @Test func everyErrorHasItsPlace() async throws {
        let found = try await check("globl: {}\nscrape_configs: [{job_nam: a}]\n\(write)")
        #expect(found.errors.count == 3, "\(found.errors)")
        #expect(found.errors[0].contains("a.yml:1:1: unknown key \"globl\""))
        #expect(found.lines.contains { $0.hasSuffix("a.yml: not valid, 3 errors") })
    }

    @Test func whatIsMissedAndWhatCostsIsAWarning() async throws {
        let found = try await check("rule_files: [none/*.yml]\nscrape_configs: [{job_name: a}]\n\(write)")
        #expect(found.errors == [] && found.warnings.count == 2, "\(found.lines)")
    }

    @Test(arguments: [
        ("http://localhost:9090/api/v1/write", true), ("http://127.0.0.1:9090/", true),
        ("http://127.0.0.1:9091/", false), ("https://127.0.0.1:9090/", false),
        ("http://10.0.0.1:9090/", false),
    ])
    func aDestinationAtTheAgentsUsualAddressIsAWarning(url: String, isWarned: Bool) async throws {
        let found = try await check("global: {sample_limit: 9}\nremote_write: [{url: '\(url)'}]\n")
        #expect(found.errors == [])
        #expect(
            found.warnings.contains { $0.contains("a.yml:2:") && $0.contains("127.0.0.1:9090") } == isWarned)
    }

    @Test func anErrorInAJobsContentHasItsPlaceInTheJob() async throws {
        let found = try await check(
            """
            files:
              /etc/prometheus/prometheus.yml:
                content: |
                  global: {sample_limit: 9}

                  scrape_configs:
                    - job_nam: a
            """)
        #expect(found.errors.count == 2, "\(found.errors)")
        #expect(found.errors.allSatisfy { $0.contains("a.yml:7:") }, "\(found.errors)")
    }

    @Test func aMissingVariableOfAJobHasItsPlace() async throws {
        let found = try await check(
            """
            files:
              /etc/prometheus/prometheus.yml:
                content: |
                  global: {sample_limit: 9}
                  remote_write: [{url: "{{ env_var('NONE') }}"}]
            """)
        #expect(
            found.errors.contains { $0.contains("a.yml:5:29: the environment has no NONE") },
            "\(found.errors)")
    }

    @Test func whatAJobBringsIsThere() async throws {
        let found = try await check(
            """
            files:
              /none/targets.json: {content: '[{"targets":["h:3"]}]'}
              /none/prometheus.yml:
                content: |
                  global: {sample_limit: 9}
                  scrape_configs: [{job_name: a, file_sd_configs: [{files: ["*.json"]}]}]
                  \(write)
            """)
        #expect(found.errors == [] && found.warnings == [], "\(found.lines)")
        #expect(found.jobs == ["job a: 1 target in 1 file; every 1m"])
    }

    /// Continuous integration has no access to what a job names.
    @Test func aSourceElsewhereIsAWarning() async throws {
        let elsewhere = try await check("files: {/a/prometheus.yml: {source: {Ssm: {ParameterName: /a}}}}")
        #expect(elsewhere.errors == [] && elsewhere.warnings.count == 1, "\(elsewhere.lines)")
        #expect(
            elsewhere.warnings[0].contains("a.yml:1:9: /a/prometheus.yml: its source is not on this machine"))
        let beside = try await check(
            """
            files:
              /a/ca.pem: {source: {Ssm: {ParameterName: /a}}}
              /a/prometheus.yml: {content: "remote_write: [{url: 'http://h/w'}]"}
            """)
        #expect(
            beside.errors == [] && beside.warnings.count == 1 && beside.warnings[0].contains("not checked"))
    }

    @Test func moreWarningsThanFitAreSaid() async throws {
        let jobs = (0..<150).map { "  - job_name: j\($0)\n" }.joined()
        let found = try await check("scrape_configs:\n\(jobs)\(write)")
        #expect(found.warnings.count == 101 && found.warnings[100].contains("more warnings"))
    }

    @Test func nothingElseIsAsked() async {
        let found = await ConfigurationCheck.run(
            "s3://shop/a.yml", ConfigurationCheck.Request(environment: ["AWS_REGION": "eu-west-1"]))
        #expect(found.errors.count == 1 && found.errors[0].contains("not on this machine"))
    }
}
