import AWS
import Configuration
import Discovery
import JSON

/// Makes each kind of call that an `ecs_sd_configs` entry needs, the smallest of its kind, to learn whether
/// it is allowed. Where there is nothing to ask about, about something that is not there: AWS looks at the
/// permission first.
struct ECSPermissionProbe: Sendable {
    /// Clusters that are asked about; a policy may name each.
    static let clusterLimit = 5
    private static let launchTypes = ["EC2", "EXTERNAL", "MANAGED_INSTANCES"]
    private static let noTask = "00000000000000000000000000000000"
    private static let noName = "narthex-doctor"
    private static let noInstance = "i-00000000000000000"
    private static let noInterface = "eni-00000000000000000"

    let entry: ECSSDConfiguration
    /// With the endpoint of the entry.
    let ecs: AWSClient
    /// Of EC2 and Systems Manager, which are where the region has them.
    let others: AWSClient
    /// Of the task that this runs in; nil outside of one, and where the entry asks another account or region.
    let ownCluster: String?

    /// Hands over what became of each call, in their order. ECS that is not reached once is asked no further:
    /// each call would wait as long again.
    func run(_ note: (ECSCallFacts) -> Void) async {
        for cluster in await clusters(note).prefix(Self.clusterLimit) {
            guard await look(cluster, note) else { return }
        }
    }

    private func clusters(_ note: (ECSCallFacts) -> Void) async -> [String] {
        if !entry.clusters.isEmpty, entry.clusters != [ECSSDConfiguration.allClusters] {
            return entry.clusters
        }
        let isOwn = entry.clusters.isEmpty && entry.port == nil && entry.compatibility == nil
        if isOwn, let ownCluster { return [ownCluster] }
        do throws(AWSError) {
            let request: JSONValue = ["maxResults": .integer(Self.clusterLimit)]
            let found = try await list(.listClusters, request, "clusterArns")
            note(ECSCallFacts(operation: .listClusters))
            return found
        } catch {
            note(ECSCallFacts(operation: .listClusters, error: error))
            return []
        }
    }

    /// False where ECS is not reached.
    private func look(_ cluster: String, _ note: (ECSCallFacts) -> Void) async -> Bool {
        let api = ECSClient(client: ecs)
        let name = cluster.split(separator: "/").last.map(String.init) ?? cluster
        /// False where nobody answered.
        func tell(_ operation: DiscoveryOperation, _ error: AWSError?, isMadeUp: Bool = false) -> Bool {
            note(
                ECSCallFacts(
                    operation: operation, cluster: name, isMadeUp: isMadeUp, error: error))
            return error?.code != .transport
        }

        let (arns, refusal) = await someTasks(cluster)
        guard tell(.listTasks, refusal) else { return false }
        // A cluster that is not there has nothing to be asked about.
        if refusal?.code == .notFound { return true }

        var tasks: [ECSTask] = []
        let describing = await failure(isMadeUp: arns.isEmpty) { () throws(AWSError) in
            let asked = arns.isEmpty ? [Self.noTask] : arns
            tasks = try await api.describeTasks(cluster: cluster, arns: asked).tasks
        }
        guard tell(.describeTasks, describing) else { return false }
        if entry.port == nil {
            let known = tasks.lazy.compactMap(\.definitionARN).first
            let failure = await failure(isMadeUp: known == nil) { () throws(AWSError) in
                _ = try await api.describeTaskDefinition(known ?? Self.noName)
            }
            guard tell(.describeTaskDefinition, failure) else { return false }
        }
        if entry.describesServices ?? false {
            let service = tasks.lazy.compactMap { task in
                task.group.flatMap { $0.hasPrefix("service:") ? String($0.dropFirst(8)) : nil }
            }.first
            let failure = await failure(isMadeUp: service == nil) { () throws(AWSError) in
                _ = try await api.describeServices(cluster: cluster, services: [service ?? Self.noName])
            }
            guard tell(.describeServices, failure, isMadeUp: service == nil) else { return false }
        }
        if entry.describesClusters ?? false {
            let failure = await failure(isMadeUp: false) { () throws(AWSError) in
                _ = try await api.describeClusters([cluster])
            }
            guard tell(.describeClusters, failure) else { return false }
        }
        await machines(cluster, name, tasks, api, note)
        if entry.describesInterfaces ?? false {
            let failure = await failure(isMadeUp: true) { () throws(AWSError) in
                _ = try await EC2Client(client: others).describeNetworkInterfaces([Self.noInterface])
            }
            _ = tell(.describeNetworkInterfaces, failure)
        }
        return true
    }

