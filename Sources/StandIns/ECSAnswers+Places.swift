/// Instances, services and clusters.
extension ECSAnswers {
    func describeContainerInstances(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let cluster = try cluster(request)
        let wanted = try some(request.containerInstances, atMost: 100, "containerInstances")
        var found: [ECSShapes.Instance] = []
        var failures: [ECSShapes.Failure] = []
        for name in wanted {
            let instance = (cluster.instances ?? []).first {
                $0.id == name || instanceARN($0.id, cluster) == name
            }
            guard let instance else {
                failures.append(ECSShapes.Failure(arn: name, reason: "MISSING"))
                continue
            }
            let capability = ECSShapes.Detail(name: "ecs.capability.task-eni", value: "")
            found.append(
                ECSShapes.Instance(
                    containerInstanceArn: instanceARN(instance.id, cluster), ec2InstanceId: instance.machine,
                    status: "ACTIVE", agentConnected: true,
                    attributes: [capability]
                        + (instance.attributes ?? [:]).sorted { $0.key < $1.key }
                        .map { ECSShapes.Detail(name: $0.key, value: $0.value) }, tags: []))
        }
        return JSONText.encode(ECSShapes.Instances(containerInstances: found, failures: failures))
    }

    func listServices(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let cluster = try cluster(request)
        let arns = services(of: cluster).map { serviceARN($0, cluster) }
        // The API's default is 10 a page.
        let page = try page(arns, request, defaultSize: 10)
        return JSONText.encode(ECSShapes.ListedServices(serviceArns: page.items, nextToken: page.next))
    }

    func describeServices(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let cluster = try cluster(request)
        let wanted = try some(request.services, atMost: 10, "services")
        let found = services(of: cluster).filter {
            wanted.contains($0) || wanted.contains(serviceARN($0, cluster))
        }
        return JSONText.encode(
            ECSShapes.Services(
                services: found.map {
                    ECSShapes.Service(
                        serviceArn: serviceARN($0, cluster), serviceName: $0,
                        clusterArn: arn("cluster/\(cluster.name)"), status: "ACTIVE",
                        tags: [ECSShapes.Tag(key: "service", value: $0)])
                }, failures: []))
    }

    func describeClusters(_ request: ECSShapes.Request) -> String {
        var found: [ECSShapes.Cluster] = []
        var failures: [ECSShapes.Failure] = []
        for name in request.clusters ?? ["default"] {
            let cluster = world.clusters.first { $0.name == name || arn("cluster/\($0.name)") == name }
            if let cluster {
                found.append(
                    ECSShapes.Cluster(
                        clusterArn: arn("cluster/\(cluster.name)"), clusterName: cluster.name,
                        status: "ACTIVE", tags: [ECSShapes.Tag(key: "cluster", value: cluster.name)]))
            } else {
                failures.append(ECSShapes.Failure(arn: name, reason: "MISSING"))
            }
        }
        return JSONText.encode(ECSShapes.DescribedClusters(clusters: found, failures: failures))
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
