/// Answers of the EC2 API as values. What an answer lacks, or has without a value, is nil.
enum EC2Decoding {
    /// A device index beyond this is none: no instance type takes more interfaces (EC2's page on them).
    static let deviceIndexLimit = 255

    /// Of one page, in its order. What has no id is passed over.
    static func instances(_ root: XMLElement, withDetails: Bool) -> [EC2Instance] {
        root.list("reservationSet").flatMap { reservation in
            reservation.list("instancesSet").compactMap { item in
                var instance = instance(item)
                if withDetails {
                    instance?.details = details(item, ownerID: filled(reservation, "ownerId"))
                }
                return instance
            }
        }
    }

    static func interfaces(_ root: XMLElement) -> [EC2NetworkInterface] {
        root.list("networkInterfaceSet").compactMap { item in
            filled(item, "networkInterfaceId").map {
                EC2NetworkInterface(id: $0, publicIPv4: filled(item, "association", "publicIp"))
            }
        }
    }

    /// Ids by names.
    static func zones(_ root: XMLElement) -> [String: String] {
        var zones: [String: String] = [:]
        for item in root.list("availabilityZoneInfo") {
            if let name = filled(item, "zoneName"), let id = filled(item, "zoneId") { zones[name] = id }
        }
        return zones
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

    private static func details(_ item: XMLElement, ownerID: String?) -> EC2InstanceDetails {
        EC2InstanceDetails(
            ownerID: ownerID, imageID: filled(item, "imageId"), architecture: filled(item, "architecture"),
            availabilityZone: filled(item, "placement", "availabilityZone"),
            lifecycle: filled(item, "instanceLifecycle"), state: filled(item, "instanceState", "name"),
            platform: filled(item, "platform"), privateDNSName: filled(item, "privateDnsName"),
            publicDNSName: filled(item, "dnsName"),
            interfaces: item.list("networkInterfaceSet").map(interface))
    }

    private static func interface(_ item: XMLElement) -> EC2InstanceDetails.Interface {
        let index = item.text("attachment", "deviceIndex").flatMap { Int($0) }
        return EC2InstanceDetails.Interface(
            subnetID: filled(item, "subnetId"),
            deviceIndex: index.flatMap { (0...deviceIndexLimit).contains($0) ? $0 : nil },
            ipv6: item.list("ipv6AddressesSet").compactMap { address in
                filled(address, "ipv6Address").map {
                    EC2InstanceDetails.IPv6Address($0, isPrimary: address.text("isPrimaryIpv6") == "true")
                }
            })
    }

    private static func filled(_ item: XMLElement, _ name: String) -> String? {
        item.text(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func filled(_ item: XMLElement, _ outer: String, _ name: String) -> String? {
        item[outer].flatMap { filled($0, name) }
    }
}
