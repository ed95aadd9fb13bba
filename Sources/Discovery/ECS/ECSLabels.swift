import AWS
import Configuration
import MetricModel

/// What is known of a task, its machine, service and cluster, as meta labels: by Prometheus' names and by
/// those of the OpenTelemetry collector's ecs_observer.
struct ECSLabels {
    let region: String
    let snapshot: ECSClusterSnapshot

    func task(_ record: ECSTaskRecord, mode: ECSAddress.Mode, address: String) -> LabelSet {
        let task = record.task
        var labels: [Label] = []
        func set(_ names: String..., to value: String?) {
            guard let value, !value.isEmpty else { return }
            for name in names { labels.append(Label("__meta_ecs_\(name)", value)) }
        }
        let clusterARN = task.clusterARN ?? (snapshot.cluster.hasPrefix("arn:") ? snapshot.cluster : nil)
        set("cluster", "cluster_name", to: Self.lastPart(of: clusterARN ?? snapshot.cluster))
        set("cluster_arn", to: clusterARN)
        set("task_arn", "source", to: task.arn)
        set("task_id", to: Self.lastPart(of: task.arn))
        set("task_group", to: task.group)
        set("task_definition", to: task.definitionARN ?? record.definition?.arn)
        let (family, revision) = Self.familyAndRevision(record)
        set("task_definition_family", to: family)
        set("task_definition_revision", to: revision)
        set("task_started_by", to: task.startedBy)
        set("launch_type", "task_launch_type", to: task.launchType)
        set("region", to: region)
        set("availability_zone", to: task.availabilityZone)
        set("ip_address", to: address)
        set("desired_status", to: task.desiredStatus)
        set("last_status", to: task.lastStatus)
        set("health_status", to: task.healthStatus)
        set("platform_family", to: task.platformFamily)
        set("platform_version", to: task.platformVersion)
        // Prometheus reads no definitions: what has no interface of its own is bridge to it, host mode too.
        set("network_mode", to: mode == .awsvpc ? "awsvpc" : "bridge")
        set("task_definition_network_mode", to: record.definition == nil ? nil : mode.rawValue)
        set("container_instance_arn", to: task.containerInstanceARN)
        let ownSubnet = ECSAddress.interface(of: task)?.details["subnetId"]
        set("subnet_id", to: mode == .awsvpc ? ownSubnet : record.host?.ec2?.subnetID)
        for (key, value) in Self.sorted(task.tags) {
            set("tag_task_\(key.sanitized)", "task_tags_\(key.sanitized)", to: value)
        }
        if let service = Self.service(of: task) {
            set("service", "service_name", to: service)
            let described = snapshot.services[service]
            set("service_arn", to: described?.arn ?? Self.serviceARN(service, of: task))
            set("service_status", to: described?.status)
            for (key, value) in Self.sorted(described?.tags) {
                set("tag_service_\(key.sanitized)", to: value)
            }
        }
        for (key, value) in Self.sorted(snapshot.description?.tags) {
            set("tag_cluster_\(key.sanitized)", to: value)
        }
        if mode == .awsvpc { set("public_ip", to: record.publicIPv4) }
        if let host = record.host { labels += machine(host, mode: mode) }
        return LabelSet(labels)
    }

    private func machine(_ host: ECSHost, mode: ECSAddress.Mode) -> [Label] {
        var labels: [Label] = []
        func set(_ names: String..., to value: String?) {
            guard let value, !value.isEmpty else { return }
            for name in names { labels.append(Label("__meta_ecs_\(name)", value)) }
        }
        set("ec2_instance_id", to: host.instanceID)
        set("external_computer_name", to: host.ssm?.computerName)
        for (name, value) in Self.sorted(host.attributes) {
            set("instance_attribute_\(name.sanitized)", to: value)
        }
        guard let ec2 = host.ec2 else { return labels }
        set("ec2_instance_type", to: ec2.type)
        set("ec2_instance_private_ip", "ec2_private_ip", to: ec2.privateIPv4)
        set("ec2_instance_public_ip", "ec2_public_ip", to: ec2.publicIPv4)
        if mode != .awsvpc { set("public_ip", to: ec2.publicIPv4) }
        set("ec2_vpc_id", to: ec2.vpcID)
        set("ec2_subnet_id", to: ec2.subnetID)
        for (key, value) in Self.sorted(ec2.tags) {
            set("tag_ec2_\(key.sanitized)", "ec2_tags_\(key.sanitized)", to: value)
        }
        return labels
    }

    /// Two keys may become one label name: the same one of them wins each time.
    static func sorted(_ pairs: [String: String]?) -> [(key: String, value: String)] {
        (pairs ?? [:]).sorted { $0.key < $1.key }
    }

    /// teralytics' plain labels, which series keep.
    static func prometheusECSDiscovery(
        _ record: ECSTaskRecord, _ container: ECSTask.Container, image: String?
    ) -> [Label] {
        let (family, revision) = familyAndRevision(record)
        let pairs = [
            ("task_arn", record.task.arn), ("task_name", family), ("task_revision", revision),
            ("task_group", record.task.group), ("cluster_arn", record.task.clusterARN),
            ("container_name", container.name), ("container_arn", container.arn), ("docker_image", image),
        ]
        return pairs.compactMap { name, value in value.map { Label(name, $0) } }
    }

    /// The task's group says it: no call is needed.
    static func service(of task: ECSTask) -> String? {
        guard let group = task.group, group.hasPrefix("service:") else { return nil }
        return String(group.dropFirst("service:".count))
    }

    /// `arn:…:task/cluster/id` tells account, region and cluster; the old short form does not tell the
    /// cluster.
    private static func serviceARN(_ service: String, of task: ECSTask) -> String? {
        let parts = task.arn.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].hasSuffix(":task") else { return nil }
        return "\(parts[0].dropLast("task".count))service/\(parts[1])/\(service)"
    }

    /// From the definition, else from its ARN: `arn:…:task-definition/family:revision`.
    static func familyAndRevision(_ record: ECSTaskRecord) -> (family: String?, revision: String?) {
        let name = record.task.definitionARN.map { lastPart(of: $0) } ?? ""
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        let (family, revision) = parts.count == 2 ? (String(parts[0]), String(parts[1])) : (nil, nil)
        return (record.definition?.family ?? family, record.definition?.revision.map(String.init) ?? revision)
    }

    /// The name in an ARN's last part; the text itself when it is no ARN.
    static func lastPart(of text: String) -> String { String(text.split(separator: "/").last ?? "") }
}

extension String {
    /// Fit for a label name: everything but letters, digits and `_` becomes `_`.
    var sanitized: String {
        String(
            decoding: unicodeScalars.map { scalar in
                let isKept =
                    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
                    || ("0"..."9").contains(scalar)
                return isKept ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "_")
            }, as: UTF8.self)
    }
}
