import AWS
import Synchronization

@testable import Discovery

/// EC2's lists in the test's hand.
final class FakeEC2: EC2Listing {
    struct State {
        var instances: Result<[EC2Instance], AWSError> = .success([])
        var zones: Result<[String: String], AWSError> = .success([:])
        /// Calls that are not answered as long as they stand here.
        var hanging: Set<String> = []
        var calls: [String] = []
    }

    let state = Mutex(State())
    var calls: [String] { state.withLock { $0.calls } }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    private func call(_ name: String) async throws(AWSError) {
        state.withLock { $0.calls.append(name) }
        while state.withLock({ $0.hanging.contains(name) }) {
            if Task.isCancelled { throw AWSError(.cancelled, message: "cancelled", operation: name) }
            await Task.yield()
        }
    }

    func listInstances(_ filters: [EC2Filter]) async throws(AWSError) -> [EC2Instance] {
        try await call("instances" + filters.map { " \($0.name)" }.joined())
        return try state.withLock { $0.instances }.get()
    }

    func availabilityZoneIDs() async throws(AWSError) -> [String: String] {
        try await call("zones")
        return try state.withLock { $0.zones }.get()
    }
}

/// `i-<number>` at 10.0.0.<number> in a zone.
func ec2Instance(_ number: Int, zone: String? = "a") -> EC2Instance {
    EC2Instance(
        id: "i-\(number)", privateIPv4: "10.0.0.\(number)",
        details: EC2InstanceDetails(availabilityZone: zone))
}
