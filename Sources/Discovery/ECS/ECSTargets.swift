import AWS
import MetricModel

/// Makes targets of a Fargate task: one for each of its containers whose definition carries the port's docker
/// label.
struct ECSTargets {
    /// Docker labels of teralytics' prometheus-ecs-discovery, which users of that tool have in place.
    private enum DockerLabel {
        static let port = "PROMETHEUS_EXPORTER_PORT"
        static let path = "PROMETHEUS_EXPORTER_PATH"
        static let scheme = "PROMETHEUS_EXPORTER_SCHEME"
        static let jobName = "PROMETHEUS_EXPORTER_JOB_NAME"
    }

    let region: String
    /// As configured: a name or an ARN.
    let cluster: String

    /// True for a task that can have targets: running, on Fargate.
    static func isEligible(_ task: ECSTask) -> Bool {
        task.lastStatus == "RUNNING" && task.launchType == "FARGATE"
    }

    /// The task's targets, and in sentences what keeps a container that asks for it from being one.
    func targets(of task: ECSTask, _ definition: ECSTaskDefinition) -> (targets: [LabelSet], faults: [String])
    {
        let exporters = task.containers.compactMap { container in
            // By name: the agent adds containers that the definition lacks (Service Connect, GuardDuty).
            definition.containers.first {
                $0.name == container.name && $0.dockerLabels[DockerLabel.port] != nil
            }
            .map { (container, $0) }
        }
        guard !exporters.isEmpty else { return ([], []) }
        let interface = task.attachments.first { attachment in
            attachment.type == "ElasticNetworkInterface" && attachment.status == "ATTACHED"
                && !(attachment.details["privateIPv4Address"] ?? "").isEmpty
        }
        guard let interface, let address = interface.details["privateIPv4Address"] else {
            return ([], ["task \(task.arn) has no attached network interface with a private IPv4 address"])
        }
        var shared = taskLabels(task, definition)
        shared["__meta_ecs_ip_address"] = address
        shared["__meta_ecs_subnet_id"] = interface.details["subnetId"]
        var targets: [LabelSet] = []
        var faults: [String] = []
        for (container, defined) in exporters where container.lastStatus != "STOPPED" {
            guard let port = port(defined) else {
                faults.append(
                    "container \(defined.name) of \(definition.arn): "
                        + "\(DockerLabel.port) must be a port from 1 to 65535"
                )
                continue
            }
            targets.append(target(shared, container, defined, address: "\(address):\(port)"))
        }
        return (targets, faults)
    }

    private func target(
        _ shared: LabelSet, _ container: ECSTask.Container, _ defined: ECSTaskDefinition.Container,
        address: String
    ) -> LabelSet {
        var labels = shared
        labels["__address__"] = address
        labels["__metrics_path__"] = defined.dockerLabels[DockerLabel.path]
        labels["__scheme__"] = defined.dockerLabels[DockerLabel.scheme]
        labels["job"] = defined.dockerLabels[DockerLabel.jobName]
        labels["__meta_ecs_container_name"] = container.name
        labels["__meta_ecs_container_arn"] = container.arn
        labels["__meta_ecs_container_image"] = container.image ?? defined.image
        for (name, value) in defined.dockerLabels.sorted(by: { $0.key < $1.key }) {
            labels["__meta_ecs_container_labels_\(Self.sanitized(name))"] = value
        }
        return labels
    }

    /// What is known of the task, by Prometheus' names and by those of the OpenTelemetry collector's
    /// ecs_observer.
    private func taskLabels(_ task: ECSTask, _ definition: ECSTaskDefinition) -> LabelSet {
        var labels = LabelSet()
        func set(_ names: String..., to value: String?) {
            for name in names { labels["__meta_ecs_\(name)"] = value }
        }
        let clusterARN = task.clusterARN ?? (cluster.hasPrefix("arn:") ? cluster : nil)
        set("cluster", "cluster_name", to: Self.lastPart(of: clusterARN ?? cluster))
        set("cluster_arn", to: clusterARN)
        set("task_arn", "source", to: task.arn)
        set("task_id", to: Self.lastPart(of: task.arn))
        set("task_group", to: task.group)
        if let group = task.group, group.hasPrefix("service:") {
            set("service", "service_name", to: String(group.dropFirst("service:".count)))
        }
        set("task_definition", to: definition.arn)
        set("task_definition_family", to: definition.family)
        set("task_definition_revision", to: definition.revision.map(String.init))
        set("task_started_by", to: task.startedBy)
        set("launch_type", "task_launch_type", to: task.launchType)
        set("region", to: region)
        set("availability_zone", to: task.availabilityZone)
        set("desired_status", to: task.desiredStatus)
        set("last_status", to: task.lastStatus)
        set("health_status", to: task.healthStatus)
        set("platform_family", to: task.platformFamily)
        set("platform_version", to: task.platformVersion)
        set("network_mode", to: definition.networkMode ?? "awsvpc")
        for (key, value) in task.tags.sorted(by: { $0.key < $1.key }) {
            set("tag_task_\(Self.sanitized(key))", "task_tags_\(Self.sanitized(key))", to: value)
        }
        return labels
    }

    private func port(_ container: ECSTaskDefinition.Container) -> Int? {
        let text = container.dockerLabels[DockerLabel.port] ?? ""
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text),
            (1...65_535).contains(port)
        else { return nil }
        return port
    }

    /// The name in an ARN's last part; the text itself when it is no ARN.
    static func lastPart(of text: String) -> String { String(text.split(separator: "/").last ?? "") }

    /// Fit for a label name: everything but letters, digits and `_` becomes `_`.
    static func sanitized(_ text: String) -> String {
        String(
            decoding: text.unicodeScalars.map { scalar in
                let isKept =
                    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
                    || ("0"..."9").contains(scalar)
                return isKept ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "_")
            }, as: UTF8.self)
    }
}
