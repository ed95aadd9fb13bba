import HTTPTransport
import Logging
import Platform
import Synchronization
import Testing

@testable import AWS

@Suite struct ECSClientTests {
    private struct Keys: CredentialsProvider {
        func credentials() async throws(AWSError) -> Credentials {
            Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
        }
        func reject(_ refused: Credentials) async {}
    }

    /// Answers in the order given and keeps what was asked.
    private final class Answers: HTTPPerforming {
        let state: Mutex<(answers: [String], requests: [HTTPRequest])>

        init(_ answers: [String]) { state = Mutex((answers, [])) }

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            let answer = state.withLock { state in
                state.requests.append(request)
                return state.answers.isEmpty ? "{}" : state.answers.removeFirst()
            }
            return HTTPResponse(status: 200, body: HTTPBody(Array(answer.utf8)))
        }

        var bodies: [String] {
            state.withLock { $0.requests.map { String(decoding: $0.body, as: UTF8.self) } }
        }
    }

    private func client(_ http: Answers) -> ECSClient {
        ECSClient(
            client: AWSClient(
                region: "eu-west-1", credentials: Keys(), http: http, clock: ManualClock(), environment: [:],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func allPagesAreListed() async throws {
        let http = Answers([
            #"{"taskArns":["a","b"],"nextToken":"n1"}"#, #"{"taskArns":["b","c",7],"nextToken":"n2"}"#,
            #"{"taskArns":[],"nextToken":null}"#,
        ])
        #expect(try await client(http).listTasks(cluster: "prod") == ["a", "b", "c"])
        #expect(http.bodies.count == 3)
        #expect(
            http.bodies[0].contains(#""cluster":"prod""#)
                && http.bodies[0].contains(#""desiredStatus":"RUNNING""#))
        #expect(!http.bodies[0].contains("nextToken"))
        #expect(http.bodies[2].contains(#""nextToken":"n2""#))
        let target = http.state.withLock {
            $0.requests[0].headers.first { $0.name.lowercased() == "x-amz-target" }
        }
        #expect(target?.value == "AmazonEC2ContainerServiceV20141113.ListTasks")
    }

    @Test func pagesThatRepeatAreAFault() async {
        let http = Answers(Array(repeating: #"{"taskArns":["a"],"nextToken":"same"}"#, count: 5))
        let error = await #expect(throws: AWSError.self) { try await client(http).listTasks(cluster: "prod") }
        #expect(error?.code == .malformed)
        #expect(http.bodies.count == 2)
    }

    @Test func aTaskIsReadAsTheAPIWritesIt() async throws {
        let http = Answers([
            """
            {"failures":[{"arn":"x","reason":"MISSING"}],"tasks":[{"taskArn":"t","clusterArn":"c",
            "taskDefinitionArn":"d:1","lastStatus":"RUNNING","desiredStatus":"RUNNING",\
            "healthStatus":"UNKNOWN",
            "launchType":"FARGATE","group":"service:web","startedBy":"ecs-svc/1",\
            "availabilityZone":"eu-west-1a",
            "platformFamily":"Linux","platformVersion":"1.4.0","cpu":"256","memory":"512","version":3,
            "createdAt":1.7000000123E9,"overrides":{"containerOverrides":[{"name":"app"}]},
            "containers":[{"containerArn":"ca","name":"app","image":"i","lastStatus":"RUNNING",\
            "networkBindings":[],
            "networkInterfaces":[{"attachmentId":"1","privateIpv4Address":"10.0.0.1"}]}],
            "attachments":[{"id":"1","type":"ElasticNetworkInterface","status":"ATTACHED","details":[
            {"name":"subnetId","value":"s"},{"name":"privateIPv4Address","value":"10.0.0.1"}]}],
            "tags":[{"key":"team","value":"a"}]}]}
            """
        ])
        let page = try await client(http).describeTasks(cluster: "prod", arns: ["t", "x"])
        #expect(
            page
                == ECSTaskPage(tasks: [
                    ECSTask(
                        arn: "t", clusterARN: "c", definitionARN: "d:1", lastStatus: "RUNNING",
                        desiredStatus: "RUNNING", healthStatus: "UNKNOWN", launchType: "FARGATE",
                        group: "service:web",
                        startedBy: "ecs-svc/1", availabilityZone: "eu-west-1a", platformFamily: "Linux",
                        platformVersion: "1.4.0",
                        containers: [.init(name: "app", arn: "ca", image: "i", lastStatus: "RUNNING")],
                        attachments: [
                            .init(
                                type: "ElasticNetworkInterface", status: "ATTACHED",
                                details: ["subnetId": "s", "privateIPv4Address": "10.0.0.1"])
                        ], tags: ["team": "a"])
                ]))
        #expect(http.bodies[0].contains(#""include":["TAGS"]"#))
    }

    @Test func hostileEntriesCostOnlyThemselves() async throws {
        let http = Answers([
            """
            {"tasks":[{"taskArn":"a"},{"taskArn":7},{},null,"x",[],{"taskArn":"b","group":{}},
            {"taskArn":"c","containers":[{"name":"app"},{"name":1},3],\
            "attachments":[null,{"details":[{},{"name":1},
            {"name":"n","value":"v"}]}],"tags":[{"key":"k"}]}]}
            """
        ])
        let page = try await client(http).describeTasks(cluster: "prod", arns: ["a"])
        #expect(page.tasks.map(\.arn) == ["a", "c"])
        #expect(page.unreadable == 6)
        #expect(page.tasks[1].containers == [.init(name: "app")])
        #expect(page.tasks[1].attachments == [.init(details: ["n": "v"])])
        #expect(page.tasks[1].tags.isEmpty)
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"tasks\":3}", "nonsense", "{\"tasks\":[", String(repeating: "[", count: 100_000),
    ])
    func answersThatAreNoneAreFaults(answer: String) async {
        let error = await #expect(throws: AWSError.self) {
            try await client(Answers([answer])).describeTasks(cluster: "prod", arns: ["a"])
        }
        #expect(error?.code == .malformed)
    }

    @Test func definitionsKeepTheirDockerLabels() async throws {
        let http = Answers([
            """
            {"taskDefinition":{"taskDefinitionArn":"d:2","family":"d","revision":2,"networkMode":"awsvpc",
            "containerDefinitions":[{"name":"app","image":"i",\
            "dockerLabels":{"PROMETHEUS_EXPORTER_PORT":"9100","x":1}},
            {"name":"plain"},{"image":"nameless"}]}}
            """
        ])
        #expect(
            try await client(http).describeTaskDefinition("d:2")
                == ECSTaskDefinition(
                    arn: "d:2", family: "d", revision: 2, networkMode: "awsvpc",
                    containers: [
                        .init(name: "app", image: "i", dockerLabels: ["PROMETHEUS_EXPORTER_PORT": "9100"]),
                        .init(name: "plain"),
                    ]))
        #expect(http.bodies == [#"{"taskDefinition":"d:2"}"#])
    }
}
