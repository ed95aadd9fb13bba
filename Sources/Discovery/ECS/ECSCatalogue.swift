import AWS
import Platform
import Synchronization

/// What changes seldom or never, asked for once: task definitions and the machines that tasks run on. Shared
/// by all clusters of an account and region. Thread-safe.
final class ECSCatalogue: Sendable {
    /// More definitions than most accounts have in use; some 1 KB each.
    static let limit = 2_000
    /// Machines are asked for by age, in every round: a cache that is too small would be asked in vain each
    /// time. Twice what one cluster may have.
    static let machineLimit = 10_000
    /// An instance's id never changes; its attributes and tags do, seldom.
    static let instanceAgeNs: UInt64 = 600 * 1_000_000_000
    /// EC2's private address never changes; tags do.
    static let ec2AgeNs: UInt64 = 3_600 * 1_000_000_000
    /// A machine outside AWS may get another address from its network.
    static let ssmAgeNs: UInt64 = 300 * 1_000_000_000

    private struct Dated<Value: Sendable>: Sendable {
        var value: Value
        var atNs: UInt64
    }

    private struct State {
        var definitions = RecentlyUsed<String, ECSTaskDefinition>(limit: ECSCatalogue.limit)
        var instances = RecentlyUsed<String, Dated<ECSContainerInstance>>(limit: ECSCatalogue.machineLimit)
        var ec2 = RecentlyUsed<String, Dated<EC2Instance>>(limit: ECSCatalogue.machineLimit)
        var ssm = RecentlyUsed<String, Dated<SSMInstance>>(limit: ECSCatalogue.machineLimit)
    }

    private let api: ECSAPI
    private let clock: any AgentClock
    private let state = Mutex(State())

    init(api: ECSAPI, clock: any AgentClock) {
        self.api = api
        self.clock = clock
    }

    /// Those of `arns` that can be had. A definition that was deleted while its tasks run on costs itself;
    /// throttling and the like end the round's questions.
    func definitions(
        _ arns: Set<String>
    ) async -> (found: [String: ECSTaskDefinition], faults: [ECSFault]) {
        var found: [String: ECSTaskDefinition] = [:]
        var faults: [ECSFault] = []
        for arn in arns.sorted() {
            if let known = state.withLock({ $0.definitions.value(arn) }) {
                found[arn] = known
                continue
            }
            if faults.contains(where: \.endsRound) { continue }
            do throws(AWSError) {
                let definition = try await api.ecs.describeTaskDefinition(arn)
                state.withLock { $0.definitions.set(arn, definition) }
                found[arn] = definition
            } catch {
                faults.append(ECSFault(error))
            }
        }
        return (found, faults)
    }

    /// The machines of these container instances, as far as they can be had.
    func hosts(
        cluster: String, _ arns: Set<String>
    ) async -> (found: [String: ECSHost], faults: [ECSFault]) {
        var faults: [ECSFault] = []
        let instances = await containerInstances(cluster: cluster, arns, &faults)
        let ids = Set(instances.values.compactMap(\.instanceID))
        let ec2 = await lookUp(
            ids.filter { !$0.hasPrefix("mi-") }, \.ec2, atMost: EC2Client.describeLimit,
            maxAgeNs: Self.ec2AgeNs, &faults, id: \.id
        ) { batch throws(AWSError) in try await self.api.ec2.describeInstances(batch) }
        let ssm = await lookUp(
            ids.filter { $0.hasPrefix("mi-") }, \.ssm, atMost: SSMClient.describeLimit,
            maxAgeNs: Self.ssmAgeNs, &faults, id: \.id
        ) { batch throws(AWSError) in try await self.api.ssm.describeInstanceInformation(batch) }
        let found = instances.mapValues { instance in
            let id = instance.instanceID ?? ""
            return ECSHost(
                instanceID: instance.instanceID, attributes: instance.attributes, tags: instance.tags,
                ec2: ec2[id], ssm: ssm[id])
        }
        return (found, faults)
    }

    private func containerInstances(
        cluster: String, _ arns: Set<String>, _ faults: inout [ECSFault]
    ) async -> [String: ECSContainerInstance] {
        await lookUp(
            arns, \.instances, atMost: ECSClient.describeLimit, maxAgeNs: Self.instanceAgeNs, &faults,
            id: \.arn
        ) { batch throws(AWSError) in
            try await self.api.ecs.describeContainerInstances(cluster: cluster, arns: batch)
        }
    }

    /// From the cache what is young enough, else asked for in batches; what is too old stands in for what
    /// cannot be had.
    private func lookUp<Value: Sendable>(
        _ keys: Set<String>, _ cache: WritableKeyPath<State, RecentlyUsed<String, Dated<Value>>>,
        atMost batchSize: Int, maxAgeNs: UInt64, _ faults: inout [ECSFault], id: (Value) -> String,
        ask: ([String]) async throws(AWSError) -> [Value]
    ) async -> [String: Value] {
        let nowNs = clock.monotonicNs
        var found: [String: Value] = [:]
        var missing: [String] = []
        for key in keys.sorted() {
            let known = state.withLock { $0[keyPath: cache].value(key) }
            if let known { found[key] = known.value }
            // Another cluster's round may have read it since `nowNs`.
            if known.map({ nowNs > $0.atNs && nowNs - $0.atNs > maxAgeNs }) ?? true { missing.append(key) }
        }
        for start in stride(from: 0, to: missing.count, by: batchSize) {
            let batch = Array(missing[start..<min(missing.count, start + batchSize)])
            do throws(AWSError) {
                for value in try await ask(batch) {
                    found[id(value)] = value
                    state.withLock { $0[keyPath: cache].set(id(value), Dated(value: value, atNs: nowNs)) }
                }
            } catch {
                faults.append(ECSFault(error))
                if error.concernsAllCalls { break }
            }
        }
        return found
    }
}
