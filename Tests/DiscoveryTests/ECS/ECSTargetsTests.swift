import AWS
import MetricModel
import Testing

@testable import Discovery

@Suite struct ECSTargetsTests {
    private let made = ECSTargets(region: "eu-west-1", cluster: "prod")

    @Test func aTargetCarriesEverythingKnown() throws {
        let definition = webDefinition(more: [
            "PROMETHEUS_EXPORTER_PATH": "/stats", "PROMETHEUS_EXPORTER_SCHEME": "https",
            "PROMETHEUS_EXPORTER_JOB_NAME": "web", "com.example/x-y": "z",
        ])
        let result = made.targets(of: fargateTask(7, containers: ["proxy", "app", "injected"]), definition)
        #expect(result.faults.isEmpty && result.targets.count == 1)
        let target = try #require(result.targets.first)
        #expect(target["__address__"] == "10.0.0.7:9100")
        #expect(target["__metrics_path__"] == "/stats")
        #expect(target["__scheme__"] == "https")
        #expect(target["job"] == "web")
        let meta = [
            "cluster": "prod", "cluster_name": "prod", "cluster_arn": "arn:aws:ecs:eu-west-1:1:cluster/prod",
            "service": "web", "service_name": "web", "task_arn": "arn:aws:ecs:eu-west-1:1:task/prod/t7",
            "source": "arn:aws:ecs:eu-west-1:1:task/prod/t7", "task_id": "t7", "task_group": "service:web",
            "task_definition": "web:1", "task_definition_family": "web", "task_definition_revision": "1",
            "launch_type": "FARGATE", "task_launch_type": "FARGATE", "region": "eu-west-1",
            "availability_zone": "eu-west-1a", "subnet_id": "subnet-1", "ip_address": "10.0.0.7",
            "desired_status": "RUNNING", "last_status": "RUNNING", "network_mode": "awsvpc",
            "container_name": "app", "container_image": "app:1", "container_labels_com_example_x_y": "z",
            "container_labels_PROMETHEUS_EXPORTER_PORT": "9100", "tag_task_team_name": "a",
            "task_tags_team_name": "a",
        ]
        for (name, value) in meta { #expect(target["__meta_ecs_\(name)"] == value, "\(name)") }
        #expect(target["__meta_ecs_health_status"] == nil)
    }

    @Test func containersAreMatchedByName() {
        var definition = webDefinition()
        definition.containers.append(.init(name: "side", dockerLabels: ["PROMETHEUS_EXPORTER_PORT": "9200"]))
        let task = fargateTask(1, containers: ["side", "ecs-service-connect-agent", "app"])
        let addresses = made.targets(of: task, definition).targets.map { $0["__address__"] }
        #expect(addresses == ["10.0.0.1:9200", "10.0.0.1:9100"])
    }

    @Test(arguments: ["", "0", "65536", "-1", "9100/tcp", "９１００", "99999999999999999999", " 80"])
    func impossiblePortsAreFaults(port: String) {
        let result = made.targets(of: fargateTask(1), webDefinition(port: port))
        #expect(result.targets.isEmpty)
        #expect(
            result.faults == [
                "container app of web:1: PROMETHEUS_EXPORTER_PORT must be a port from 1 to 65535"
            ])
    }

    @Test func tasksWithoutExportersAreSilent() {
        var task = fargateTask(1, containers: ["proxy"])
        task.attachments = []
        #expect(made.targets(of: task, webDefinition()).targets.isEmpty)
        #expect(made.targets(of: task, webDefinition()).faults.isEmpty)
    }

    @Test func onlyAttachedInterfacesCount() {
        var task = fargateTask(1)
        task.attachments[1].status = "ATTACHING"
        #expect(made.targets(of: task, webDefinition()).faults.count == 1)
        task.attachments.append(
            .init(
                type: "ElasticNetworkInterface", status: "ATTACHED",
                details: ["privateIPv4Address": "10.9.9.9"]))
        #expect(made.targets(of: task, webDefinition()).targets.first?["__address__"] == "10.9.9.9:9100")
    }

    @Test func stoppedContainersAndTasksAreLeftOut() {
        var task = fargateTask(1)
        #expect(ECSTargets.isEligible(task))
        task.containers[0].lastStatus = "STOPPED"
        #expect(made.targets(of: task, webDefinition()).targets.isEmpty)
        for status in [nil, "PENDING", "DEPROVISIONING", "STOPPED"] {
            task.lastStatus = status
            #expect(!ECSTargets.isEligible(task))
        }
        task.lastStatus = "RUNNING"
        task.launchType = "EXTERNAL"
        #expect(!ECSTargets.isEligible(task))
    }
}
