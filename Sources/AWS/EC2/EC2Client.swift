/// The EC2 API (2016-11-15) as far as discovery needs it.
public struct EC2Client: EC2Describing {
    /// Values that one filter takes (API reference).
    public static let describeLimit = 200
    private static let pageLimit = 1_000

    private let client: AWSClient

    public init(client: AWSClient) { self.client = client }

    public func describeInstances(_ ids: [String]) async throws(AWSError) -> [EC2Instance] {
        try await pages(.describeInstances, filter: "instance-id", ids) { root in
            root.list("reservationSet").flatMap { $0.list("instancesSet") }.compactMap(Self.instance)
        }
    }

    public func describeNetworkInterfaces(
        _ ids: [String]
    ) async throws(AWSError) -> [EC2NetworkInterface] {
        try await pages(.describeNetworkInterfaces, filter: "network-interface-id", ids) { root in
            root.list("networkInterfaceSet").compactMap { item in
                Self.filled(item, "networkInterfaceId").map {
                    EC2NetworkInterface(id: $0, publicIPv4: Self.filled(item, "association", "publicIp"))
                }
            }
        }
    }

    /// All pages of what the filter lets through. By filter: as parameters of their own, one id that is gone
    /// would fail the call for all of them.
    private func pages<Item>(
        _ operation: DiscoveryOperation, filter name: String, _ ids: [String],
        _ items: (XMLElement) -> [Item]
    ) async throws(AWSError) -> [Item] {
        precondition(ids.count <= Self.describeLimit, "a filter takes 200 values at most")
        let filter =
            [(name: "Filter.1.Name", value: name)]
            + ids.enumerated().map { (name: "Filter.1.Value.\($0.offset + 1)", value: $0.element) }
        var parameters = filter
        var last: String?
        var found: [Item] = []
        for _ in 0..<Self.pageLimit {
            let root = try await client.query(
                service: .ec2, action: operation.name, version: "2016-11-15", parameters: parameters)
            found += items(root)
            guard let next = root.text("nextToken"), !next.isEmpty else { return found }
            guard next != last else { break }
            last = next
            parameters = filter + [(name: "NextToken", value: next)]
        }
        throw AWSError(.malformed, message: "the pages of the list never end", operation: operation.place)
    }

    private static func instance(_ item: XMLElement) -> EC2Instance? {
        guard let id = filled(item, "instanceId") else { return nil }
        var tags: [String: String] = [:]
        for tag in item.list("tagSet") {
            if let key = tag.text("key"), let value = tag.text("value") { tags[key] = value }
        }
        let interfaces = item.list("networkInterfaceSet")
        let primary =
            interfaces.first { $0.text("attachment", "deviceIndex") == "0" } ?? interfaces.first
        return EC2Instance(
            id: id, privateIPv4: filled(item, "privateIpAddress"), publicIPv4: filled(item, "ipAddress"),
            ipv6: filled(item, "ipv6Address")
                ?? primary?.list("ipv6AddressesSet").first.flatMap { filled($0, "ipv6Address") },
            type: filled(item, "instanceType"), subnetID: filled(item, "subnetId"),
            vpcID: filled(item, "vpcId"), tags: tags)
    }

    private static func filled(_ item: XMLElement, _ name: String) -> String? {
        item.text(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func filled(_ item: XMLElement, _ outer: String, _ name: String) -> String? {
        item[outer].flatMap { filled($0, name) }
    }
}
