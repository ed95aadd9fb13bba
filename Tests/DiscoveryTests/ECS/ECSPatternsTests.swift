import AWS
import Configuration
import MetricModel
import Relabel
import Testing

@testable import Discovery

@Suite struct ECSPatternsTests {
    private let app = ECSTaskDefinition.Container(
        name: "app", portMappings: [1, 2, 9113].map { .init(containerPort: $0) })

    private func one(
        _ pattern: String, container: String? = nil, ports: [Int] = [9113], path: String? = nil,
        job: String = "j"
    ) throws -> ECSExporterPattern {
        ECSExporterPattern(
            pattern: try ECSExporterPattern.anywhere(pattern),
            containerPattern: try container.map { text throws(RelabelError) in
                try ECSExporterPattern.anywhere(text)
            }, ports: ports, path: path, jobName: job)
    }

    @Test func servicesAndDefinitionsAreMatchedAnywhereInTheirNames() throws {
        let task = fargateTask(1)
        for (pattern, count) in [("web", 1), ("^we", 1), ("eb$", 1), ("^b", 0), ("x|w", 1), ("", 1)] {
            let byService = ECSPatterns(services: [try one(pattern)], taskDefinitions: [])
            #expect(byService.matches(app, of: task).endpoints.count == count, "\(pattern)")
        }
        let byDefinition = ECSPatterns(services: [], taskDefinitions: [try one("web:[0-9]+$")])
        #expect(byDefinition.matches(app, of: task).endpoints.count == 1)
        var alone = task
        alone.group = "family:web"
        #expect(
            ECSPatterns(services: [try one("web")], taskDefinitions: []).matches(app, of: alone) == .init())
    }

    @Test func containersAndPortsAreChosen() throws {
        let patterns = ECSPatterns(
            services: [try one("web", container: "^app$", ports: [1, 2], path: "/m")], taskDefinitions: [])
        #expect(
            patterns.matches(app, of: fargateTask(1)).endpoints == [
                ECSEndpoint(port: .number(1), path: "/m", jobName: "j"),
                ECSEndpoint(port: .number(2), path: "/m", jobName: "j"),
            ])
        let proxy = ECSTaskDefinition.Container(name: "proxy", portMappings: app.portMappings)
        #expect(patterns.matches(proxy, of: fargateTask(1)) == .init())
        let unmapped = ECSTaskDefinition.Container(name: "app", portMappings: [.init(containerPort: 3)])
        #expect(patterns.matches(unmapped, of: fargateTask(1)) == .init(unmappedPorts: [1, 2]))
    }

    @Test func aRangeOfPortsIsMappedPortByPort() throws {
        let patterns = ECSPatterns(
            services: [try one("web", ports: [8000, 8010, 8011])], taskDefinitions: [])
        let container = ECSTaskDefinition.Container(
            name: "app", portMappings: [.init(containerPorts: 8000...8010)])
        #expect(
            patterns.matches(container, of: fargateTask(1)).endpoints.map(\.port) == [
                .number(8000), .number(8010),
            ])
    }

    @Test func aContainerThatMapsNoneOfThePortsIsSilentWithTheReason() throws {
        var configuration = ECSSDConfiguration(dockerLabels: [])
        configuration.services = [try one("web", ports: [9200, 9113])]
        let result = ECSTargets(configuration: configuration, region: "r").targets(
            of: ECSTaskRecord(task: fargateTask(1), definition: webDefinition()),
            in: ECSClusterSnapshot(cluster: "prod"))
        #expect(
            result.leftOut.map(\.reason) == [
                "maps none of the metrics_ports of the patterns that match it (9113, 9200)"
            ])
        #expect(result.targets.isEmpty && result.leftOut.map(\.kind) == [.silent])
    }

    /// The CloudWatch agent's example of docs/ecs-discovery.md: only `nginx-exporter` maps the port.
    @Test(arguments: ["awsvpc", "host", "bridge"])
    func onlyTheContainerThatMapsThePortIsExported(mode: String) throws {
        var configuration = ECSSDConfiguration(dockerLabels: [])
        configuration.services = [try one("^web")]
        let definition = ECSTaskDefinition(
            arn: "web:1", family: "web", revision: 1, networkMode: mode,
            containers: [
                .init(name: "app", dockerLabels: ["role": "app"], portMappings: [.init(containerPort: 8080)]),
                .init(
                    name: "nginx", dockerLabels: ["role": "proxy"],
                    portMappings: [.init(containerPort: 80), .init(containerPort: 9113, transport: "udp")]),
                .init(
                    name: "nginx-exporter", dockerLabels: ["role": "exporter"],
                    portMappings: [.init(containerPort: 9113)]),
                .init(name: "log_router"),
            ])
        let made = ECSTargets(configuration: configuration, region: "r")
        let host = ECSHost(instanceID: "i-1", ec2: .init(id: "i-1", privateIPv4: "10.1.0.1"))
        var results: [ECSTaskTargets] = []
        for number in 1...2 {
            var task = mode == "awsvpc" ? fargateTask(number) : instanceTask(number)
            task.containers = definition.containers.map { .init(name: $0.name) }
            if mode == "bridge" {
                task.containers[2].bindings = [
                    .init(containerPorts: 9113...9113, hostPorts: 32_000 + number...32_000 + number)
                ]
            }
            results.append(
                made.targets(
                    of: ECSTaskRecord(task: task, definition: definition, host: host),
                    in: ECSClusterSnapshot(cluster: "prod")))
        }
        let targets = results.flatMap(\.targets)
        let expected = [
            "awsvpc": ["10.0.0.1:9113", "10.0.0.2:9113"], "host": ["10.1.0.1:9113", "10.1.0.1:9113"],
            "bridge": ["10.1.0.1:32001", "10.1.0.1:32002"],
        ]
        #expect(targets.compactMap { $0["__address__"] } == expected[mode])
        #expect(targets.allSatisfy { $0["__meta_ecs_container_name"] == "nginx-exporter" })
        #expect(targets.allSatisfy { $0["__meta_ecs_container_labels_role"] == "exporter" })
        let faults = results.flatMap(\.leftOut).filter(\.isFault)
        #expect(faults.isEmpty, "an unmatched pair is no fault")
    }

    /// ecs_observer's order: services, task definitions, docker labels.
    @Test func thePortAndPathThatSeveralNameIsTheFirstOnes() throws {
        var configuration = ECSSDConfiguration()
        configuration.services = [try one("web", ports: [9100], job: "service")]
        configuration.taskDefinitions = [
            try one("web:", ports: [9100, 9200], job: "definition"),
            try one("web:", ports: [9200], path: "/more", job: "path"),
        ]
        var definition = webDefinition(
            port: "9100,9200,9300", more: ["PROMETHEUS_EXPORTER_JOB_NAME": "label"])
        definition.containers[1].portMappings = [9100, 9200, 9300].map { .init(containerPort: $0) }
        let targets = ECSTargets(configuration: configuration, region: "r").targets(
            of: ECSTaskRecord(task: fargateTask(1), definition: definition),
            in: ECSClusterSnapshot(cluster: "prod")
        ).targets
        let made = targets.map { target in
            "\(target["__address__"] ?? "")\(target["__metrics_path__"] ?? "") \(target["job"] ?? "")"
        }
        #expect(
            made == [
                "10.0.0.1:9100 service", "10.0.0.1:9200 definition", "10.0.0.1:9200/more path",
                "10.0.0.1:9300 label",
            ])
    }

    /// A pattern without a path means the job's, which a label may write out.
    @Test(arguments: ["/metrics", "/stats"])
    func theJobsPathIsAPathToo(path: String) throws {
        var configuration = ECSSDConfiguration()
        configuration.services = [try one("web", ports: [9100])]
        var definition = webDefinition(more: ["PROMETHEUS_EXPORTER_PATH": "/metrics"])
        definition.containers[1].portMappings = [.init(containerPort: 9100)]
        let made = ECSTargets(configuration: configuration, region: "r", metricsPath: path).targets(
            of: ECSTaskRecord(task: fargateTask(1), definition: definition),
            in: ECSClusterSnapshot(cluster: "prod"))
        let paths = made.targets.map { $0["__metrics_path__"] }
        #expect(paths == (path == "/metrics" ? [nil] : [nil, "/metrics"]))
    }

    /// A label may name the host's port where a pattern names the container's: it is one target.
    @Test func onePortByTwoNamesIsOneTarget() throws {
        var configuration = ECSSDConfiguration()
        configuration.services = [try one("web", ports: [9100])]
        var definition = webDefinition(
            port: "32768", mode: "bridge", more: ["PROMETHEUS_EXPORTER_PORT.again": "9100"])
        definition.containers[1].portMappings = [.init(containerPort: 9100)]
        let task = instanceTask(1, bindings: [.init(containerPorts: 9100...9100, hostPorts: 32_768...32_768)])
        let host = ECSHost(instanceID: "i-1", ec2: .init(id: "i-1", privateIPv4: "10.1.0.1"))
        var service = task
        service.group = "service:web"
        let made = ECSTargets(configuration: configuration, region: "r").targets(
            of: ECSTaskRecord(task: service, definition: definition, host: host),
            in: ECSClusterSnapshot(cluster: "prod"))
        #expect(made.targets.compactMap { $0["__address__"] } == ["10.1.0.1:32768"])
        #expect(made.targets.map { $0["job"] } == ["j"])
    }
}
