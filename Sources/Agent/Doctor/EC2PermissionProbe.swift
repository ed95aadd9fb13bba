import AWS
import Configuration

/// Makes the two calls of an `ec2_sd_configs` entry, the smallest of their kind, to learn whether they are
/// allowed.
struct EC2PermissionProbe: Sendable {
    /// The least that a page may have (API reference of DescribeInstances).
    private static let leastPage = "5"

    let client: AWSClient

    /// Hands over what became of each call, in their order.
    func run(_ note: (ECSCallFacts) -> Void) async {
        let listing = await failure { () throws(AWSError) in
            // Without the entry's filters: the permission is the same, and the targets are another check's.
            _ = try await client.query(
                service: .ec2, action: DiscoveryOperation.describeInstances.name, version: "2016-11-15",
                parameters: [("MaxResults", Self.leastPage)])
        }
        note(ECSCallFacts(operation: .describeInstances, isOfEC2: true, error: listing))
        // Who is not reached once is not reached again.
        guard listing?.code != .transport else { return }
        let zones = await failure { () throws(AWSError) in
            _ = try await EC2Client(client: client).availabilityZoneIDs()
        }
        note(ECSCallFacts(operation: .describeAvailabilityZones, isOfEC2: true, error: zones))
    }

    private func failure(_ call: () async throws(AWSError) -> Void) async -> AWSError? {
        do throws(AWSError) {
            try await call()
            return nil
        } catch {
            return error
        }
    }
}
