/// A task as DescribeTasks shows it.
extension ECSAnswers {
    func shape(_ task: StandInTask, _ cluster: StandInCluster) -> ECSShapes.Task {
        let taskARN = taskARN(task, cluster)
        let attachment = "attachment-\(task.id)"
        let definition = world.definitions.first { "\($0.family):\($0.revision)" == task.definition }
        let hasInterface = (definition?.networkMode ?? "awsvpc") == "awsvpc"
        let interfaces =
            hasInterface && (task.privateIPv4 != nil || task.ipv6 != nil)
            ? [
                ECSShapes.Interface(
                    attachmentId: attachment, privateIpv4Address: task.privateIPv4, ipv6Address: task.ipv6)
            ] : []
        let names = (definition?.containers ?? []).map { ($0.name, $0.image) }
        let injected = (task.injected ?? []).map { ($0, "aws/injected:1") }
        // ECS lists them in any order; those it adds come first here, so that nobody counts on positions.
        let containers = (injected + names).map { name, image in
            ECSShapes.Container(
                containerArn: arn("container/\(cluster.name)/\(task.id)/\(name)"), taskArn: taskARN,
                name: name, image: image, lastStatus: task.lastStatus, healthStatus: "UNKNOWN",
                networkBindings: (task.bindings ?? []).filter { $0.container == name }.flatMap { bound in
                    // Docker binds both families.
                    ["0.0.0.0", "::"].map {
                        ECSShapes.Binding(
                            bindIP: $0, containerPort: bound.containerPort, hostPort: bound.hostPort,
                            protocol: "tcp")
                    }
                }, networkInterfaces: interfaces)
        }
        let launchType = task.launchType ?? "FARGATE"
        let isFargate = launchType == "FARGATE"
        return ECSShapes.Task(
            attachments: hasInterface ? [interface(task, attachment)] : [],
            availabilityZone: "\(region)a", clusterArn: arn("cluster/\(cluster.name)"),
            connectivity: "CONNECTED", containers: containers, cpu: "256", createdAt: 1_767_225_600.123,
            desiredStatus: task.desiredStatus,
            group: task.service.map { "service:\($0)" } ?? "family:\(task.definition.prefix { $0 != ":" })",
            healthStatus: "UNKNOWN", lastStatus: task.lastStatus, launchType: launchType, memory: "512",
            platformFamily: isFargate ? "Linux" : nil, platformVersion: isFargate ? "1.4.0" : nil,
            containerInstanceArn: task.instance.map { instanceARN($0, cluster) }, tags: [],
            taskArn: taskARN, taskDefinitionArn: definitionARN(task.definition), version: 3)
    }

    private func interface(_ task: StandInTask, _ attachment: String) -> ECSShapes.Attachment {
        var details = [ECSShapes.Detail(name: "subnetId", value: "subnet-0123456789abcdef0")]
        if task.privateIPv4 != nil || task.ipv6 != nil {
            details.append(ECSShapes.Detail(name: "networkInterfaceId", value: task.interfaceID))
        }
        if let address = task.privateIPv4 {
            details.append(ECSShapes.Detail(name: "privateIPv4Address", value: address))
        }
        let isAttached = task.privateIPv4 != nil || task.ipv6 != nil
        return ECSShapes.Attachment(
            id: attachment, type: "ElasticNetworkInterface", status: isAttached ? "ATTACHED" : "ATTACHING",
            details: details)
    }

    func instanceARN(_ id: String, _ cluster: StandInCluster) -> String {
        arn("container-instance/\(cluster.name)/\(id)")
    }
}
