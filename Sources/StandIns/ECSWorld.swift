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
