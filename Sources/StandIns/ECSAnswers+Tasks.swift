internal import JSON

/// A task as DescribeTasks shows it.
extension ECSAnswers {
    func shape(_ task: StandInTask, _ cluster: StandInCluster) -> JSONValue {
        let taskARN = taskARN(task, cluster)
        let attachment = "attachment-\(task.id)"
        let definition = world.definitions.first { "\($0.family):\($0.revision)" == task.definition }
        let hasInterface = (definition?.networkMode ?? "awsvpc") == "awsvpc"
        let interfaces =
            hasInterface && (task.privateIPv4 != nil || task.ipv6 != nil)
            ? [
                JSONValue.object([
                    "attachmentId": .string(attachment), "ipv6Address": task.ipv6.map { .string($0) },
                    "privateIpv4Address": task.privateIPv4.map { .string($0) },
                ])
            ] : []
        let names = (definition?.containers ?? []).map { ($0.name, $0.image) }
        let injected = (task.injected ?? []).map { ($0, "aws/injected:1") }
        // ECS lists them in any order; those it adds come first here, so that nobody counts on positions.
        let containers = (injected + names).map { name, image in
            // Docker binds both families.
            let bindings = (task.bindings ?? []).filter { $0.container == name }.flatMap { bound in
                ["0.0.0.0", "::"].map { address -> JSONValue in
                    [
                        "bindIP": .string(address), "containerPort": .integer(bound.containerPort),
                        "hostPort": .integer(bound.hostPort), "protocol": "tcp",
                    ]
                }
            }
            return JSONValue.object([
                "containerArn": .string(arn("container/\(cluster.name)/\(task.id)/\(name)")),
                "healthStatus": "UNKNOWN", "image": .string(image), "lastStatus": .string(task.lastStatus),
                "name": .string(name), "networkBindings": .array(bindings),
                "networkInterfaces": .array(interfaces), "taskArn": .string(taskARN),
            ])
        }
        let launchType = task.launchType ?? "FARGATE"
        let isFargate = launchType == "FARGATE"
        let group = task.service.map { "service:\($0)" } ?? "family:\(task.definition.prefix { $0 != ":" })"
        return .object([
            "attachments": .array(hasInterface ? [interface(task, attachment)] : []),
            "availabilityZone": .string("\(region)a"),
            "clusterArn": .string(arn("cluster/\(cluster.name)")), "connectivity": "CONNECTED",
            "containerInstanceArn": task.instance.map { .string(instanceARN($0, cluster)) },
            "containers": .array(containers), "cpu": "256", "createdAt": .double(1_767_225_600.123),
            "desiredStatus": .string(task.desiredStatus), "group": .string(group),
            "healthStatus": "UNKNOWN", "lastStatus": .string(task.lastStatus),
            "launchType": .string(launchType), "memory": "512",
            "platformFamily": isFargate ? "Linux" : nil, "platformVersion": isFargate ? "1.4.0" : nil,
            "tags": .array([]), "taskArn": .string(taskARN),
            "taskDefinitionArn": .string(definitionARN(task.definition)), "version": .integer(3),
        ])
    }

    private func interface(_ task: StandInTask, _ attachment: String) -> JSONValue {
        let isAttached = task.privateIPv4 != nil || task.ipv6 != nil
        var details = [detail("subnetId", "subnet-0123456789abcdef0")]
        if isAttached { details.append(detail("networkInterfaceId", task.interfaceID)) }
        if let address = task.privateIPv4 { details.append(detail("privateIPv4Address", address)) }
        return [
            "details": .array(details), "id": .string(attachment),
            "status": isAttached ? "ATTACHED" : "ATTACHING", "type": "ElasticNetworkInterface",
        ]
    }

    func detail(_ name: String, _ value: String) -> JSONValue {
        ["name": .string(name), "value": .string(value)]
    }

    func instanceARN(_ id: String, _ cluster: StandInCluster) -> String {
        arn("container-instance/\(cluster.name)/\(id)")
    }
}
