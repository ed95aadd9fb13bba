import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

@Suite struct EC2ClientTests {
    private func client(_ answers: [ScriptedHTTP.Answer]) -> (ec2: EC2Client, http: ScriptedHTTP) {
        let http = ScriptedHTTP(answers)
        let client = AWSClient(
            region: "eu-west-1", credentials: CountingCredentials(), http: http, clock: ManualClock(),
            environment: [:], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return (EC2Client(client: client), http)
    }

    private let page = """
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet>
        <item><instancesSet><item><instanceId>i-1</instanceId><privateIpAddress>10.1.0.1</privateIpAddress>
        <ipAddress>3.3.3.3</ipAddress><instanceType>m7g.large</instanceType><subnetId>subnet-1</subnetId>
        <vpcId>vpc-1</vpcId><tagSet><item><key>Name</key><value>node</value></item>
        <item><key>empty</key><value/></item></tagSet><networkInterfaceSet>
        <item><attachment><deviceIndex>1</deviceIndex></attachment><ipv6AddressesSet>
        <item><ipv6Address>fd00::2</ipv6Address></item></ipv6AddressesSet></item>
        <item><attachment><deviceIndex>0</deviceIndex></attachment><ipv6AddressesSet>
        <item><ipv6Address>fd00::1</ipv6Address></item></ipv6AddressesSet></item></networkInterfaceSet>
        </item></instancesSet></item><item><instancesSet><item><instanceId>i-2</instanceId></item>
        <item><other/></item></instancesSet></item></reservationSet></DescribeInstancesResponse>
        """

    @Test func instancesAreReadAsTheAPIWritesThem() async throws {
        let (ec2, http) = client([.status(200, page)])
        #expect(
            try await ec2.describeInstances(["i-1", "i-2", "i-gone"]) == [
                .init(
                    id: "i-1", privateIPv4: "10.1.0.1", publicIPv4: "3.3.3.3", ipv6: "fd00::1",
                    type: "m7g.large", subnetID: "subnet-1", vpcID: "vpc-1",
                    tags: ["Name": "node", "empty": ""]),
                .init(id: "i-2"),
            ])
        let body = String(decoding: http.requests[0].body, as: UTF8.self)
        #expect(
            body == "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=instance-id"
                + "&Filter.1.Value.1=i-1&Filter.1.Value.2=i-2&Filter.1.Value.3=i-gone")
    }

    @Test func interfacesAreReadWithTheirPublicAddresses() async throws {
        let answer = """
            <?xml version="1.0" encoding="UTF-8"?>
            <DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>
            <privateIpAddress>10.0.0.1</privateIpAddress><association><ipOwnerId>amazon</ipOwnerId>
            <publicIp>3.4.5.6</publicIp></association></item>
            <item><networkInterfaceId>eni-2</networkInterfaceId>
            <association><publicIp/></association></item><item><status>in-use</status></item>
            </networkInterfaceSet></DescribeNetworkInterfacesResponse>
            """
        let (ec2, http) = client([.status(200, answer)])
        #expect(
            try await ec2.describeNetworkInterfaces(["eni-1", "eni-2"]) == [
                .init(id: "eni-1", publicIPv4: "3.4.5.6"), .init(id: "eni-2"),
            ])
        let body = String(decoding: http.requests[0].body, as: UTF8.self)
        #expect(
            body == "Action=DescribeNetworkInterfaces&Version=2016-11-15&Filter.1.Name=network-interface-id"
                + "&Filter.1.Value.1=eni-1&Filter.1.Value.2=eni-2")
    }

    @Test func furtherPagesAreAskedFor() async throws {
        let first =
            "<r><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId></item></instancesSet>"
            + "</item></reservationSet><nextToken>n 1</nextToken></r>"
        let (ec2, http) = client([.status(200, first), .status(200, "<r/>")])
        #expect(try await ec2.describeInstances(["i-1"]).map(\.id) == ["i-1"])
        #expect(String(decoding: http.requests[1].body, as: UTF8.self).hasSuffix("&NextToken=n%201"))
    }

    @Test func allInstancesAreListedByFiltersPageByPage() async throws {
        func instance(_ id: String) -> String {
            "<r><reservationSet><item><ownerId>1</ownerId><instancesSet><item><instanceId>\(id)</instanceId>"
                + "</item></instancesSet></item></reservationSet>"
        }
        let (ec2, http) = client([
            .status(200, instance("i-1") + "<nextToken>t/1</nextToken></r>"),
            .status(200, "<r><reservationSet/><nextToken>t/2</nextToken></r>"),
            .status(200, instance("i-2") + "<nextToken/></r>"),
        ])
        let filters = [
            EC2Filter(name: "tag:Team", values: ["a b", "c"]),
            EC2Filter(name: "instance-state-name", values: ["running"]),
        ]
        let found = try await ec2.listInstances(filters)
        #expect(found.map(\.id) == ["i-1", "i-2"])
        #expect(found.map { $0.details?.ownerID } == ["1", "1"])
        let first =
            "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3ATeam&Filter.1.Value.1=a%20b"
            + "&Filter.1.Value.2=c&Filter.2.Name=instance-state-name&Filter.2.Value.1=running&MaxResults=500"
        #expect(
            http.requests.map { String(decoding: $0.body, as: UTF8.self) } == [
                first, first + "&NextToken=t%2F1", first + "&NextToken=t%2F2",
            ])
    }

    @Test func theIDsOfZonesAreAskedForAtOnce() async throws {
        let answer =
            "<r><availabilityZoneInfo><item><zoneName>a</zoneName><zoneId>z</zoneId></item>"
            + "</availabilityZoneInfo></r>"
        let (ec2, http) = client([.status(200, answer)])
        #expect(try await ec2.availabilityZoneIDs() == ["a": "z"])
        #expect(
            String(decoding: http.requests[0].body, as: UTF8.self)
                == "Action=DescribeAvailabilityZones&Version=2016-11-15")
    }

    @Test(arguments: [
        ("<r><nextToken>same</nextToken></r>", "never end"), ("<r><reservationSet>", "not the XML expected"),
        ("<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>", "document type"), ("{}", "not the XML expected"),
        (String(repeating: "<a>", count: 100), "deeper than 64"),
    ])
    func hostileAnswersAreRefused(answer: String, message: String) async {
        let (ec2, _) = client([.status(200, answer)])
        let error = await failure { () throws(AWSError) in try await ec2.listInstances([]) }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test func aListIsBoundedInWhatItTakes() async {
        let value = String(repeating: "v", count: 9 << 20)
        let answers = (0..<20).map { number in
            ScriptedHTTP.Answer.status(
                200,
                "<r><reservationSet><item><instancesSet><item><instanceId>i-\(number)</instanceId><tagSet>"
                    + "<item><key>k</key><value>\(value)</value></item></tagSet></item></instancesSet></item>"
                    + "</reservationSet><nextToken>\(number)</nextToken></r>")
        }
        let (ec2, http) = client(answers)
        let error = await failure { () throws(AWSError) in try await ec2.listInstances([]) }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains("take fewer by filters") == true)
        #expect(http.requests.count == 8)
    }

    @Test func throttlingIsKnownAsSuch() async {
        let refusal =
            "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>m</Message></Error></Errors>"
            + "</Response>"
        let http = ScriptedHTTP([.status(503, refusal)])
        let client = AWSClient(
            region: "eu-west-1", credentials: CountingCredentials(), http: http, clock: SystemClock(),
            settings: .known(EndpointSettings(environment: [:])), endpoint: nil,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            random: { 0 })
        let error = await failure { () throws(AWSError) in
            try await EC2Client(client: client).describeInstances(["i-1"])
        }
        #expect(error?.code == .throttled)
    }
}
