import AWS
import FoundationEssentials
import HTTPTransport
import Logging
import Platform
import StandIns
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StandInECSTests {
    private static let key = Credentials(accessKeyID: "AKID", secretAccessKey: "secret")

    private struct FixedCredentials: CredentialsProvider {
        let fixed: Credentials
        func credentials() async throws(AWSError) -> Credentials { fixed }
        func reject(_ refused: Credentials) async {}
    }

    private struct Answer: Decodable {
        struct Task: Decodable {
            struct Attachment: Decodable {
                struct Detail: Decodable {
                    let name: String
                    let value: String
                }
                let type: String
                let status: String
                let details: [Detail]
            }
            struct Container: Decodable {
                let name: String
                let lastStatus: String
            }
            let taskArn: String
            let group: String
            let launchType: String
            let taskDefinitionArn: String
            let attachments: [Attachment]
            let containers: [Container]
        }
        struct Failure: Decodable {
            let arn: String
            let reason: String
        }
        struct Definition: Decodable {
            struct Container: Decodable {
                let name: String
                let dockerLabels: [String: String]?
            }
            let family: String
            let containerDefinitions: [Container]
        }
        let clusterArns: [String]?
        let taskArns: [String]?
        let nextToken: String?
        let tasks: [Task]?
        let failures: [Failure]?
        let taskDefinition: Definition?
    }

    private let http = TestClient().http

    private func call(
        _ api: StandInECS, _ operation: String, _ body: String, key: Credentials = key
    ) async throws(AWSError) -> Answer {
        let client = AWSClient(
            region: "eu-west-1", credentials: FixedCredentials(fixed: key), http: http, clock: SystemClock(),
            environment: [:], endpoint: api.url, logger: Logger(label: "test"))
        let bytes = try await client.json(service: .ecs, operation: operation, body: Array(body.utf8))
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(bytes))
        } catch {
            throw AWSError(.malformed, message: "\(error)", operation: operation)
        }
    }

    private func places(_ count: Int) -> [ExporterPlace] {
        (0..<count).map { ExporterPlace(host: "127.1.0.\($0 + 1)", port: 9_100, path: "/metrics") }
    }

    private func withECS(
        tasks: Int = 5, pageLimit: Int = 100, _ run: (StandInECS) async throws -> Void
    ) async throws {
        let api = try await StandInECS.start(
            ECSConfiguration(credentials: Self.key, pageLimit: pageLimit),
            world: .fargate(cluster: "demo", places: places(tasks), tasksEach: 2))
        do {
            try await run(api)
        } catch {
            await api.stop()
            throw error
        }
        await api.stop()
    }

    @Test func aClusterIsWalkedFromItsNameToItsLabels() async throws {
        try await withECS { api async throws in
            let clusters = try await call(api, "ListClusters", "{}")
            #expect(clusters.clusterArns == ["arn:aws:ecs:eu-west-1:123456789012:cluster/demo"])
            let listed = try await call(api, "ListTasks", "{\"cluster\":\"demo\"}")
            let arns = try #require(listed.taskArns)
            #expect(arns.count == 5)
            #expect(listed.nextToken == nil)
            let wanted = arns.map { "\"\($0)\"" }.joined(separator: ",")
            let described = try await call(
                api, "DescribeTasks",
                "{\"cluster\":\"\(clusters.clusterArns?[0] ?? "")\",\"tasks\":[\(wanted)]}")
            let tasks = try #require(described.tasks)
            #expect(tasks.map(\.taskArn) == arns)
            #expect(tasks[0].launchType == "FARGATE")
            #expect(tasks[4].group == "service:service-2")
            #expect(tasks[0].containers.map(\.name) == ["app", "log-router"])
            #expect(tasks[1].attachments[0].status == "ATTACHED")
            let addresses = tasks.compactMap {
                $0.attachments[0].details.first { $0.name == "privateIPv4Address" }?.value
            }
            #expect(addresses == places(5).map(\.host))
            let definition = try await call(
                api, "DescribeTaskDefinition", "{\"taskDefinition\":\"\(tasks[0].taskDefinitionArn)\"}")
            let containers = try #require(definition.taskDefinition?.containerDefinitions)
            #expect(containers[0].dockerLabels?["PROMETHEUS_EXPORTER_PORT"] == "9100")
            #expect(containers[0].dockerLabels?["PROMETHEUS_EXPORTER_JOB_NAME"] == "service-0")
            #expect(containers[1].dockerLabels == nil)
            #expect(api.signaturesChecked == 4)
            #expect(
                api.calls == [
                    "ListClusters": 1, "ListTasks": 1, "DescribeTasks": 1, "DescribeTaskDefinition": 1,
                ])
        }
    }

    @Test func pagesAreWalkedToTheEnd() async throws {
        try await withECS(tasks: 7, pageLimit: 3) { api async throws in
            var token: String?
            var arns: [String] = []
            var pages = 0
            repeat {
                let next = token.map { ",\"nextToken\":\"\($0)\"" } ?? ""
                let page = try await call(api, "ListTasks", "{\"cluster\":\"demo\"\(next)}")
                arns += page.taskArns ?? []
                token = page.nextToken
                pages += 1
            } while token != nil
            #expect(pages == 3)
            #expect(Set(arns).count == 7)
        }
    }

    @Test func filtersAndStatesHold() async throws {
        try await withECS { api async throws in
            api.update { $0.clusters[0].tasks[0].desiredStatus = "STOPPED" }
            let count = { (body: String) async throws in
                try await call(api, "ListTasks", "{\"cluster\":\"demo\"\(body)}").taskArns?.count
            }
            #expect(try await count("") == 4)
            #expect(try await count(",\"desiredStatus\":\"STOPPED\"") == 1)
            #expect(try await count(",\"serviceName\":\"service-1\"") == 2)
            #expect(try await count(",\"family\":\"service-2\"") == 1)
            #expect(try await count(",\"launchType\":\"EC2\"") == 0)
            #expect(try await count(",\"maxResults\":2") == 2)
        }
    }

    @Test func missingTasksAreFailuresAndNotErrors() async throws {
        try await withECS { api async throws in
            let body = "{\"cluster\":\"demo\",\"tasks\":[\"nothing\",\"00000000000000000000000000000001\"]}"
            let answer = try await call(api, "DescribeTasks", body)
            #expect(answer.tasks?.count == 1)
            #expect(answer.failures?.first?.reason == "MISSING")
        }
    }

    @Test func limitsOfTheAPIHold() async throws {
        try await withECS { api async throws in
            let many = (0..<101).map { "\"\($0)\"" }.joined(separator: ",")
            for (operation, body, code) in [
                ("DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\(many)]}", "InvalidParameterException"),
                ("DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[]}", "InvalidParameterException"),
                ("ListTasks", "{\"cluster\":\"demo\",\"maxResults\":101}", "InvalidParameterException"),
                ("ListTasks", "{\"cluster\":\"demo\",\"nextToken\":\"x\"}", "InvalidParameterException"),
                ("DescribeTaskDefinition", "{\"taskDefinition\":\"none:1\"}", "ClientException"),
                ("RunTask", "{}", "UnknownOperationException"),
                ("DescribeServices", "{\"cluster\":\"demo\"}", "InvalidParameterException"),
                ("ListTasks", "[", "SerializationException"),
            ] {
                let error = await #expect(throws: AWSError.self) { _ = try await call(api, operation, body) }
                #expect(error?.code == .service(code), "\(operation) \(body.prefix(60))")
            }
            let error = await #expect(throws: AWSError.self) {
                _ = try await call(api, "ListTasks", "{\"cluster\":\"other\"}")
            }
            #expect(error?.code == .notFound)
            await #expect(throws: AWSError.self) { _ = try await call(api, "ListTasks", "{}") }
        }
    }

    @Test func aWrongSecretIsRefused() async throws {
        try await withECS { api async throws in
            let wrong = Credentials(accessKeyID: "AKID", secretAccessKey: "wrong")
            await #expect(throws: AWSError.self) { _ = try await call(api, "ListClusters", "{}", key: wrong) }
            #expect(api.signaturesRefused >= 1)
            #expect(api.signaturesChecked == 0)
        }
    }

    @Test func faultsComeOnCueAndGo() async throws {
        try await withECS { api async throws in
            api.setFault(.accessDenied, operation: "ListTasks")
            let error = await #expect(throws: AWSError.self) {
                _ = try await call(api, "ListTasks", "{\"cluster\":\"demo\"}")
            }
            #expect(error?.code == .accessDenied)
            #expect(try await call(api, "ListClusters", "{}").clusterArns?.count == 1)
            // One throttled and one failed call are what the client tries again.
            api.setFault(.throttling, operation: "ListTasks", calls: 1)
            #expect(try await call(api, "ListTasks", "{\"cluster\":\"demo\"}").taskArns?.count == 5)
            api.setFault(.serverError, calls: 1)
            #expect(try await call(api, "ListTasks", "{\"cluster\":\"demo\"}").taskArns?.count == 5)
            api.setFault(.garbage)
            await #expect(throws: AWSError.self) { _ = try await call(api, "ListClusters", "{}") }
            api.setFault(nil)
            #expect(try await call(api, "ListClusters", "{}").clusterArns?.count == 1)
        }
    }

    @Test func anotherProcessChangesTheWorld() async throws {
        try await withECS { api async throws in
            let client = TestClient()
            let world = try await client.get(api.url + "/world").text
            #expect(world.contains("\"family\":\"service-0\""))
            let smaller = "{\"clusters\":[{\"name\":\"demo\",\"tasks\":[]}],\"definitions\":[]}"
            #expect(try await client.post(api.url + "/world", json: smaller).status == 200)
            #expect(try await call(api, "ListTasks", "{\"cluster\":\"demo\"}").taskArns == [])
            #expect(try await client.post(api.url + "/world", json: "{}").status == 400)
            #expect(try await client.post(api.url + "/fault", json: "{\"fault\":\"fire\"}").status == 400)
            #expect(try await client.get(api.url + "/stats").text.contains("\"ListTasks\":1"))
        }
    }
}
