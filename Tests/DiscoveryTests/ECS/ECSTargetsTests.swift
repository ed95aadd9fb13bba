import AWS
import Configuration
import MetricModel
import Testing

@testable import Discovery

@Suite struct ECSTargetsTests {
    private func made(
        _ task: ECSTask, _ definition: ECSTaskDefinition? = webDefinition(), host: ECSHost? = nil,
        _ configuration: ECSSDConfiguration = ECSSDConfiguration(),
        snapshot: ECSClusterSnapshot = ECSClusterSnapshot(cluster: "prod")
    ) -> ECSTaskTargets {
        ECSTargets(configuration: configuration, region: "eu-west-1").targets(
            of: ECSTaskRecord(task: task, definition: definition, host: host), in: snapshot)
    }

    private func addresses(_ result: ECSTaskTargets) -> [String] {
        result.targets.compactMap { $0["__address__"] }
    }

    @Test func aTargetCarriesEverythingKnown() throws {
        let definition = webDefinition(more: [
            "PROMETHEUS_EXPORTER_PATH": "/stats", "PROMETHEUS_EXPORTER_SCHEME": "https",
            "PROMETHEUS_EXPORTER_JOB_NAME": "web", "PROMETHEUS_EXPORTER_SCRAPE_INTERVAL": "15s",
            "com.example/x-y": "z",
        ])
        let result = made(fargateTask(7, containers: ["proxy", "app", "injected"]), definition)
        #expect(result.targets.count == 1)
        #expect(result.leftOut.map(\.isFault) == [false, false])
        let target = try #require(result.targets.first)
        #expect(target["__address__"] == "10.0.0.7:9100")
        #expect(target["__metrics_path__"] == "/stats")
        #expect(target["__scheme__"] == "https")
        #expect(target["__scrape_interval__"] == "15s")
        #expect(target["job"] == "web")
        let meta = [
            "cluster": "prod", "cluster_name": "prod", "cluster_arn": "arn:aws:ecs:eu-west-1:1:cluster/prod",
            "service": "web", "service_name": "web", "task_arn": "arn:aws:ecs:eu-west-1:1:task/prod/t7",
            "service_arn": "arn:aws:ecs:eu-west-1:1:service/prod/web",
            "source": "arn:aws:ecs:eu-west-1:1:task/prod/t7", "task_id": "t7", "task_group": "service:web",
            "task_definition": "web:1", "task_definition_family": "web", "task_definition_revision": "1",
            "launch_type": "FARGATE", "task_launch_type": "FARGATE", "region": "eu-west-1",
            "availability_zone": "eu-west-1a", "subnet_id": "subnet-1", "ip_address": "10.0.0.7",
            "desired_status": "RUNNING", "last_status": "RUNNING", "network_mode": "awsvpc",
            "container_name": "app", "container_image": "app:1", "container_labels_com_example_x_y": "z",
            "container_labels_PROMETHEUS_EXPORTER_PORT": "9100", "tag_task_team_name": "a",
            "task_tags_team_name": "a", "container_port": "9100",
        ]
        for (name, value) in meta { #expect(target["__meta_ecs_\(name)"] == value, "\(name)") }
        #expect(target["__meta_ecs_health_status"] == nil)
    }

    @Test func containersAreMatchedByName() {
        var definition = webDefinition()
        definition.containers.append(.init(name: "side", dockerLabels: ["PROMETHEUS_EXPORTER_PORT": "9200"]))
        let task = fargateTask(1, containers: ["side", "ecs-service-connect-agent", "app"])
        #expect(addresses(made(task, definition)) == ["10.0.0.1:9200", "10.0.0.1:9100"])
    }

    @Test func aFaultInTheDefinitionIsTheDefinitions() throws {
        let left = try #require(made(fargateTask(1), webDefinition(port: "x")).leftOut.first)
        #expect(
            "\(left)" == "container app of web:1: PROMETHEUS_EXPORTER_PORT is \"x\"; it must be a port from 1"
                + " to 65535")
        #expect(left.isFault)
    }

    @Test func whatIsScrapedOtherwiseThanItAsksIsNoFault() throws {
        let result = made(fargateTask(1), webDefinition(more: ["PROMETHEUS_EXPORTER_SCRAPE_INTERVAL": "1ms"]))
        #expect(result.targets.map { $0["__scrape_interval__"] } == ["1s"])
        let left = try #require(result.leftOut.first)
        #expect(left.kind == .remark && !left.isFault)
        #expect("\(left)".hasPrefix("container app of web:1: PROMETHEUS_EXPORTER_SCRAPE_INTERVAL is 1ms; it"))
    }

