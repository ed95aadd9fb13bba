import AWS
import Addresses
import MetricModel

/// Instances as targets, with the meta labels that Prometheus gives them.
struct EC2Labels {
    private static let separator = ","

    let region: String
    let port: Int
    /// Ids of availability zones by their names.
    let zoneIDs: [String: String]

    /// One target for each instance with an address, in the order of their ids.
    func targets(_ instances: [EC2Instance]) -> [LabelSet] {
        instances.sorted { $0.id < $1.id }.compactMap(target)
    }

    /// Nil when the instance has neither a private IPv4 address nor an IPv6 address in its VPC.
    private func target(_ instance: EC2Instance) -> LabelSet? {
        let details = instance.details ?? EC2InstanceDetails()
        // As in Prometheus, only an interface in a subnet of the instance's VPC counts.
        let interfaces = instance.vpcID == nil ? [] : details.interfaces.filter { $0.subnetID != nil }
        let all = interfaces.flatMap(\.ipv6).map(\.text)
        let primary = primaryAddresses(interfaces)
        let ipv6 = primary.first { !$0.isEmpty } ?? all.first
        guard let host = instance.privateIPv4 ?? ipv6 else { return nil }
        var labels = [Label("__address__", HostPort.text(host: host, port: port))]
        func set(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { labels.append(Label("__meta_ec2_\(name)", value)) }
        }
        func setList(_ name: String, _ values: [String]) {
            if !values.isEmpty { set(name, list(values)) }
        }
        set("instance_id", instance.id)
        set("region", region)
        set("owner_id", details.ownerID)
        set("private_ip", instance.privateIPv4)
        set("private_dns_name", details.privateDNSName)
        set("default_ipv6_address", ipv6)
        setList("ipv6_addresses", all)
        setList("primary_ipv6_addresses", primary)
        if instance.publicIPv4 != nil {
            set("public_ip", instance.publicIPv4)
            set("public_dns_name", details.publicDNSName)
        }
        set("platform", details.platform)
        set("ami", details.imageID)
        set("availability_zone", details.availabilityZone)
        set("availability_zone_id", details.availabilityZone.flatMap { zoneIDs[$0] })
        set("instance_state", details.state)
        set("instance_type", instance.type)
        set("instance_lifecycle", details.lifecycle)
        set("architecture", details.architecture)
        if let vpcID = instance.vpcID {
            set("vpc_id", vpcID)
            set("primary_subnet_id", instance.subnetID)
            var seen: Set<String> = []
            // Separators alone where no interface tells its subnet, as of an instance that is terminated.
            set("subnet_id", list(interfaces.compactMap(\.subnetID).filter { seen.insert($0).inserted }))
        }
        for (key, value) in instance.tags.sorted(by: { $0.key < $1.key }) {
            set("tag_\(key.sanitized)", value)
        }
        return LabelSet(labels)
    }

    /// At the place of each interface's device index its primary address, empty where it has none.
    private func primaryAddresses(_ interfaces: [EC2InstanceDetails.Interface]) -> [String] {
        var addresses: [String] = []
        for interface in interfaces {
            guard let index = interface.deviceIndex else { continue }
            for address in interface.ipv6 where address.isPrimary {
                while addresses.count <= index { addresses.append("") }
                addresses[index] = address.text
            }
        }
        return addresses
    }

    /// With a separator at either end, so that a rule can look for one entry between two.
    private func list(_ values: [String]) -> String {
        Self.separator + values.joined(separator: Self.separator) + Self.separator
    }
}
