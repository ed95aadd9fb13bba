import Testing

@testable import AWS

@Suite struct EC2DecodingTests {
    private func page(_ instances: String, owner: String = "<ownerId>123456789012</ownerId>") -> String {
        "<DescribeInstancesResponse><reservationSet><item>\(owner)<instancesSet>\(instances)"
            + "</instancesSet></item></reservationSet></DescribeInstancesResponse>"
    }

    private func read(_ text: String) throws -> [EC2Instance] {
        EC2Decoding.instances(try XMLReader.parse(Array(text.utf8)), withDetails: true)
    }

    @Test func everyFieldOfAnInstanceArrives() throws {
        let text = page(
            """
            <item><instanceId>i-1</instanceId><imageId>ami-1</imageId>
            <instanceState><code>16</code><name>running</name></instanceState>
            <privateDnsName>ip-10-0-0-1.eu-west-1.compute.internal</privateDnsName>
            <dnsName>ec2-3-3-3-3.eu-west-1.compute.amazonaws.com</dnsName>
            <instanceType>m7g.large</instanceType>
            <placement><availabilityZone>eu-west-1a</availabilityZone><tenancy>default</tenancy></placement>
            <platform>windows</platform><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
            <privateIpAddress>10.0.0.1</privateIpAddress><ipAddress>3.3.3.3</ipAddress>
            <architecture>arm64</architecture><instanceLifecycle>spot</instanceLifecycle>
            <tagSet><item><key>Name</key><value>node &amp; more</value></item></tagSet>
            <networkInterfaceSet>
            <item><subnetId>subnet-2</subnetId><attachment><deviceIndex>1</deviceIndex></attachment>
            <ipv6AddressesSet>
            <item><ipv6Address>fd00::2</ipv6Address><isPrimaryIpv6>true</isPrimaryIpv6></item>
            <item><ipv6Address>fd00::3</ipv6Address><isPrimaryIpv6>false</isPrimaryIpv6></item>
            </ipv6AddressesSet></item>
            <item><subnetId>subnet-1</subnetId><attachment><deviceIndex>0</deviceIndex></attachment></item>
            </networkInterfaceSet></item>
            """)
        let instance = EC2Instance(
            id: "i-1", privateIPv4: "10.0.0.1", publicIPv4: "3.3.3.3", type: "m7g.large",
            subnetID: "subnet-1", vpcID: "vpc-1", tags: ["Name": "node & more"],
            details: EC2InstanceDetails(
                ownerID: "123456789012", imageID: "ami-1", architecture: "arm64",
                availabilityZone: "eu-west-1a", lifecycle: "spot", state: "running", platform: "windows",
                privateDNSName: "ip-10-0-0-1.eu-west-1.compute.internal",
                publicDNSName: "ec2-3-3-3-3.eu-west-1.compute.amazonaws.com",
                interfaces: [
                    .init(
                        subnetID: "subnet-2", deviceIndex: 1,
                        ipv6: [.init("fd00::2", isPrimary: true), .init("fd00::3")]),
                    .init(subnetID: "subnet-1", deviceIndex: 0),
                ]))
        #expect(try read(text) == [instance])
    }

    @Test func whatIsMissingOrEmptyIsNil() throws {
        let text = page(
            "<item><instanceId>i-1</instanceId><privateIpAddress/><dnsName></dnsName><placement/>"
                + "<instanceState/><tagSet><item><key>k</key></item><item><value>v</value></item></tagSet>"
                + "<networkInterfaceSet><item/></networkInterfaceSet></item>"
                + "<item><instanceId/></item><item/>",
            owner: "")
        #expect(
            try read(text) == [EC2Instance(id: "i-1", details: EC2InstanceDetails(interfaces: [.init()]))])
        #expect(try read("<r/>").isEmpty)
        #expect(try read("<r><reservationSet><item/>text</reservationSet></r>").isEmpty)
    }

    @Test(
        arguments: [
            ("0", 0), ("255", 255), ("256", nil), ("-1", nil), ("2147483647", nil),
            ("99999999999999999999", nil), ("", nil), ("eth0", nil),
        ] as [(String, Int?)])
    func aDeviceIndexThatCanBeNoneIsNone(text: String, index: Int?) throws {
        let item =
            "<item><instanceId>i-1</instanceId><networkInterfaceSet><item><attachment><deviceIndex>\(text)"
            + "</deviceIndex></attachment></item></networkInterfaceSet></item>"
        #expect(try read(page(item))[0].details?.interfaces.map(\.deviceIndex) == [index])
    }

    @Test func mutatedAnswersAreSurvived() {
        let text = page(
            "<item><instanceId>i-1</instanceId><vpcId>v</vpcId><privateIpAddress>10.0.0.1</privateIpAddress>"
                + "<networkInterfaceSet><item><subnetId>s</subnetId><attachment><deviceIndex>0</deviceIndex>"
                + "</attachment><ipv6AddressesSet><item><ipv6Address>fd00::1</ipv6Address></item>"
                + "</ipv6AddressesSet></item></networkInterfaceSet></item>")
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var state = seed
        func next(_ limit: Int) -> Int {
            // A linear congruential generator, defined modulo 2^64 (Knuth's MMIX).
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        var isInTag = false
        let original = Array(text.utf8)
        let inTexts = original.indices.filter { index in
            let byte = original[index]
            if byte == UInt8(ascii: "<") { isInTag = true }
            defer { if byte == UInt8(ascii: ">") { isInTag = false } }
            return !isInTag
        }
        var readable = 0
        for round in 0..<2_000 {
            var bytes = Array(text.utf8)
            for _ in 0...next(4) {
                // Every other text stays XML: only what stands between its tags becomes other digits.
                if round % 2 == 0 {
                    bytes[inTexts[next(inTexts.count)]] = UInt8(ascii: "0") + UInt8(next(10))
                    continue
                }
                let at = next(bytes.count)
                switch next(3) {
                case 0: bytes[at] = UInt8(next(256))
                case 1: bytes.remove(at: at)
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + next(40))], at: at)
                }
            }
            // What is no XML any more is refused; what still is gives some instances.
            guard let root = try? XMLReader.parse(bytes) else { continue }
            readable += 1
            #expect(EC2Decoding.instances(root, withDetails: true).allSatisfy { !$0.id.isEmpty })
        }
        #expect(readable >= 1_000 && readable < 2_000)
    }

    @Test func zonesAreReadWithTheirIDs() throws {
        let text = """
            <DescribeAvailabilityZonesResponse><availabilityZoneInfo>
            <item><zoneName>eu-west-1a</zoneName><zoneState>available</zoneState>
            <zoneId>euw1-az3</zoneId></item>
            <item><zoneName>eu-west-1b</zoneName></item><item><zoneId>euw1-az1</zoneId></item>
            </availabilityZoneInfo></DescribeAvailabilityZonesResponse>
            """
        let root = try XMLReader.parse(Array(text.utf8))
        #expect(EC2Decoding.zones(root) == ["eu-west-1a": "euw1-az3"])
    }
}
