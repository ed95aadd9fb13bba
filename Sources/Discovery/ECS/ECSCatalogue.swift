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

    /// Definitions that are asked for at a time, by all clusters together: enough to keep AWS' rate over a
    /// slow line, and few enough that whoever comes next waits less than a second for its turn.
    static let definitionsAtOnce = 16
    /// A call that takes longer holds up no other.
    static let patienceMs: UInt64 = 2_000

    let clock: any AgentClock
    private let api: ECSAPI
    private let turns: ECSTurns
    private let state = Mutex(State())

    init(api: ECSAPI, clock: any AgentClock) {
        self.api = api
        self.clock = clock
        turns = ECSTurns(limit: Self.definitionsAtOnce, patienceMs: Self.patienceMs, clock: clock)
    }

    /// A definition that was asked for before.
    func known(_ arn: String) -> ECSTaskDefinition? { state.withLock { $0.definitions.value(arn) } }

    /// A container instance that was asked for not long ago; likewise below.
    func freshInstance(_ arn: String) -> ECSContainerInstance? {
        fresh(arn, \.instances, maxAgeNs: Self.instanceAgeNs)
    }

    func freshEC2(_ id: String) -> EC2Instance? { fresh(id, \.ec2, maxAgeNs: Self.ec2AgeNs) }

    func freshSystemsManager(_ id: String) -> SSMInstance? { fresh(id, \.ssm, maxAgeNs: Self.ssmAgeNs) }

    private func fresh<Value: Sendable>(
        _ key: String, _ cache: WritableKeyPath<State, RecentlyUsed<String, Dated<Value>>>, maxAgeNs: UInt64
    ) -> Value? {
        guard let known = state.withLock({ $0[keyPath: cache].value(key) }) else { return nil }
        let nowNs = clock.monotonicNs
        return nowNs > known.atNs && nowNs - known.atNs > maxAgeNs ? nil : known.value
    }

    /// Asks for a definition when it is the cluster's turn. Never changes, so whoever asked before has it.
    func definition(_ arn: String, for cluster: String) async -> Result<ECSTaskDefinition, AWSError> {
        await turns.perform(of: cluster) {
            if let known = known(arn) { return .success(known) }
            do throws(AWSError) {
                let definition = try await api.ecs.describeTaskDefinition(arn)
                state.withLock { $0.definitions.set(arn, definition) }
                return .success(definition)
            } catch {
                return .failure(error)
            }
        }
    }

    /// Those of `arns` that can be had; likewise below.
    func containerInstances(
        cluster: String, _ arns: [String]
    ) async -> (found: [ECSContainerInstance], faults: [ECSFault]) {
        await lookUp(
            arns, \.instances, atMost: ECSClient.describeLimit, maxAgeNs: Self.instanceAgeNs, id: \.arn
        ) { batch throws(AWSError) in
            try await self.api.ecs.describeContainerInstances(cluster: cluster, arns: batch)
        }
    }

    /// `ids` are EC2's: one of another kind would fail the call for all.
    func ec2(_ ids: [String]) async -> (found: [EC2Instance], faults: [ECSFault]) {
        await lookUp(ids, \.ec2, atMost: EC2Client.describeLimit, maxAgeNs: Self.ec2AgeNs, id: \.id) {
            batch throws(AWSError) in try await self.api.ec2.describeInstances(batch)
        }
    }

    /// `ids` begin with `mi-`.
    func systemsManager(_ ids: [String]) async -> (found: [SSMInstance], faults: [ECSFault]) {
        await lookUp(ids, \.ssm, atMost: SSMClient.describeLimit, maxAgeNs: Self.ssmAgeNs, id: \.id) {
            batch throws(AWSError) in try await self.api.ssm.describeInstanceInformation(batch)
        }
    }

    /// From the cache what is young enough, else asked for in batches; what is too old stands in for what
    /// cannot be had.
    private func lookUp<Value: Sendable>(
        _ keys: [String], _ cache: WritableKeyPath<State, RecentlyUsed<String, Dated<Value>>>,
        atMost batchSize: Int, maxAgeNs: UInt64, id: (Value) -> String,
        ask: ([String]) async throws(AWSError) -> [Value]
    ) async -> (found: [Value], faults: [ECSFault]) {
        let nowNs = clock.monotonicNs
        var found: [String: Value] = [:]
        var missing: [String] = []
        for key in Set(keys).sorted() {
            let known = state.withLock { $0[keyPath: cache].value(key) }
            if let known { found[key] = known.value }
            // Another cluster's round may have read it since `nowNs`.
            if known.map({ nowNs > $0.atNs && nowNs - $0.atNs > maxAgeNs }) ?? true { missing.append(key) }
        }
        var faults: [ECSFault] = []
        for start in stride(from: 0, to: missing.count, by: batchSize) {
            let batch = Array(missing[start..<min(missing.count, start + batchSize)])
            do throws(AWSError) {
                for value in try await ask(batch) {
                    found[id(value)] = value
                    state.withLock { $0[keyPath: cache].set(id(value), Dated(value: value, atNs: nowNs)) }
                }
            } catch {
                if error.code != .cancelled { faults.append(ECSFault(error, about: .machines)) }
                if error.concernsAllCalls { break }
            }
        }
        return (found.sorted { $0.key < $1.key }.map(\.value), faults)
    }
}
