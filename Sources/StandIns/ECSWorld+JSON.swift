public import JSON

extension ECSWorld {
    /// The world as `POST /world` takes it.
    public var json: JSONValue {
        ["clusters": .array(clusters.map(\.json)), "definitions": .array(definitions.map(\.json))]
    }
}

extension StandInCluster {
    fileprivate var json: JSONValue {
        .object([
            "instances": instances.map { .array($0.map(\.json)) }, "name": .string(name),
            "tasks": .array(tasks.map(\.json)),
        ])
    }
}

extension StandInInstance {
    fileprivate var json: JSONValue {
        .object([
            "address": address.map { .string($0) }, "attributes": attributes.map { .map($0) },
            "id": .string(id), "machine": .string(machine),
        ])
    }
}

extension StandInTask {
    fileprivate var json: JSONValue {
        .object([
            "bindings": bindings.map { .array($0.map(\.json)) }, "definition": .string(definition),
            "desiredStatus": .string(desiredStatus), "id": .string(id),
            "injected": injected.map { .strings($0) }, "instance": instance.map { .string($0) },
            "ipv6": ipv6.map { .string($0) }, "lastStatus": .string(lastStatus),
            "launchType": launchType.map { .string($0) }, "privateIPv4": privateIPv4.map { .string($0) },
            "publicIPv4": publicIPv4.map { .string($0) }, "service": service.map { .string($0) },
        ])
    }
}

extension StandInTask.Binding {
    fileprivate var json: JSONValue {
        [
            "container": .string(container), "containerPort": .integer(containerPort),
            "hostPort": .integer(hostPort),
        ]
    }
}

extension StandInTaskDefinition {
    fileprivate var json: JSONValue {
        .object([
            "containers": .array(containers.map(\.json)), "family": .string(family),
            "networkMode": networkMode.map { .string($0) }, "revision": .integer(revision),
        ])
    }
}

extension StandInContainer {
    fileprivate var json: JSONValue {
        [
            "dockerLabels": .map(dockerLabels), "image": .string(image), "name": .string(name),
            "ports": .array(ports.map { .integer($0) }),
        ]
    }
}
