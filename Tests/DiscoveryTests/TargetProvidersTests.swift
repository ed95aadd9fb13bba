import AWS
import Configuration
import HTTPTransport
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Discovery

@Suite struct TargetProvidersTests {
    private func make(
        _ job: ScrapeConfiguration, ecs: (ECSSDConfiguration) throws(AWSError) -> TargetProviders.ECSAccess
    ) throws(AWSError) -> [any TargetProvider] {
        try TargetProviders.make(
            for: job, files: POSIXFiles(), workers: WorkerPool(name: "test", threads: 1),
            clock: ManualClock(),
            registry: MetricRegistry(), logger: SaidLines().logger, ecs: ecs)
    }

    @Test func everyKindIsMade() throws {
        var job = ScrapeConfiguration(jobName: "j")
        let access = { (_: ECSSDConfiguration) throws(AWSError) in
            TargetProviders.ECSAccess(
                inventory: ECSInventory(region: "r", api: FakeAWS().api, clock: ManualClock()),
                ownCluster: .none)
        }
        #expect(try make(job, ecs: access).isEmpty)
        job.staticConfigs = [StaticConfiguration(targets: ["a"]), StaticConfiguration(targets: ["b"])]
        job.fileSDConfigs = [FileSDConfiguration(files: ["a.yml"]), FileSDConfiguration(files: ["b.yml"])]
        job.ecsSDConfigs = [ECSSDConfiguration(clusters: ["prod"])]
        #expect(try make(job, ecs: access).map(\.name) == ["static", "file", "file", "ecs"])
    }

    @Test func eachEntryOfEC2IsAProvider() {
        var job = ScrapeConfiguration(jobName: "j")
        job.ec2SDConfigs = [EC2SDConfiguration(port: 1), EC2SDConfiguration(port: 2)]
        let inventory = EC2Inventory(region: "r", api: FakeEC2(), clock: ManualClock())
        let made = TargetProviders.ec2(
            for: job, inventories: [inventory, inventory], clock: ManualClock(), registry: MetricRegistry(),
            logger: SaidLines().logger)
        #expect(made.map(\.name) == ["ec2", "ec2"])
    }

    @Test func aResolverIsMadeOnlyForWhoLooksNamesUp() {
        var made = 0
        func resolver() -> FakeDNS {
            made += 1
            return FakeDNS([:])
        }
        var job = ScrapeConfiguration(jobName: "j")
        job.httpSDConfigs = [HTTPSDConfiguration(url: "http://a.test/")]
        func network() -> [String] {
            TargetProviders.network(
                for: job, http: { _ in FakeWeb(.failure(HTTPError(.timeout, "no"))) }, resolver: resolver(),
                workers: WorkerPool(name: "test", threads: 1), clock: ManualClock(),
                registry: MetricRegistry(), logger: SaidLines().logger
            ).map(\.name)
        }
        #expect(network() == ["http"])
        #expect(made == 0)
        job.dnsSDConfigs = [DNSSDConfiguration(names: ["a.test"])]
        #expect(network() == ["http", "dns"])
        #expect(made == 1)
    }

    @Test func withoutRegionThereIsNoECS() {
        let job = ScrapeConfiguration(jobName: "j", ecsSDConfigs: [ECSSDConfiguration(clusters: ["prod"])])
        #expect(throws: AWSError.self) {
            try make(job) { _ throws(AWSError) in
                throw AWSError(.noRegion, message: "no region", operation: "ECS")
            }
        }
    }
}
