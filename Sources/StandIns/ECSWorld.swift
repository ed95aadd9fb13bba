/// A container of a task definition.
public struct StandInContainer: Sendable, Equatable {
    public var name: String
    public var image: String
    public var dockerLabels: [String: String]
    public var ports: [Int]

    public init(
        name: String, image: String = "example/image:1", dockerLabels: [String: String] = [:],
        ports: [Int] = []
    ) {
        self.name = name
        self.image = image
        self.dockerLabels = dockerLabels
        self.ports = ports
    }
}

/// A task definition; what it holds never changes, a change is a new revision.
public struct StandInTaskDefinition: Sendable, Equatable {
    public var family: String
    public var revision: Int
    public var containers: [StandInContainer]
    /// Nil is awsvpc.
    public var networkMode: String?

    public init(
        family: String, revision: Int = 1, containers: [StandInContainer], networkMode: String? = nil
    ) {
        self.family = family
        self.revision = revision
        self.containers = containers
        self.networkMode = networkMode
    }
}

/// A task; on Fargate unless it says otherwise.
public struct StandInTask: Sendable, Equatable {
    /// A port of a container that its machine answers for.
    public struct Binding: Sendable, Equatable {
        public var container: String
        public var containerPort: Int
        public var hostPort: Int

        public init(container: String, containerPort: Int, hostPort: Int) {
            self.container = container
            self.containerPort = containerPort
            self.hostPort = hostPort
        }
    }

    /// 32 hexadecimal digits at AWS.
    public var id: String
    /// `family:revision`.
    public var definition: String
    public var service: String?
    /// Of its network interface; nil while it has none yet.
    public var privateIPv4: String?
    public var lastStatus: String
    public var desiredStatus: String
    /// Nil is FARGATE.
    public var launchType: String?
    /// The id of the container instance it runs on.
    public var instance: String?
    public var ipv6: String?
    /// As EC2 tells it of the task's interface.
    public var publicIPv4: String?
    public var bindings: [Binding]?
    /// Containers that ECS adds and the definition lacks.
    public var injected: [String]?

    public init(
        id: String, definition: String, service: String? = nil, privateIPv4: String?,
        lastStatus: String = "RUNNING", desiredStatus: String = "RUNNING", launchType: String? = nil,
        instance: String? = nil, ipv6: String? = nil, bindings: [Binding]? = nil, injected: [String]? = nil
    ) {
        self.id = id
        self.definition = definition
        self.service = service
        self.privateIPv4 = privateIPv4
        self.lastStatus = lastStatus
        self.desiredStatus = desiredStatus
        self.launchType = launchType
        self.instance = instance
        self.ipv6 = ipv6
        self.bindings = bindings
        self.injected = injected
    }
}

extension StandInTask {
    /// Of its own network interface, in awsvpc mode.
    var interfaceID: String { "eni-\(id.suffix(17))" }
}

/// A machine that a cluster places tasks on: `i-…` is one of EC2, `mi-…` one that Systems Manager knows.
public struct StandInInstance: Sendable, Equatable {
    /// Of the container instance.
    public var id: String
    /// `i-…` or `mi-…`.
    public var machine: String
    public var address: String?
    public var attributes: [String: String]?

    public init(id: String, machine: String, address: String?, attributes: [String: String]? = nil) {
        self.id = id
        self.machine = machine
        self.address = address
        self.attributes = attributes
    }
}

public struct StandInCluster: Sendable, Equatable {
    public var name: String
    public var tasks: [StandInTask]
    public var instances: [StandInInstance]?

    public init(name: String, tasks: [StandInTask] = [], instances: [StandInInstance]? = nil) {
        self.name = name
        self.tasks = tasks
        self.instances = instances
    }
}

/// What a stand-in ECS knows.
public struct ECSWorld: Sendable, Equatable {
    public var clusters: [StandInCluster]
    public var definitions: [StandInTaskDefinition]

    public init(clusters: [StandInCluster] = [], definitions: [StandInTaskDefinition] = []) {
        self.clusters = clusters
        self.definitions = definitions
    }

    /// One cluster whose services run an exporter of `places` in each task: up to `tasksEach` tasks a
    /// service, each with a sidecar that exposes nothing. The port stands in the Docker label, so the tasks
    /// of one service must have one port in common, as they have with a fleet on addresses.
    public static func fargate(cluster: String, places: [ExporterPlace], tasksEach: Int) -> ECSWorld {
        precondition(tasksEach > 0, "a service without tasks is none")
        var world = ECSWorld(clusters: [StandInCluster(name: cluster)])
        for (number, start) in stride(from: 0, to: places.count, by: tasksEach).enumerated() {
            let members = places[start..<min(start + tasksEach, places.count)]
            guard let first = members.first else { continue }
            let service = "service-\(number)"
            let app = StandInContainer(
                name: "app", image: "example/\(service):1",
                dockerLabels: [
                    "PROMETHEUS_EXPORTER_PORT": String(first.port), "PROMETHEUS_EXPORTER_PATH": first.path,
                    "PROMETHEUS_EXPORTER_JOB_NAME": service,
                ], ports: [first.port])
            let sidecar = StandInContainer(name: "log-router", image: "example/fluent-bit:2")
            world.definitions.append(StandInTaskDefinition(family: service, containers: [app, sidecar]))
            for (index, place) in members.enumerated() {
                precondition(place.port == first.port, "the tasks of one service have one port")
                var digits = String(number * 65_536 + index + 1, radix: 16)
                digits = String(repeating: "0", count: 32 - digits.count) + digits
                world.clusters[0].tasks.append(
                    StandInTask(
                        id: digits, definition: "\(service):1", service: service, privateIPv4: place.host))
            }
        }
        return world
    }
}
