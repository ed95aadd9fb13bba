import AWS
import Configuration
import MetricModel

/// What came of one task.
struct ECSTaskTargets: Sendable {
    var targets: [LabelSet] = []
    /// Those of containers that have stopped in a task that runs on.
    var stopped: [LabelSet] = []
    var leftOut: [LeftOut] = []

    /// Something that is no target, or not the one it asks to be, and why.
    struct LeftOut: Sendable, Equatable {
        enum Kind: Sendable {
            /// It does not ask to be scraped, or not now.
            case silent
            /// It asks and cannot be.
            case fault
            /// It is, but not as it asks.
            case remark
        }

        let task: String
        /// Nil: all of the task.
        let container: String?
        /// `family:revision`, when the fault is in the definition and not in the task.
        let definition: String?
        let reason: String
        let kind: Kind

        var isFault: Bool { kind == .fault }
    }
}

/// Makes targets of tasks: one for each endpoint that a container asks to be scraped at, or with `port` one
/// for each task.
struct ECSTargets: Sendable {
    /// What is scraped once in a container, however many name it.
    private struct Place: Hashable {
        /// The port that is connected to.
        let port: Int
        let path: String
    }

    let configuration: ECSSDConfiguration
    let region: String
    /// The job's: where endpoints that name no path are scraped.
    var metricsPath = "/metrics"

    func targets(of record: ECSTaskRecord, in snapshot: ECSClusterSnapshot) -> ECSTaskTargets {
        var result = ECSTaskTargets()
        guard record.isRunning else {
            let status = record.task.lastStatus ?? "of unknown status"
            let desired = record.task.desiredStatus ?? "RUNNING"
            let reason = desired == "RUNNING" ? "the task is \(status)" : "the task shall be \(desired)"
            result.leaveOut(record, nil, reason, isFault: false)
            return result
        }
        let labels = ECSLabels(region: region, snapshot: snapshot)
        if let port = configuration.port {
            wholeTask(record, port: port, labels, &result)
        } else if record.definition == nil {
            let reason = record.task.definitionARN.map { "its task definition \($0) is not known" }
            result.leaveOut(record, nil, reason ?? "it names no task definition", isFault: true)
        } else {
            containers(record, labels, &result)
        }
        return result
    }

    private func address(_ record: ECSTaskRecord) -> ECSAddress {
        ECSAddress(
            record: record, family: configuration.addressFamily, attribute: configuration.addressAttribute)
    }

    /// As Prometheus has it: the task's address and the port of the configuration. Definitions play no part
    /// there; here another job may have had them read.
    private func wholeTask(
        _ record: ECSTaskRecord, port: Int, _ labels: ECSLabels, _ result: inout ECSTaskTargets
    ) {
        var record = record
        record.definition = nil
        let address = address(record)
        do throws(ECSAddress.Missing) {
            let host = try address.host(nil)
            var target = labels.task(record, mode: address.mode, address: host)
            target["__address__"] = ECSAddress.text(host, port)
            result.targets.append(target)
        } catch {
            result.leaveOut(record, nil, error.reason, isFault: true)
        }
    }

    private func containers(
        _ record: ECSTaskRecord, _ labels: ECSLabels, _ result: inout ECSTaskTargets
    ) {
        let address = address(record)
        var shared: [String: LabelSet] = [:]
        for container in record.task.containers {
            // By name: the agent adds containers that the definition lacks (Service Connect, GuardDuty).
            guard let defined = record.definition?.containers.first(where: { $0.name == container.name })
            else {
                result.leaveOut(
                    record, container.name, "its definition has no such container", isFault: false)
                continue
            }
            guard isLetPass(defined) else {
                result.leaveOut(
                    record, container.name, "lacks the docker label \(configuration.filterLabel ?? "")",
                    isFault: false)
                continue
            }
            var taken: Set<Place> = []
            for endpoint in endpoints(record, defined, &result) {
                do throws(ECSAddress.Missing) {
                    let host = try self.host(address, container, isNamed: endpoint.serverName != nil)
                    let base =
                        shared[host] ?? labels.task(record, mode: address.mode, address: host)
                    shared[host] = base
                    let port = try address.port(endpoint.port, container, defined)
                    let place = Place(port: port, path: endpoint.path ?? metricsPath)
                    guard taken.insert(place).inserted else { continue }
                    let made = target(
                        base, record, container, defined, endpoint,
                        address: ECSAddress.text(endpoint.serverName ?? host, port))
                    if container.lastStatus == "STOPPED" {
                        result.stopped.append(made)
                    } else {
                        result.targets.append(made)
                    }
                } catch {
                    result.leaveOut(record, container.name, error.reason, isFault: true)
                }
            }
        }
    }

