import AWS
import Configuration
import Discovery
import HTTPTransport
import Logging
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Agent

@Suite struct ECSInventoriesTests {
    /// A reload may have taken the last job away that asked by a role: neither the clusters that it read nor
    /// its credentials stay.
    @Test func whatNoJobAsksForIsLetGo() async throws {
        let registry = MetricRegistry()
        let http = HTTPClient(
            HTTPClientConfiguration(), registry: registry, logger: Logger(label: "test"))
        defer { http.shutDown() }
        let (routes, aws) = await AWSRoutes.make(
            http: http, workers: WorkerPool(name: "test", threads: 1), files: POSIXFiles(),
            clock: ManualClock(), environment: ScriptedSources.environment, logger: Logger(label: "test"),
            registry: registry)
        let inventories = ECSInventories(aws: aws, routes: routes, clock: ManualClock(), registry: registry)
        func identities() -> Int {
            registry.render().split(separator: "\n").count {
                $0.hasPrefix("narthex_aws_credentials_refreshes_total{")
            }
        }
        let plain = ECSSDConfiguration(clusters: ["a"])
        let kept = try await inventories.access(plain, job: "j").inventory
        var role = plain
        role.roleARN = "arn:aws:iam::123456789012:role/reader"
        _ = try await inventories.access(role, job: "k")
        #expect(inventories.count == 2 && identities() == 2)
        inventories.forgetUnused()
        aws.forgetUnusedCredentials()
        #expect(inventories.count == 1 && identities() == 1)
        #expect(try await inventories.access(plain, job: "j").inventory === kept)
    }
}
