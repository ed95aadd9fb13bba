import AWS
import MetricModel
import Testing

@testable import Discovery

@Suite struct EC2LabelsTests {
    private let make = EC2Labels(region: "eu-west-1", port: 9_100, zoneIDs: ["eu-west-1a": "euw1-az3"])

    @Test func anInstanceHasEveryLabelOfPrometheus() {
        let instance = EC2Instance(
            id: "i-1", privateIPv4: "10.0.0.1", publicIPv4: "3.3.3.3", type: "m7g.large",
            subnetID: "subnet-1", vpcID: "vpc-1", tags: ["Name": "node", "aws:team/a": "b", "empty": ""],
            details: EC2InstanceDetails(
                ownerID: "123456789012", imageID: "ami-1", architecture: "arm64",
                availabilityZone: "eu-west-1a", lifecycle: "spot", state: "running", platform: "windows",
                privateDNSName: "ip-10-0-0-1.internal", publicDNSName: "ec2-3-3-3-3.aws",
                interfaces: [
                    .init(subnetID: "subnet-1", deviceIndex: 0, ipv6: [.init("fd00::1")]),
                    .init(
                        subnetID: "subnet-2", deviceIndex: 2,
                        ipv6: [.init("fd00::2"), .init("fd00::3", isPrimary: true)]),
                    .init(subnetID: "subnet-1", deviceIndex: 1),
                ]))
        #expect(
            make.targets([instance]) == [
                labels(
                    ("__address__", "10.0.0.1:9100"), ("__meta_ec2_ami", "ami-1"),
                    ("__meta_ec2_architecture", "arm64"), ("__meta_ec2_availability_zone", "eu-west-1a"),
                    ("__meta_ec2_availability_zone_id", "euw1-az3"),
                    ("__meta_ec2_default_ipv6_address", "fd00::3"), ("__meta_ec2_instance_id", "i-1"),
                    ("__meta_ec2_instance_lifecycle", "spot"), ("__meta_ec2_instance_state", "running"),
                    ("__meta_ec2_instance_type", "m7g.large"),
                    ("__meta_ec2_ipv6_addresses", ",fd00::1,fd00::2,fd00::3,"),
                    ("__meta_ec2_owner_id", "123456789012"), ("__meta_ec2_platform", "windows"),
                    ("__meta_ec2_primary_ipv6_addresses", ",,,fd00::3,"),
                    ("__meta_ec2_primary_subnet_id", "subnet-1"),
                    ("__meta_ec2_private_dns_name", "ip-10-0-0-1.internal"),
                    ("__meta_ec2_private_ip", "10.0.0.1"), ("__meta_ec2_public_dns_name", "ec2-3-3-3-3.aws"),
                    ("__meta_ec2_public_ip", "3.3.3.3"), ("__meta_ec2_region", "eu-west-1"),
                    ("__meta_ec2_subnet_id", ",subnet-1,subnet-2,"), ("__meta_ec2_tag_Name", "node"),
                    ("__meta_ec2_tag_aws_team_a", "b"), ("__meta_ec2_vpc_id", "vpc-1"))
            ])
    }

    @Test func whatEC2DoesNotTellIsNoLabel() {
        // A DNS name without an address, a zone whose id is not known, and no VPC, so no subnets.
        let instance = EC2Instance(
            id: "i-1", privateIPv4: "10.0.0.1", subnetID: "subnet-1",
            details: EC2InstanceDetails(
                availabilityZone: "eu-west-1b", publicDNSName: "d",
                interfaces: [.init(subnetID: "subnet-1", deviceIndex: 0, ipv6: [.init("fd00::1")])]))
        #expect(
            make.targets([instance]) == [
                labels(
                    ("__address__", "10.0.0.1:9100"), ("__meta_ec2_availability_zone", "eu-west-1b"),
                    ("__meta_ec2_instance_id", "i-1"), ("__meta_ec2_private_ip", "10.0.0.1"),
                    ("__meta_ec2_region", "eu-west-1"))
            ])
    }

    @Test func inAVPCWithoutInterfacesTheListOfSubnetsIsItsSeparators() {
        let found = make.targets([EC2Instance(id: "i-1", privateIPv4: "10.0.0.1", vpcID: "vpc-1")])
        #expect(found[0]["__meta_ec2_subnet_id"] == ",,")
        #expect(found[0]["__meta_ec2_primary_subnet_id"] == nil)
        #expect(found[0]["__meta_ec2_ipv6_addresses"] == nil)
    }

    @Test func withoutAnIPv4AddressThePrimaryIPv6AddressIsTheTargets() {
        func instance(_ id: String, _ interfaces: [EC2InstanceDetails.Interface], vpc: String? = "v")
            -> EC2Instance
        {
            EC2Instance(id: id, vpcID: vpc, details: EC2InstanceDetails(interfaces: interfaces))
        }
        let found = make.targets([
            instance("i-6", []),
            instance("i-5", [.init(subnetID: "s", deviceIndex: 0, ipv6: [.init("fd00::9")])], vpc: nil),
            instance("i-4", [.init(deviceIndex: 0, ipv6: [.init("fd00::8")])]),
            instance("i-3", [.init(subnetID: "s", ipv6: [.init("fd00::7", isPrimary: true)])]),
            instance(
                "i-2",
                [
                    .init(
                        subnetID: "s", deviceIndex: 1,
                        ipv6: [.init("fd00::1"), .init("fd00::2", isPrimary: true)])
                ]),
        ])
        #expect(found.map { $0["__address__"] } == ["[fd00::2]:9100", "[fd00::7]:9100"])
        #expect(found.map { $0["__meta_ec2_instance_id"] } == ["i-2", "i-3"])
        #expect(found.map { $0["__meta_ec2_default_ipv6_address"] } == ["fd00::2", "fd00::7"])
        #expect(found.map { $0["__meta_ec2_primary_ipv6_addresses"] } == [",,fd00::2,", nil])
        #expect(found.allSatisfy { $0["__meta_ec2_private_ip"] == nil })
    }

    @Test func tagsOfOneLabelNameAreTheSameOneEachTime() {
        let tags = Dictionary(uniqueKeysWithValues: "!-./:_".map { ("a\($0)b", "\($0)") })
        for _ in 0..<5 {
            let found = make.targets([EC2Instance(id: "i", privateIPv4: "10.0.0.1", tags: tags)])
            #expect(found[0]["__meta_ec2_tag_a_b"] == "_")
        }
    }
}