    /// What a container is to be scraped at, in ecs_observer's order: services, task definitions, docker
    /// labels. Where several name the same, the first one counts.
    private func endpoints(
        _ record: ECSTaskRecord, _ defined: ECSTaskDefinition.Container, _ result: inout ECSTaskTargets
    ) -> [ECSEndpoint] {
        let known = ECSPatterns(
            services: configuration.services, taskDefinitions: configuration.taskDefinitions
        ).matches(defined, of: record.task)
        let labelled = ECSEndpoints(
            defined.dockerLabels, configuration.dockerLabels, dynamicOnly: configuration.dynamicPortDetection)
        for remark in labelled.remarks { result.remark(record, defined.name, remark) }
        for fault in labelled.faults {
            result.leaveOut(record, defined.name, fault, isFault: true, inDefinition: true)
        }
        let all = known.endpoints + labelled.found
        if all.isEmpty, labelled.faults.isEmpty {
            result.leaveOut(record, defined.name, silence(known.unmappedPorts), isFault: false)
        }
        return all
    }

    /// Empty where it cannot be found and another name is used anyway.
    private func host(
        _ address: ECSAddress, _ container: ECSTask.Container, isNamed: Bool
    ) throws(ECSAddress.Missing) -> String {
        do throws(ECSAddress.Missing) {
            return try address.host(container)
        } catch {
            guard isNamed, address.mode != .none else { throw error }
            return ""
        }
    }

    /// What a container without endpoints lacks. `unmappedPorts` are those of the patterns that match it.
    private func silence(_ unmappedPorts: [Int]) -> String {
        let names = configuration.dockerLabels.map {
            configuration.dynamicPortDetection ? $0.dynamic ?? $0.port : $0.port
        }
        var lacks = names.isEmpty ? [] : ["has no docker label \(names.joined(separator: " or "))"]
        if !unmappedPorts.isEmpty {
            let ports = Set(unmappedPorts).sorted().map(String.init).joined(separator: ", ")
            lacks.append("maps none of the metrics_ports of the patterns that match it (\(ports))")
        } else if !configuration.services.isEmpty || !configuration.taskDefinitions.isEmpty {
            lacks.append("no pattern of the configuration matches it")
        }
        return lacks.isEmpty ? "docker_labels names no label" : lacks.joined(separator: ", and ")
    }

    /// `filter_label`.
    private func isLetPass(_ defined: ECSTaskDefinition.Container) -> Bool {
        guard let filter = configuration.filterLabel else { return true }
        let parts = filter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        guard let value = defined.dockerLabels[parts[0]] else { return false }
        return parts.count == 1 || parts[1] == value
    }

    private func target(
        _ shared: LabelSet, _ record: ECSTaskRecord, _ container: ECSTask.Container,
        _ defined: ECSTaskDefinition.Container, _ endpoint: ECSEndpoint, address: String
    ) -> LabelSet {
        var labels = shared
        labels["__address__"] = address
        labels["__metrics_path__"] = endpoint.path
        labels["__scheme__"] = endpoint.scheme
        labels["__scrape_interval__"] = endpoint.interval
        labels["job"] = endpoint.jobName
        labels["__meta_ecs_endpoint"] = endpoint.name
        labels["__meta_ecs_container_name"] = container.name
        labels["__meta_ecs_container_arn"] = container.arn
        labels["__meta_ecs_container_image"] = container.image ?? defined.image
        if case .number(let port) = endpoint.port { labels["__meta_ecs_container_port"] = String(port) }
        for (name, value) in ECSLabels.sorted(defined.dockerLabels) {
            labels["__meta_ecs_container_labels_\(name.sanitized)"] = value
        }
        if configuration.compatibility == .prometheusECSDiscovery {
            for label in ECSLabels.prometheusECSDiscovery(record, container, image: defined.image) {
                labels[label.name] = label.value
            }
        }
        return labels
    }
}

extension ECSTaskTargets {
    mutating func leaveOut(
        _ record: ECSTaskRecord, _ container: String?, _ reason: String, isFault: Bool,
        inDefinition: Bool = false
    ) {
        leftOut.append(
            LeftOut(
                task: record.task.arn, container: container,
                definition: inDefinition ? record.definition?.arn : nil, reason: reason,
                kind: isFault ? .fault : .silent))
    }

    /// About what the definition says.
    mutating func remark(_ record: ECSTaskRecord, _ container: String, _ text: String) {
        leftOut.append(
            LeftOut(
                task: record.task.arn, container: container, definition: record.definition?.arn, reason: text,
                kind: .remark))
    }
}

extension ECSTaskTargets.LeftOut: CustomStringConvertible {
    var description: String {
        let place = definition ?? "task \(task)"
        return (container.map { "container \($0) of \(place)" } ?? place) + ": " + reason
    }
}
