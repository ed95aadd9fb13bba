/// The EC2 API (2016-11-15) as far as discovery needs it.
public struct EC2Client: EC2Describing, EC2Listing {
    /// Values that one filter takes (API reference).
    public static let describeLimit = 200
    /// Instances a page when all are listed. The API gives up to 1,000; half of them keeps the memory that
    /// the tree of an answer takes below 20 MB.
    static let instancesAPage = 500
    /// More instances than this are not listed: each would be a target.
    static let instanceLimit = 50_000
    /// What all instances of a list may take in memory: 1,300 bytes each for the most of them.
    static let instanceBytesLimit = 64 << 20
    private static let pageLimit = 1_000

    private let client: AWSClient

    public init(client: AWSClient) { self.client = client }

    public func describeInstances(_ ids: [String]) async throws(AWSError) -> [EC2Instance] {
        var found: [EC2Instance] = []
        try await pages(.describeInstances, Self.filter("instance-id", ids)) { root in
            found += EC2Decoding.instances(root, withDetails: false)
        }
        return found
    }

    public func describeNetworkInterfaces(
        _ ids: [String]
    ) async throws(AWSError) -> [EC2NetworkInterface] {
        var found: [EC2NetworkInterface] = []
        try await pages(.describeNetworkInterfaces, Self.filter("network-interface-id", ids)) { root in
            found += EC2Decoding.interfaces(root)
        }
        return found
    }

    public func listInstances(_ filters: [EC2Filter]) async throws(AWSError) -> [EC2Instance] {
        let operation = DiscoveryOperation.describeInstances
        let parameters =
            EC2Filter.parameters(filters) + [(name: "MaxResults", value: "\(Self.instancesAPage)")]
        var found: [EC2Instance] = []
        var bytes = 0
        try await pages(operation, parameters) { root throws(AWSError) in
            let page = EC2Decoding.instances(root, withDetails: true)
            found += page
            bytes += page.reduce(0) { $0 + $1.keptBytes }
            guard found.count <= Self.instanceLimit, bytes <= Self.instanceBytesLimit else {
                throw AWSError(
                    .malformed,
                    message: "there are more than \(Self.instanceLimit) instances, or more than"
                        + " \(Self.instanceBytesLimit >> 20) MB to keep of them; take fewer by filters",
                    operation: operation.place)
            }
        }
        return found
    }

    public func availabilityZoneIDs() async throws(AWSError) -> [String: String] {
        EC2Decoding.zones(try await call(.describeAvailabilityZones, []))
    }

    /// By filter: as parameters of their own, one id that is gone would fail the call for all of them.
    private static func filter(_ name: String, _ ids: [String]) -> [(name: String, value: String)] {
        precondition(ids.count <= describeLimit, "a filter takes 200 values at most")
        return EC2Filter.parameters([EC2Filter(name: name, values: ids)])
    }

    /// Hands over every page of a list; what `take` throws ends it.
    private func pages(
        _ operation: DiscoveryOperation, _ parameters: [(name: String, value: String)],
        _ take: (XMLElement) throws(AWSError) -> Void
    ) async throws(AWSError) {
        var token: String?
        for _ in 0..<Self.pageLimit {
            let root = try await call(
                operation, parameters + (token.map { [(name: "NextToken", value: $0)] } ?? []))
            try take(root)
            guard let next = root.text("nextToken"), !next.isEmpty else { return }
            guard next != token else { break }
            token = next
        }
        throw AWSError(.malformed, message: "the pages of the list never end", operation: operation.place)
    }

    private func call(
        _ operation: DiscoveryOperation, _ parameters: [(name: String, value: String)]
    ) async throws(AWSError) -> XMLElement {
        try await client.query(
            service: .ec2, action: operation.name, version: "2016-11-15", parameters: parameters)
    }
}

extension EC2Instance {
    /// What it takes in memory, nearly: its text, and the room for each part.
    fileprivate var keptBytes: Int {
        let texts = [
            id, privateIPv4, publicIPv4, ipv6, type, subnetID, vpcID, details?.ownerID, details?.imageID,
            details?.architecture, details?.availabilityZone, details?.lifecycle, details?.state,
            details?.platform, details?.privateDNSName, details?.publicDNSName,
        ]
        let tags = tags.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 32 }
        let interfaces = (details?.interfaces ?? []).reduce(0) { sum, interface in
            sum + (interface.subnetID?.utf8.count ?? 0) + 40
                + interface.ipv6.reduce(0) { $0 + $1.text.utf8.count + 24 }
        }
        return texts.reduce(0) { $0 + ($1?.utf8.count ?? 0) + 16 } + tags + interfaces
    }
}
