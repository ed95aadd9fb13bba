import AWS
import HTTPTransport
import Synchronization

/// AWS' answers as they were recorded, and the same with something wrong in them.
final class HostileAWS: HTTPPerforming {
    /// A generator that repeats: xorshift64*.
    struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 2_685_821_657_736_338_717
        }
    }

    private struct State {
        var dice: Dice
        var isHostile = false
        var calls: [String: Int] = [:]
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(dice: Dice(state: seed | 1))) }

    /// By operation, all since the beginning.
    var calls: [String: Int] { state.withLock { $0.calls } }

    func setHostile(_ isHostile: Bool) { state.withLock { $0.isHostile = isHostile } }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let target = request.headers.first { $0.name.lowercased() == "x-amz-target" }?.value
        let form = String(decoding: request.body.prefix(64), as: UTF8.self)
        let name =
            target.map { String($0.split(separator: ".").last ?? "") }
            ?? String(form.dropFirst("Action=".count).prefix { $0 != "&" })
        guard let recorded = Self.recorded[name] else { throw HTTPError(.badURL, "no answer of \(name)") }
        let body = state.withLock { state in
            state.calls[name, default: 0] += 1
            guard state.isHostile, state.dice.next() % 4 != 0 else { return Array(recorded.utf8) }
            var bytes = Array(recorded.utf8)
            for _ in 0...Int(state.dice.next() % 3) { Self.mutate(&bytes, &state.dice) }
            return bytes
        }
        return HTTPResponse(status: 200, body: HTTPBody(body))
    }

    private static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &dice)
        switch dice.next() % 6 {
        case 0: bytes.removeSubrange(place...)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &dice)
        case 2:
            let end = min(bytes.count, place + Int.random(in: 1...200, using: &dice))
            bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &dice))
        case 3:
            bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &dice)))
        default: replaceValue(in: &bytes, from: place, &dice)
        }
    }

    /// Puts something else in the place of a value: what stands behind the next `:`, `,`, `[` or `>`.
    private static func replaceValue(in bytes: inout [UInt8], from place: Int, _ dice: inout Dice) {
        let begins = Set(":,[>".utf8)
        let ends = Set(",]}<".utf8)
        guard let before = bytes[place...].firstIndex(where: begins.contains) else { return }
        let start = before + 1
        let end = bytes[start...].firstIndex(where: ends.contains) ?? bytes.count
        guard let text = values.randomElement(using: &dice) else { return }
        bytes.replaceSubrange(start..<end, with: text)
    }

    private static let values: [[UInt8]] =
        [
            "null", "{}", "[]", "true", "-1", "0", "0.5", "1e400", "-1e400", "18446744073709551616",
            "9223372036854775808", "65536", "70000", "1E5", "NaN", "\"\"", "\"\\u0000\"", "\"\\ud800\"",
            "\"-\"", "\"1-2-3\"", "\"99999-1\"", "\"9223372036854775807-9223372036854775807\"",
            "\"0-65535\"", "\"eu-west-1:::::\"", "\"service:\"", "\"/\"", "\":\"", "\"mi-\"", "\"i-\"",
            "[[]]", "{\"a\":{\"b\":[]}}", "\"STOPPED\"", "\"none\"", "\"9100,9200;9300\"", "&lt;", "&#0;",
            "<!DOCTYPE a [<!ENTITY b \"c\">]>", "<item>", "</item>", "<![CDATA[]]>",
        ].map { Array($0.utf8) } + [
            Array(repeating: UInt8(ascii: "["), count: 5_000),
            Array(String(repeating: "{\"a\":", count: 3_000).utf8),
            Array(String(repeating: "<a>", count: 3_000).utf8),
            [0x22] + Array(repeating: UInt8(ascii: "x"), count: 300_000) + [0x22],
            [0x22, 0xFF, 0xFE, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x00],
            Array(repeating: UInt8(ascii: "9"), count: 5_000),
        ]
}

extension HostileAWS {
    private static let arn = "arn:aws:ecs:eu-west-1:123456789012"

