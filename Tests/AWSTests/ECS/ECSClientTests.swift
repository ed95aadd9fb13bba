import HTTPTransport
import Logging
import Platform
import Synchronization
import TestSupport
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
            #"{"taskArns":["a","b"],"nextToken":"n1"}"#, #"{"taskArns":["b","c"],"nextToken":"n2"}"#,
            #"{"taskArns":[],"nextToken":null}"#,
        ])
        let list = await client(http).listTasks(cluster: "prod")
        #expect(list.arns == ["a", "b", "c"] && list.failure == nil)
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

    @Test func whatCannotBeReadMakesAListLessThanWhole() async {
        let http = Answers([#"{"taskArns":["a",7,null],"nextToken":"n1"}"#, #"{"taskArns":["b"]}"#])
        let list = await client(http).listTasks(cluster: "prod")
        #expect(list.arns == ["a", "b"])
        #expect(list.failure?.code == .malformed)
    }

    @Test func pagesThatRepeatAreAFault() async {
        let http = Answers(Array(repeating: #"{"taskArns":["a"],"nextToken":"same"}"#, count: 5))
        let list = await client(http).listTasks(cluster: "prod")
        #expect(list.failure?.code == .malformed)
        #expect(list.arns == ["a"])
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
                == ECSTaskPage(
                    tasks: [
                        ECSTask(
                            arn: "t", clusterARN: "c", definitionARN: "d:1", lastStatus: "RUNNING",
                            desiredStatus: "RUNNING", healthStatus: "UNKNOWN", launchType: "FARGATE",
                            group: "service:web",
                            startedBy: "ecs-svc/1", availabilityZone: "eu-west-1a", platformFamily: "Linux",
                            platformVersion: "1.4.0",
                            containers: [
                                .init(
                                    name: "app", arn: "ca", image: "i", lastStatus: "RUNNING",
                                    interfaces: [.init(privateIPv4: "10.0.0.1")])
                            ],
                            attachments: [
                                .init(
                                    type: "ElasticNetworkInterface", status: "ATTACHED",
                                    details: ["subnetId": "s", "privateIPv4Address": "10.0.0.1"])
                            ], tags: ["team": "a"])
                    ], failures: [ECSFailure(arn: "x", reason: "MISSING")]))
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

    @Test func bindingsAreReadAndNonsenseAmongThemLeftOut() async throws {
        let http = Answers([
            """
            {"tasks":[{"taskArn":"t","containerInstanceArn":"ci","containers":[{"name":"app",\
            "networkBindings":[
            {"bindIP":"0.0.0.0","containerPort":9100,"hostPort":49154,"protocol":"tcp"},
            {"bindIP":"0.0.0.0","containerPortRange":"8000-8010","hostPortRange":"50000-50010"},
            {"containerPort":1,"hostPort":70000},{"containerPort":0,"hostPort":1},
            {"containerPortRange":"8000-8010","hostPortRange":"1-2"},
            {"containerPortRange":"9-1","hostPortRange":"9-1"},{"containerPort":"80"},7,null,{}]}]}]}
            """
        ])
        let task = try await client(http).describeTasks(cluster: "prod", arns: ["t"]).tasks.first
        #expect(task?.containerInstanceARN == "ci")
        #expect(
            task?.containers.first?.bindings == [
                .init(
                    bindIP: "0.0.0.0", containerPorts: 9100...9100, hostPorts: 49_154...49_154,
                    transport: "tcp"),
                .init(bindIP: "0.0.0.0", containerPorts: 8000...8010, hostPorts: 50_000...50_010),
            ])
    }

    @Test func portMappingsAreReadAndNonsenseAmongThemLeftOut() async throws {
        let http = Answers([
            """
            {"taskDefinition":{"taskDefinitionArn":"d:2","containerDefinitions":[{"name":"app",\
            "portMappings":[
            {"containerPort":9113,"hostPort":9113,"protocol":"tcp"},
            {"containerPortRange":"8000-8010","protocol":"tcp"},{"containerPortRange":"9-1"},{},7]}]}}
            """
        ])
        #expect(
            try await client(http).describeTaskDefinition("d:2").containers.first?.portMappings == [
                .init(containerPort: 9113, hostPort: 9113, transport: "tcp"),
                .init(containerPorts: 8000...8010, transport: "tcp"),
            ])
    }

    @Test func aListThatBreaksOffGivesItsFirstPages() async {
        let http = Answers([#"{"taskArns":["a","b"],"nextToken":"n1"}"#, "nonsense"])
        let list = await client(http).listTasks(cluster: "prod")
        #expect(list.arns == ["a", "b"])
        #expect(list.failure?.code == .malformed)
        let clusters = Answers([#"{"clusterArns":["a"],"nextToken":"n1"}"#, "nonsense"])
        let error = await #expect(throws: AWSError.self) { try await client(clusters).listClusters() }
        #expect(error?.code == .malformed)
    }

    @Test func instancesServicesAndClusters() async throws {
        let http = Answers([
            """
            {"containerInstances":[{"containerInstanceArn":"ci","ec2InstanceId":"mi-1","attributes":[
            {"name":"ecs.capability.external"},{"name":"ecs.capability.x","value":"1"},
            {"name":"com.amazonaws.ecs.capability.y","value":"1"},{"name":"narthex.address","value":"a"}],
            "tags":[{"key":"k","value":"v"}]},{"ec2InstanceId":"i-2"}],"failures":[]}
            """,
            """
            {"services":[{"serviceArn":"s","serviceName":"web","status":"ACTIVE",\
            "tags":[{"key":"k","value":"v"}]},{"serviceName":"x"}]}
            """,
            #"{"clusters":[{"clusterArn":"c","clusterName":"prod","status":"ACTIVE","tags":[]}]}"#,
        ])
        let ecs = client(http)
        #expect(
            try await ecs.describeContainerInstances(cluster: "prod", arns: ["ci"]) == [
                .init(
                    arn: "ci", instanceID: "mi-1", attributes: ["narthex.address": "a"], tags: ["k": "v"])
            ])
        #expect(
            try await ecs.describeServices(cluster: "prod", services: ["s"]) == [
                .init(arn: "s", name: "web", status: "ACTIVE", tags: ["k": "v"])
            ])
        #expect(
            try await ecs.describeClusters(["prod"]) == [.init(arn: "c", name: "prod", status: "ACTIVE")])
        #expect(http.bodies.allSatisfy { $0.contains(#""include":["TAGS"]"#) })
    }
}
