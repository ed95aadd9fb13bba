import AWS
import Configuration
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Discovery

@Suite(.timeLimit(.minutes(1)))
struct EC2ProviderTests {
    private let ec2 = FakeEC2()
    private let clock = ManualClock()
    private let registry = MetricRegistry()
    private let said = SaidLines()

    private func provider(_ configuration: EC2SDConfiguration = EC2SDConfiguration(port: 9_100))
        -> EC2Provider
    {
        EC2Provider(
            configuration, job: "j", inventory: EC2Inventory(region: "eu-west-1", api: ec2, clock: clock),
            clock: clock, registry: registry, logger: said.logger, random: { 0.5 })
    }

    @Test func instancesBecomeOneGroupAndFaultsKeepIt() async throws {
        ec2.set { $0.instances = .success([ec2Instance(2, zone: nil), ec2Instance(1, zone: nil)]) }
        let reports = Reports<[TargetGroup]>()
        let provider = provider()
        let run = Task { await provider.run { reports.add($0) } }
        defer { run.cancel() }
        let group = TargetGroup(
            source: "eu-west-1",
            targets: [1, 2].map { number in
                labels(
                    ("__address__", "10.0.0.\(number):9100"), ("__meta_ec2_instance_id", "i-\(number)"),
                    ("__meta_ec2_private_ip", "10.0.0.\(number)"), ("__meta_ec2_region", "eu-west-1"))
            })
        #expect(await reports.next() == [group])

        // Another order is no change. After a failure 2 s, 4 s, … until the interval: here times 0.75.
        await waitForSleepers(clock)
        ec2.set { $0.instances = .success([ec2Instance(1, zone: nil), ec2Instance(2, zone: nil)]) }
        clock.advance(ms: 60_000)
        await waitForSleepers(clock)
        let error = denied("EC2.DescribeInstances")
        ec2.set { $0.instances = .failure(error) }
        for waitMs in [60_000, 1_500, 3_000] as [Int64] {
            clock.advance(ms: waitMs)
            await waitForSleepers(clock)
        }
        #expect(ec2.calls.count == 5 && reports.received == 1)
        #expect(provider.problems == [error.advice])
        #expect(
            said.all.count == 1 && said.all[0].hasPrefix("EC2 could not be asked; the last good targets stay")
        )
        #expect(
            registry.render().contains(
                "\nprometheus_sd_refresh_failures_total{config=\"j\",mechanism=\"ec2\"} 3\n"))

        ec2.set { $0.instances = .success([]) }
        clock.advance(ms: 6_000)
        #expect(await reports.next() == [TargetGroup(source: "eu-west-1", targets: [])])
        await waitForSleepers(clock)
        #expect(provider.problems.isEmpty && said.all.last == "EC2 answers again")
    }

    @Test func theFiltersOfTheConfigurationAreSent() async {
        let reports = Reports<[TargetGroup]>()
        let filter = EC2SDConfiguration.Filter(name: "tag:Team", values: ["shop"])
        let provider = provider(EC2SDConfiguration(filters: [filter]))
        let run = Task { await provider.run { reports.add($0) } }
        defer { run.cancel() }
        #expect(await reports.next() == [TargetGroup(source: "eu-west-1", targets: [])])
        #expect(ec2.calls == ["instances tag:Team"])
    }

    @Test func whoIsToldToAskLessWaitsTheWholeInterval() async {
        ec2.set { $0.instances = .failure(throttled("EC2.DescribeInstances")) }
        let provider = provider()
        let run = Task { await provider.run { _ in Issue.record("nothing is known") } }
        defer { run.cancel() }
        await waitForSleepers(clock)
        clock.advance(ms: 59_999)
        await Task.yield()
        #expect(ec2.calls.count == 1)
        clock.advance(ms: 1)
        while ec2.calls.count < 2 { await Task.yield() }
        #expect(said.all.allSatisfy { $0.hasPrefix("EC2 could not be asked, and no target is known") })
    }

    @Test func targetsStandWithoutTheIDsOfZonesAndThatIsSaid() async {
        ec2.set {
            $0.instances = .success([ec2Instance(1)])
            $0.zones = .failure(
                AWSError(
                    .accessDenied, message: "UnauthorizedOperation: not you",
                    operation: "EC2.DescribeAvailabilityZones at https://ec2"))
        }
        let reports = Reports<[TargetGroup]>()
        let provider = provider()
        let run = Task { await provider.run { reports.add($0) } }
        defer { run.cancel() }
        let groups = await reports.next()
        #expect(groups?.first?.targets.count == 1)
        await waitForSleepers(clock)
        #expect(
            said.all.count == 1 && said.all[0].contains("allow ec2:DescribeAvailabilityZones"), "\(said.all)")
        #expect(provider.problems.count == 1 && provider.problems[0].contains("availability_zone_id"))
    }
}
