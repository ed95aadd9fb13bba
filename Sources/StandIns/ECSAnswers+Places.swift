internal import JSON

/// Instances, services and clusters.
extension ECSAnswers {
    func describeContainerInstances(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let cluster = try cluster(request)
        let wanted = try some(request.containerInstances, atMost: 100, "containerInstances")
        var found: [JSONValue] = []
        var failures: [JSONValue] = []
        for name in wanted {
            let instance = (cluster.instances ?? []).first {
                $0.id == name || instanceARN($0.id, cluster) == name
            }
            guard let instance else {
                failures.append(missing(name))
                continue
            }
            let attributes = (instance.attributes ?? [:]).sorted { $0.key < $1.key }
            found.append([
                "agentConnected": true,
                "attributes": .array(
                    [detail("ecs.capability.task-eni", "")] + attributes.map { detail($0.key, $0.value) }),
                "containerInstanceArn": .string(instanceARN(instance.id, cluster)),
                "ec2InstanceId": .string(instance.machine), "status": "ACTIVE", "tags": .array([]),
            ])
        }
        return described("containerInstances", found, failures)
    }

    func listServices(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let cluster = try cluster(request)
        let arns = services(of: cluster).map { serviceARN($0, cluster) }
        // The API's default is 10 a page.
        let page = try page(arns, request, defaultSize: 10)
        return list("serviceArns", page)
    }

    func describeServices(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let cluster = try cluster(request)
        let wanted = try some(request.services, atMost: 10, "services")
        let found = services(of: cluster).filter {
            wanted.contains($0) || wanted.contains(serviceARN($0, cluster))
        }
        let services = found.map { name -> JSONValue in
            [
                "clusterArn": .string(arn("cluster/\(cluster.name)")),
                "serviceArn": .string(serviceARN(name, cluster)), "serviceName": .string(name),
                "status": "ACTIVE", "tags": tags("service", name),
            ]
        }
        return described("services", services, [])
    }

    func describeClusters(_ request: ECSShapes.Request) -> String {
        var found: [JSONValue] = []
        var failures: [JSONValue] = []
        for name in request.clusters ?? ["default"] {
            let cluster = world.clusters.first { $0.name == name || arn("cluster/\($0.name)") == name }
            if let cluster {
                found.append([
                    "clusterArn": .string(arn("cluster/\(cluster.name)")),
                    "clusterName": .string(cluster.name), "status": "ACTIVE",
                    "tags": tags("cluster", cluster.name),
                ])
            } else {
                failures.append(missing(name))
            }
        }
        return described("clusters", found, failures)
    }

    private func tags(_ key: String, _ value: String) -> JSONValue {
        .array([["key": .string(key), "value": .string(value)]])
    }

    private func services(of cluster: StandInCluster) -> [String] {
        Set(cluster.tasks.compactMap(\.service)).sorted()
    }

    private func serviceARN(_ name: String, _ cluster: StandInCluster) -> String {
        arn("service/\(cluster.name)/\(name)")
    }

    private func some(
        _ list: [String]?, atMost limit: Int, _ what: String
    ) throws(ECSRefusal) -> [String] {
        guard let list, !list.isEmpty, list.count <= limit else {
            throw ECSRefusal("InvalidParameterException", "\(what) must have 1 to \(limit) elements.")
        }
        return list
    }
}
