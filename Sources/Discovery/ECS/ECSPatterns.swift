import AWS
import Configuration
import Relabel

/// Exporters that the configuration knows by the names of services or the ARNs of task definitions:
/// `services` and `task_definitions`.
struct ECSPatterns: Sendable {
    let services: [ECSExporterPattern]
    let taskDefinitions: [ECSExporterPattern]

    /// The endpoints of a container of this task.
    func endpoints(_ container: String, of task: ECSTask) -> [ECSEndpoint] {
        let service = ECSLabels.service(of: task)
        let byService = services.filter { one in service.map { one.pattern.matches($0) } ?? false }
        let byDefinition = taskDefinitions.filter { one in
            task.definitionARN.map { one.pattern.matches($0) } ?? false
        }
        return (byService + byDefinition)
            .filter { one in one.containerPattern.map { $0.matches(container) } ?? true }
            .flatMap { one in
                one.ports.map {
                    ECSEndpoint(port: .number($0), path: one.path, jobName: one.jobName)
                }
            }
    }
}
