import Configuration
import MetricModel
import Relabel
import Testing

@testable import Discovery

@Suite struct TargetBuilderTests {
    private func build(
        _ own: LabelSet, group: LabelSet = LabelSet(),
        job: ScrapeConfiguration = ScrapeConfiguration(jobName: "j")
    ) -> (target: DiscoveredTarget?, failure: String?) {
        let results = TargetBuilder(job: job).results(
            of: TargetGroup(source: "s", targets: [own], labels: group))
        return switch results.first {
        case .target(let target): (target, nil)
        case .leftOut(let target): (nil, target.message)
        case nil: (nil, nil)
        }
    }

    @Test func jobAndInstanceAreFilledIn() throws {
        let target = try #require(build(labels(("__address__", "a:1"))).target)
        #expect(target.job == "j")
        #expect(target.url == "http://a:1/metrics")
        #expect(target.labels == labels(("instance", "a:1"), ("job", "j")))
        #expect(
            target.discoveredLabels
                == labels(
                    ("__address__", "a:1"), ("__metrics_path__", "/metrics"), ("__scheme__", "http"),
                    ("__scrape_interval__", "1m"), ("__scrape_timeout__", "10s"), ("job", "j")))
        #expect(target.scrapeIntervalMs == 60_000 && target.scrapeTimeoutMs == 10_000)
    }

    @Test func theTargetWinsOverTheGroupAndTheGroupOverTheJob() throws {
        let own = labels(("__address__", "a:1"), ("env", "own"), ("__meta_x", "m"), ("__tmp", "t"))
        let group = labels(
            ("env", "group"), ("zone", "z"), ("job", "other"), ("instance", "i"), ("__scheme__", "https"))
        let target = try #require(build(own, group: group).target)
        #expect(target.labels == labels(("env", "own"), ("zone", "z"), ("job", "other"), ("instance", "i")))
        #expect(target.url == "https://a:1/metrics")
        #expect(target.job == "j")
        #expect(target.discoveredLabels["__meta_x"] == "m")
    }

    @Test func parametersComeFromJobAndLabels() throws {
        let job = ScrapeConfiguration(
            jobName: "j", metricsPath: "/probe",
            params: [
                .init(name: "target", values: ["x", "y z"]), .init(name: "a&b", values: ["ü/"]),
                .init(name: "none", values: []),
            ])
        #expect(
            build(labels(("__address__", "a:1")), job: job).target?.url
                == "http://a:1/probe?a%26b=%C3%BC%2F&target=x&target=y+z")
        let own = labels(
            ("__address__", "a:1"), ("__param_target", "t"), ("__param_new", "n"), ("__param_none", "1"))
        #expect(
            build(own, job: job).target?.url
                == "http://a:1/probe?a%26b=%C3%BC%2F&new=n&none=1&target=t&target=y+z")
    }

    @Test(arguments: [
        ("/metrics", "/metrics"), ("metrics", "/metrics"), ("/a b?c%20#é", "/a%20b%3Fc%2520%23%C3%A9"),
        ("/a;b,c:d@e=f&g$h+i", "/a;b,c:d@e=f&g$h+i"), ("/(x)!*'", "/%28x%29%21%2A%27"),
    ])
    func pathsAreEscapedAsGoDoes(path: String, expected: String) {
        let own = labels(("__address__", "[::1]:9100"), ("__metrics_path__", path))
        #expect(build(own).target?.url == "http://[::1]:9100\(expected)")
    }

    @Test func anEmptyPathStaysEmpty() {
        let job = ScrapeConfiguration(jobName: "j", metricsPath: "")
        #expect(build(labels(("__address__", "a")), job: job).target?.url == "http://a")
    }

    @Test func labelsSteerIntervalAndTimeout() throws {
        let own = labels(
            ("__address__", "a:1"), ("__scrape_interval__", "5s"), ("__scrape_timeout__", "500ms"))
        let target = try #require(build(own).target)
        #expect(target.scrapeIntervalMs == 5_000 && target.scrapeTimeoutMs == 500)
    }

    @Test(arguments: [
        ("__address__", "", "has no __address__"), ("__address__", "http://a/x", "a scheme or path"),
        ("__address__", "a b", "is not host:port"), ("__scheme__", "ftp", "valid: http, https"),
        ("__scrape_interval__", "soon", "must be a duration"), ("__scrape_interval__", "0s", "longer than 0"),
        ("__scrape_timeout__", "2m", "longer than its interval"),
    ])
    func faultyTargetsAreLeftOutAlone(name: String, value: String, message: String) {
        var own = labels(("__address__", "a:1"))
        own[name] = value
        let group = TargetGroup(source: "s", targets: [labels(("__address__", "b:1")), own])
        let merge = TargetMerge([group], job: ScrapeConfiguration(jobName: "j"))
        #expect(merge.targets.map(\.url) == ["http://b:1/metrics"])
        #expect(merge.leftOut.count == 1 && merge.leftOut[0].message.contains(message))
        #expect(merge.leftOut.first?.cause == .invalid && merge.leftOut.first?.source == "s")
    }

    private func job(_ rules: RelabelRule.Keys...) throws -> ScrapeConfiguration {
        var job = ScrapeConfiguration(
            jobName: "j", params: [.init(name: "module", values: ["m"])])
        job.relabelRules = RelabelRules(try rules.map { try RelabelRule($0) })
        return job
    }

    @Test func rulesSteerTheScrape() throws {
        // The way probes are sent: the address goes into a parameter, the prober takes its place.
        let job = try job(
            .init(sourceLabels: ["__address__"], targetLabel: "__param_target"),
            .init(sourceLabels: ["__param_target"], targetLabel: "instance"),
            .init(targetLabel: "__address__", replacement: "prober:9115"),
            .init(targetLabel: "__metrics_path__", replacement: "/probe"),
            .init(targetLabel: "__scheme__", replacement: "https"),
            .init(targetLabel: "__scrape_interval__", replacement: "30s"),
            .init(sourceLabels: ["__meta_every"], targetLabel: "__scrape_timeout__", regex: "(.+)"),
            .init(action: .labelmap, regex: "__meta_(zone)"),
            .init(targetLabel: "__tmp_x", replacement: "never seen"))
        let own = labels(
            ("__address__", "https://example.com/"), ("__meta_every", "7s"), ("__meta_zone", "z"))
        let target = try #require(build(own, job: job).target)
        #expect(
            target.url == "https://prober:9115/probe?module=m&target=https%3A%2F%2Fexample.com%2F")
        #expect(
            target.labels == labels(("instance", "https://example.com/"), ("job", "j"), ("zone", "z")))
        #expect(target.scrapeIntervalMs == 30_000 && target.scrapeTimeoutMs == 7_000)
        #expect(target.discoveredLabels["__address__"] == "https://example.com/")
    }

    @Test func jobAndInstanceCanBeChangedAndJobRemoved() throws {
        let own = labels(("__address__", "a:1"))
        #expect(
            build(own, job: try job(.init(action: .labeldrop, regex: "job|instance"))).target?.labels
                == labels(("instance", "a:1")))
        #expect(
            build(own, job: try job(.init(targetLabel: "job", replacement: "other"))).target?.labels
                == labels(("instance", "a:1"), ("job", "other")))
    }

    @Test(arguments: [
        ("__address__", "", "has no __address__"), ("__address__", "a/b", "a scheme or path"),
        ("__scheme__", "", "no scheme"), ("__scheme__", "unix", "valid: http, https"),
        ("__scrape_interval__", "", "must be a duration"), ("__scrape_timeout__", "2m", "longer than its"),
    ])
    func whatRulesSpoilIsToldAndNotFatal(name: String, value: String, message: String) throws {
        let job = try job(.init(targetLabel: name, replacement: value))
        let failure = try #require(build(labels(("__address__", "a:1")), job: job).failure)
        #expect(failure.contains(message))
    }
}