    /// Calls that are made where tasks run on machines that the account knows, and only there.
    private func machines(
        _ cluster: String, _ name: String, _ tasks: [ECSTask], _ api: ECSClient,
        _ note: (ECSCallFacts) -> Void
    ) async {
        let arns = Array(Set(tasks.compactMap(\.containerInstanceARN))).sorted()
        guard !arns.isEmpty else { return }
        var instances: [ECSContainerInstance] = []
        let refusal = await failure(isMadeUp: false) { () throws(AWSError) in
            instances = try await api.describeContainerInstances(cluster: cluster, arns: arns)
        }
        note(ECSCallFacts(operation: .describeContainerInstances, cluster: name, error: refusal))
        // Where the instances cannot be described, the tasks still tell what kind they are of.
        let ids = instances.compactMap(\.instanceID)
        let isExternal =
            ids.contains { $0.hasPrefix("mi-") } || tasks.contains { $0.launchType == "EXTERNAL" }
        let isEC2 =
            ids.contains { !$0.hasPrefix("mi-") }
            || ids.isEmpty && tasks.contains { $0.containerInstanceARN != nil && $0.launchType != "EXTERNAL" }
        if isEC2 {
            let error = await failure(isMadeUp: true) { () throws(AWSError) in
                _ = try await EC2Client(client: others).describeInstances(
                    [ids.first { !$0.hasPrefix("mi-") } ?? Self.noInstance])
            }
            note(ECSCallFacts(operation: .describeInstances, error: error))
        }
        if isExternal {
            // Five is the least that a page may have.
            let error = await failure(isMadeUp: false) { () throws(AWSError) in
                let operation = DiscoveryOperation.describeInstanceInformation
                _ = try await others.json(
                    service: operation.service, operation: operation.name,
                    body: Array(#"{"MaxResults":5}"#.utf8))
            }
            note(ECSCallFacts(operation: .describeInstanceInformation, error: error))
        }
    }

    /// One running task of any kind, and one of each kind that runs on machines of its own.
    private func someTasks(_ cluster: String) async -> (arns: [String], refusal: AWSError?) {
        var found: [String] = []
        for type in [nil] + Self.launchTypes.map(Optional.some) {
            do throws(AWSError) {
                let request = JSONValue.object([
                    "cluster": .string(cluster), "desiredStatus": "RUNNING", "maxResults": .integer(1),
                    "launchType": type.map { .string($0) },
                ])
                for arn in try await list(.listTasks, request, "taskArns") where !found.contains(arn) {
                    found.append(arn)
                }
            } catch {
                // A launch type that this region does not know is no fault; another call says what is.
                guard type == nil else { continue }
                return ([], error)
            }
            // Where nothing runs, nothing of any kind does.
            if found.isEmpty { break }
        }
        return (Array(found.prefix(1 + Self.launchTypes.count)), nil)
    }

    /// The names under `key` in the answer, one page.
    private func list(
        _ operation: DiscoveryOperation, _ request: JSONValue, _ key: String
    ) async throws(AWSError) -> [String] {
        let bytes = try await ecs.json(
            service: operation.service, operation: operation.name, body: Array(request.text().utf8))
        func malformed(_ message: String) -> AWSError {
            AWSError(.malformed, message: message, operation: "ECS.\(operation.name)")
        }
        let root: JSONNode
        do throws(JSONError) {
            root = try JSONReader.read(bytes, rules: .asGo)
        } catch {
            throw malformed("the answer is not the JSON expected: \(error)")
        }
        guard case .array(let items)? = root[key]?.content else {
            throw malformed("the answer has no list \(key)")
        }
        return items.compactMap(\.string)
    }

    /// Why the call failed; nil where it is allowed. `isMadeUp`: it asks about what is not there.
    private func failure(
        isMadeUp: Bool, _ call: () async throws(AWSError) -> Void
    ) async -> AWSError? {
        do throws(AWSError) {
            try await call()
            return nil
        } catch {
            return isMadeUp && ECSCallFacts.isAnswer(error) ? nil : error
        }
    }
}
