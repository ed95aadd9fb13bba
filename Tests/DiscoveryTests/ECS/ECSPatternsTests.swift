import AWS
import Configuration
import MetricModel
import Relabel
import Testing

@testable import Discovery

@Suite struct ECSPatternsTests {
    private func one(
        _ pattern: String, container: String? = nil, ports: [Int] = [9113], path: String? = nil
    ) throws -> ECSExporterPattern {
        ECSExporterPattern(
            pattern: try ECSExporterPattern.anywhere(pattern),
            containerPattern: try container.map { text throws(RelabelError) in
                try ECSExporterPattern.anywhere(text)
            }, ports: ports, path: path, jobName: "j")
    }

    @Test func servicesAndDefinitionsAreMatchedAnywhereInTheirNames() throws {
        let task = fargateTask(1)
        for (pattern, count) in [("web", 1), ("^we", 1), ("eb$", 1), ("^b", 0), ("x|w", 1), ("", 1)] {
            let byService = ECSPatterns(services: [try one(pattern)], taskDefinitions: [])
            #expect(byService.endpoints("app", of: task).count == count, "\(pattern)")
        }
        let byDefinition = ECSPatterns(services: [], taskDefinitions: [try one("web:[0-9]+$")])
        #expect(byDefinition.endpoints("app", of: task).count == 1)
        var alone = task
        alone.group = "family:web"
        #expect(
            ECSPatterns(services: [try one("web")], taskDefinitions: []).endpoints("app", of: alone).isEmpty)
    }

    @Test func containersAndPortsAreChosen() throws {
        let patterns = ECSPatterns(
            services: [try one("web", container: "^app$", ports: [1, 2], path: "/m")], taskDefinitions: [])
        #expect(
            patterns.endpoints("app", of: fargateTask(1)) == [
                ECSEndpoint(port: .number(1), path: "/m", jobName: "j"),
                ECSEndpoint(port: .number(2), path: "/m", jobName: "j"),
            ])
        #expect(patterns.endpoints("proxy", of: fargateTask(1)).isEmpty)
    }

    @Test func whatLabelsAndPatternsBothNameIsOneTarget() throws {
        var configuration = ECSSDConfiguration()
        configuration.services = [try one("web", ports: [9100, 9200])]
        let targets = ECSTargets(configuration: configuration, region: "r").targets(
            of: ECSTaskRecord(task: fargateTask(1), definition: webDefinition()),
            in: ECSClusterSnapshot(cluster: "prod")
        ).targets
        #expect(targets.compactMap { $0["__address__"] } == ["10.0.0.1:9100", "10.0.0.1:9200"])
        #expect(targets.map { $0["job"] } == [nil, "j"])
    }
}
