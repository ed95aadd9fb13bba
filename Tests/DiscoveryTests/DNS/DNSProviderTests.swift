import Configuration
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Discovery

/// DNS in the test's hand: answers by name.
final class FakeDNS: DNSResolving {
    let answers: Mutex<[String: Result<[UInt8], ResolverError>]>

    init(_ answers: [String: Result<[UInt8], ResolverError>]) { self.answers = Mutex(answers) }

    func search(_ name: String, _ type: DNSSDConfiguration.RecordType) async throws(ResolverError) -> [UInt8]
    {
        try (answers.withLock { $0[name] } ?? .success([])).get()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct DNSProviderTests {
    /// A message with A records.
    private func message(_ addresses: [[UInt8]]) -> [UInt8] {
        [0, 0, 0x81, 0x80, 0, 0, 0, UInt8(addresses.count), 0, 0, 0, 0]
            + addresses.flatMap { [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4] + $0 }
    }

    @Test func namesBecomeTargetsAndFailuresKeepThem() async throws {
        let dns = FakeDNS([
            "a.test": .success(message([[10, 0, 0, 2], [10, 0, 0, 1]])),
            "b.test": .failure(ResolverError("no")),
        ])
        let clock = ManualClock()
        let registry = MetricRegistry()
        let said = SaidLines()
        let provider = DNSProvider(
            DNSSDConfiguration(names: ["a.test", "b.test"], type: .a, port: 9_100), job: "j", resolver: dns,
            clock: clock, registry: registry, logger: said.logger)
        let reports = Reports<[TargetGroup]>()
        let run = Task { await provider.run { reports.add($0) } }
        defer { run.cancel() }
        #expect(
            await reports.next() == [
                TargetGroup(
                    source: "a.test",
                    targets: [
                        labels(("__address__", "10.0.0.1:9100"), ("__meta_dns_name", "a.test")),
                        labels(("__address__", "10.0.0.2:9100"), ("__meta_dns_name", "a.test")),
                    ])
            ])
        // Another order is no change; a failure leaves the targets; a name that is gone loses them.
        dns.answers.withLock { $0["a.test"] = .success(message([[10, 0, 0, 1], [10, 0, 0, 2]])) }
        for _ in 0..<2 {
            await waitForSleepers(clock)
            clock.advance(ms: 30_000)
            await waitForSleepers(clock)
            dns.answers.withLock { $0["a.test"] = .failure(ResolverError("no")) }
        }
        await waitForSleepers(clock)
        #expect(reports.received == 1)
        #expect(said.all.count == 2, "each fault once: \(said.all)")
        #expect(provider.problems.count == 2 && provider.unread == provider.problems)
        #expect(provider.problems.first?.hasPrefix("a.test: ") == true)
        dns.answers.withLock { $0["a.test"] = .success([]) }
        clock.advance(ms: 30_000)
        #expect(await reports.next() == [TargetGroup(source: "a.test", targets: [])])
        #expect(provider.problems.first == "a.test: there is no such name, or it has no A record")
        #expect(!provider.unread.contains { $0.hasPrefix("a.test") })
        let page = registry.render()
        #expect(page.contains("prometheus_sd_dns_lookups_total 8\n"), "\(page)")
        #expect(page.contains("prometheus_sd_dns_lookup_failures_total 5\n"), "\(page)")
        // A round is a refresh, and fails with any of its names.
        let series = "{config=\"j\",mechanism=\"dns\"} 4\n"
        #expect(page.contains("prometheus_sd_refresh_failures_total" + series), "\(page)")
        #expect(page.contains("prometheus_sd_refresh_duration_seconds_count" + series), "\(page)")
    }

    @Test func theLabelsArePrometheus() async throws {
        func name(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) + [0] }
        func record(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
            [0, 0, type, 0, 1, 0, 0, 0, 0, 0, UInt8(data.count)] + data
        }
        let header: [UInt8] = [0, 0, 0x81, 0x80, 0, 0, 0, 4, 0, 0, 0, 0]
        let six = [UInt8](repeating: 0, count: 15) + [1]
        let dns = FakeDNS([
            "x": .success(
                header + record(33, [0, 0, 0, 0, 0x1F, 0x90] + name("srv")) + record(15, [0, 1] + name("mx"))
                    + record(2, name("ns")) + record(28, six))
        ])
        let provider = DNSProvider(
            DNSSDConfiguration(names: ["x"], type: .mx, port: 25), job: "j", resolver: dns,
            clock: ManualClock(), registry: MetricRegistry(), logger: SaidLines().logger)
        let reports = Reports<[TargetGroup]>()
        let run = Task { await provider.run { reports.add($0) } }
        defer { run.cancel() }
        #expect(
            await reports.next()?.first?.targets == [
                labels(("__address__", "[::1]:25"), ("__meta_dns_name", "x")),
                labels(
                    ("__address__", "mx:25"), ("__meta_dns_name", "x"), ("__meta_dns_mx_record_target", "mx.")
                ),
                labels(
                    ("__address__", "ns:25"), ("__meta_dns_name", "x"), ("__meta_dns_ns_record_target", "ns.")
                ),
                labels(
                    ("__address__", "srv:8080"), ("__meta_dns_name", "x"),
                    ("__meta_dns_srv_record_target", "srv."), ("__meta_dns_srv_record_port", "8080")),
            ])
    }
}
