import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderLintsTests {
    private func lints(_ text: String) throws -> [String] {
        try load(text).lints.map { "\($0.line):\($0.column): \($0.message)" }
    }

    private let amp =
        "remote_write: [{url: 'https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/"
        + "remote_write', sigv4: {}}]\n"

    @Test func aJobWithoutALimitOfSamplesIsTold() throws {
        let found = try lints("scrape_configs:\n  - job_name: a\n  - {job_name: b, sample_limit: 9}\n")
        #expect(found.count == 1 && found[0].hasPrefix("2:5: the job \"a\" has no sample_limit"))
        #expect(try lints("global: {sample_limit: 9}\nscrape_configs: [{job_name: a}]\n") == [])
    }

    @Test func aShortIntervalCostsAtAMPAlone() throws {
        let job =
            "scrape_configs: [{job_name: a, sample_limit: 9, scrape_interval: 5s, scrape_timeout: 5s}]\n"
        #expect(try lints(job) == [])
        let found = try lints(job + amp)
        #expect(found.count == 1 && found[0].contains("scrapes every 5s") && found[0].hasPrefix("1:66: "))
        #expect(try lints(job.replacing("5s", with: "10s") + amp) == [])
    }

    @Test(arguments: [
        ("action: labeldrop, regex: 'pod|le'", "le"),
        ("action: labeldrop, regex: '.*'", "le, quantile, instance, job"),
        ("action: labelkeep, regex: '__name__|le|quantile|job'", "instance"),
    ])
    func aRuleThatMakesDuplicatesIsTold(rule: String, lost: String) throws {
        let found = try lints(
            "scrape_configs: [{job_name: a, sample_limit: 9, metric_relabel_configs: [{\(rule)}]}]\n")
        #expect(found.count == 1 && found[0].contains("takes \(lost) away"), "\(found)")
    }

    @Test func otherRulesAreNot() throws {
        let rules = "[{action: labeldrop, regex: pod}, {action: drop, source_labels: [le], regex: a}]"
        #expect(
            try lints(
                "scrape_configs: [{job_name: a, sample_limit: 9, metric_relabel_configs: \(rules)}]\n") == [])
    }

    @Test func aDestinationsRulesAreLookedAt() throws {
        let found = try lints(
            destination("write_relabel_configs: [{action: labeldrop, regex: instance}]"))
        #expect(found.count == 1 && found[0].contains("the destination"))
    }
}