    /// A Fargate task, one in bridge mode on EC2, and one outside AWS.
    private static let recorded = [
        "ListClusters": #"{"clusterArns":["\#(arn):cluster/prod"]}"#,
        "ListTasks":
            """
        {"taskArns":["\(arn):task/prod/1","\(arn):task/prod/2","\(arn):task/prod/3"],
        "nextToken":null}
        """,
        "DescribeTasks": #"{"failures":[],"tasks":[\#(fargate),\#(machine(2)),\#(machine(3))]}"#,
        "DescribeTaskDefinition": """
        {"taskDefinition":{"taskDefinitionArn":"\(arn):task-definition/web:1","family":"web","revision":1,
        "networkMode":"bridge","containerDefinitions":[{"name":"app","image":"i","dockerLabels":{
        "PROMETHEUS_EXPORTER_PORT":"9100","PROMETHEUS_EXPORTER_PATH":"/m"},"portMappings":[
        {"containerPort":9100,"hostPort":0,"protocol":"tcp"}]}]}}
        """,
        "DescribeContainerInstances": """
        {"containerInstances":[{"containerInstanceArn":"ci2","ec2InstanceId":"i-2","attributes":[
        {"name":"a","value":"b"}]},{"containerInstanceArn":"ci3","ec2InstanceId":"mi-3","tags":[]}]}
        """,
        "DescribeServices": """
        {"services":[{"serviceArn":"\(arn):service/prod/web","serviceName":"web","status":"ACTIVE",
        "tags":[{"key":"k","value":"v"}]}]}
        """,
        "DescribeClusters": """
        {"clusters":[{"clusterArn":"\(arn):cluster/prod","clusterName":"prod","status":"ACTIVE","tags":[]}]}
        """,
        "DescribeInstances": """
        <?xml version="1.0" encoding="UTF-8"?><DescribeInstancesResponse><reservationSet><item><instancesSet>
        <item><instanceId>i-2</instanceId><privateIpAddress>10.1.0.2</privateIpAddress><tagSet><item>
        <key>Name</key><value>n</value></item></tagSet></item></instancesSet></item></reservationSet>
        </DescribeInstancesResponse>
        """,
        "DescribeNetworkInterfaces": """
        <DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-1
        </networkInterfaceId><association><publicIp>3.3.3.3</publicIp></association></item>
        </networkInterfaceSet></DescribeNetworkInterfacesResponse>
        """,
        "DescribeInstanceInformation":
            """
        {"InstanceInformationList":[{"InstanceId":"mi-3","IPAddress":"192.168.0.3",
        "PingStatus":"Online"}]}
        """,
    ]

    private static func task(_ number: Int, _ rest: String) -> String {
        """
        {"taskArn":"\(arn):task/prod/\(number)","clusterArn":"\(arn):cluster/prod","lastStatus":"RUNNING",
        "desiredStatus":"RUNNING","taskDefinitionArn":"\(arn):task-definition/web:1","group":"service:web",
        "version":3,"createdAt":1.7E9,"tags":[{"key":"team","value":"a"}],\(rest)}
        """
    }

    /// With an interface of its own; the definition's mode is another, as a number of addresses is to be had.
    private static let fargate = task(
        1,
        """
        "launchType":"FARGATE","attachments":[{"type":"ElasticNetworkInterface",
        "status":"ATTACHED","details":[
        {"name":"networkInterfaceId","value":"eni-1"},{"name":"privateIPv4Address","value":"10.0.0.1"}]}],
        "containerInstanceArn":"ci2","containers":[{"name":"app","containerArn":"c1","networkBindings":[
        {"bindIP":"0.0.0.0","containerPort":9100,"hostPort":32001,"protocol":"tcp"}],
        "networkInterfaces":[{"privateIpv4Address":"10.0.0.1","ipv6Address":"fd00::1"}]}]
        """)

    private static func machine(_ number: Int) -> String {
        task(
            number,
            """
            "launchType":"EC2","containerInstanceArn":"ci\(number)","containers":[{"name":"app",
            "networkBindings":[{"bindIP":"0.0.0.0","containerPortRange":"9000-9200","hostPortRange":
            "3\(number)000-3\(number)200","protocol":"tcp"}]}]
            """)
    }
}