    @Test func tasksWithoutExportersAreSilent() {
        var task = fargateTask(1, containers: ["proxy"])
        task.attachments = []
        let result = made(task)
        #expect(result.targets.isEmpty && !result.leftOut.contains(where: \.isFault))
        #expect(result.leftOut.first?.reason.contains("has no docker label PROMETHEUS_EXPORTER_PORT") == true)
    }

    @Test func tasksThatDoNotRunAreLeftOutWithTheReason() {
        var task = fargateTask(1)
        for (status, desired, reason) in [
            ("PENDING", "RUNNING", "the task is PENDING"),
            ("RUNNING", "STOPPED", "the task shall be STOPPED"),
        ] {
            task.lastStatus = status
            task.desiredStatus = desired
            #expect(made(task).leftOut.map(\.reason) == [reason])
            #expect(made(task).targets.isEmpty)
        }
    }

    @Test func stoppedContainersOfARunningTaskHaveStopped() {
        var task = fargateTask(1)
        task.containers[0].lastStatus = "STOPPED"
        let result = made(task)
        #expect(result.targets.isEmpty && result.stopped.count == 1)
        #expect(result.stopped.first?["__address__"] == "10.0.0.1:9100")
    }

    @Test func bridgedTasksAreAtTheirMachine() {
        let task = instanceTask(1, bindings: [.init(containerPorts: 9100...9100, hostPorts: 32_768...32_768)])
        let host = ECSHost(
            instanceID: "i-1",
            ec2: .init(
                id: "i-1", privateIPv4: "10.1.0.1", publicIPv4: "3.3.3.3", type: "m7g.large",
                subnetID: "subnet-2", vpcID: "vpc-1", tags: ["Name": "node"]))
        let result = made(task, webDefinition(mode: "bridge"), host: host)
        #expect(addresses(result) == ["10.1.0.1:32768"])
        let meta = [
            "container_instance_arn": "ci", "ec2_instance_id": "i-1", "ec2_instance_type": "m7g.large",
            "ec2_instance_private_ip": "10.1.0.1", "ec2_private_ip": "10.1.0.1",
            "ec2_instance_public_ip": "3.3.3.3", "public_ip": "3.3.3.3", "subnet_id": "subnet-2",
            "ec2_vpc_id": "vpc-1", "tag_ec2_Name": "node", "ec2_tags_Name": "node", "network_mode": "bridge",
        ]
        for (name, value) in meta { #expect(result.targets.first?["__meta_ecs_\(name)"] == value, "\(name)") }
        let unbound = made(instanceTask(1), webDefinition(mode: "bridge"), host: host)
        #expect(unbound.leftOut.first?.reason.contains("bound to no port of the instance") == true)
    }

    @Test func aServerNameReplacesTheAddress() {
        let definition = webDefinition(
            mode: "host", more: ["PROMETHEUS_EXPORTER_SERVER_NAME": "edge.example//"])
        #expect(addresses(made(instanceTask(1), definition)) == ["edge.example:9100"])
    }

    @Test func withAPortEachTaskIsOneTarget() {
        var configuration = ECSSDConfiguration()
        configuration.port = 8080
        let result = made(fargateTask(1, containers: ["a", "b"]), nil, configuration)
        #expect(addresses(result) == ["10.0.0.1:8080"])
        #expect(result.targets[0]["__meta_ecs_task_definition_family"] == "web")
        #expect(result.targets[0]["__meta_ecs_container_name"] == nil)
        #expect(made(fargateTask(1), nil).leftOut.first?.reason.contains("web:1 is not known") == true)
    }

    /// Names and values of Prometheus' discovery/aws/ecs.go; nothing of its prefix but these and ours.
    @Test(arguments: ["awsvpc", "bridge", "host"])
    func withAPortTheLabelsAreThoseOfPrometheus(mode: String) throws {
        var configuration = ECSSDConfiguration()
        configuration.port = 8080
        let host = ECSHost(
            instanceID: "i-1",
            ec2: .init(
                id: "i-1", privateIPv4: "10.1.0.1", publicIPv4: "3.3.3.3", type: "m7g.large",
                subnetID: "subnet-2", vpcID: "vpc-1", tags: ["Name": "node", "a b": "c"]))
        var task = mode == "awsvpc" ? fargateTask(1) : instanceTask(1)
        task.launchType = "EC2"
        task.containerInstanceARN = "ci"
        task.group = "service:web"
        let cluster = ECSClusterDescription(
            arn: "arn:aws:ecs:eu-west-1:1:cluster/prod", name: "prod", tags: ["env": "p"])
        let service = ECSService(
            arn: "arn:aws:ecs:eu-west-1:1:service/prod/web", name: "web", status: "ACTIVE", tags: ["t": "s"])
        let snapshot = ECSClusterSnapshot(
            cluster: "prod", services: ["web": service], description: cluster)
        // Another job may have had the definition read.
        for definition in [nil, webDefinition(mode: mode)] {
            let result = made(task, definition, host: host, configuration, snapshot: snapshot)
            let target = try #require(result.targets.first)
            let isOwn = mode == "awsvpc"
            #expect(target["__address__"] == (isOwn ? "10.0.0.1:8080" : "10.1.0.1:8080"))
            let labels = [
                "cluster": "prod", "cluster_arn": task.clusterARN, "service": "web",
                "service_arn": service.arn, "service_status": "ACTIVE", "task_group": "service:web",
                "task_arn": task.arn, "task_definition": task.definitionARN, "region": "eu-west-1",
                "availability_zone": task.availabilityZone, "subnet_id": isOwn ? "subnet-1" : "subnet-2",
                "ip_address": isOwn ? "10.0.0.1" : "10.1.0.1", "launch_type": "EC2",
                "desired_status": task.desiredStatus, "last_status": "RUNNING",
                "network_mode": isOwn ? "awsvpc" : "bridge", "container_instance_arn": "ci",
                "ec2_instance_id": "i-1", "ec2_instance_type": "m7g.large",
                "ec2_instance_private_ip": "10.1.0.1", "ec2_instance_public_ip": "3.3.3.3",
                "public_ip": isOwn ? nil : "3.3.3.3", "tag_cluster_env": "p", "tag_service_t": "s",
                "tag_ec2_Name": "node", "tag_ec2_a_b": "c", "health_status": nil,
                "task_definition_network_mode": nil,
            ]
            for (name, value) in labels {
                #expect(target["__meta_ecs_\(name)"] == value, "\(mode) \(name)")
            }
        }
    }

    @Test func theModeOfTheDefinitionHasALabelOfItsOwn() {
        let host = ECSHost(instanceID: "i-1", ec2: .init(id: "i-1", privateIPv4: "10.1.0.1"))
        let target = made(instanceTask(1), webDefinition(mode: "host"), host: host).targets.first
        #expect(target?["__meta_ecs_network_mode"] == "bridge")
        #expect(target?["__meta_ecs_task_definition_network_mode"] == "host")
    }

    @Test func theFilterLabelIsRequired() {
        for (filter, more, count) in [
            ("scrape", ["scrape": "no"], 1), ("scrape", [:], 0), ("scrape=yes", ["scrape": "yes"], 1),
            ("scrape=yes", ["scrape": "no"], 0), ("scrape=", ["scrape": ""], 1),
        ] as [(String, [String: String], Int)] {
            var configuration = ECSSDConfiguration()
            configuration.filterLabel = filter
            #expect(made(fargateTask(1), webDefinition(more: more), configuration).targets.count == count)
        }
    }

    @Test func compatibilityGivesPlainLabels() throws {
        var configuration = ECSSDConfiguration()
        configuration.compatibility = .prometheusECSDiscovery
        var task = fargateTask(1)
        task.containers[0].arn = "c-arn"
        let target = try #require(made(task, webDefinition(), configuration).targets.first)
        let plain = target.labels.filter { !$0.name.hasPrefix("__") }.map { "\($0.name)=\($0.value)" }
        #expect(
            plain == [
                "cluster_arn=arn:aws:ecs:eu-west-1:1:cluster/prod", "container_arn=c-arn",
                "container_name=app", "docker_image=app:1",
                "task_arn=arn:aws:ecs:eu-west-1:1:task/prod/t1", "task_group=service:web", "task_name=web",
                "task_revision=1",
            ])
    }

    @Test func serviceAndClusterTagsWhenTheyWereRead() throws {
        var snapshot = ECSClusterSnapshot(cluster: "prod")
        snapshot.services = ["web": .init(arn: "s", name: "web", status: "DRAINING", tags: ["a.b": "1"])]
        snapshot.description = .init(arn: "c", name: "prod", tags: ["env": "p"])
        let target = try #require(made(fargateTask(1), snapshot: snapshot).targets.first)
        for (name, value) in [
            "service_arn": "s", "service_status": "DRAINING", "tag_service_a_b": "1", "tag_cluster_env": "p",
        ] { #expect(target["__meta_ecs_\(name)"] == value, "\(name)") }
    }
}
