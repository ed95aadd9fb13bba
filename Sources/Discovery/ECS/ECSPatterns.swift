import AWS
import Configuration
import Relabel

/// Exporters that the configuration knows by the names of services or the ARNs of task definitions:
/// `services` and `task_definitions`.
struct ECSPatterns: Sendable {
    /// What the entries make of one container.
    struct Matches: Equatable {
        /// In the order of the entries, those of services first.
        var endpoints: [ECSEndpoint] = []
        /// The ports of entries that match the container by name, where it maps none of them. No fault: an
        /// entry is meant for the one container of a task that maps its ports.
        var unmappedPorts: [Int] = []
    }

    let services: [ECSExporterPattern]
    let taskDefinitions: [ECSExporterPattern]

    /// The endpoints of a container of this task: a port of an entry, as in ecs_observer and the CloudWatch
    /// agent, only where the container maps it.
    func matches(_ container: ECSTaskDefinition.Container, of task: ECSTask) -> Matches {
        let service = ECSLabels.service(of: task)
        let byService = services.filter { one in service.map { one.pattern.matches($0) } ?? false }
        let byDefinition = taskDefinitions.filter { one in
            task.definitionARN.map { one.pattern.matches($0) } ?? false
        }
        var result = Matches()
        for entry in byService + byDefinition
        where entry.containerPattern.map({ $0.matches(container.name) }) ?? true {
            let mapped = entry.ports.filter(container.maps)
            if mapped.isEmpty { result.unmappedPorts += entry.ports }
            result.endpoints += mapped.map {
                ECSEndpoint(port: .number($0), path: entry.path, jobName: entry.jobName)
            }
        }
        return result
    }
}

extension ECSTaskDefinition.Container {
    /// True when one of its port mappings is this TCP port, alone or in a range.
    fileprivate func maps(_ port: Int) -> Bool {
        portMappings.contains { $0.transport != "udp" && $0.containerPorts.contains(port) }
    }
}
