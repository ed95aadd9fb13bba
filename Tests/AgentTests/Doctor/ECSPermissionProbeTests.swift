import AWS
import Configuration
import HTTPTransport
import Logging
import Platform
import Synchronization
import Testing

@testable import Agent

struct ECSPermissionProbeTests {
    /// ECS, EC2 and Systems Manager by one address: answers by the call's name, and keeps what was asked.
    private final class Account: HTTPPerforming {
        let answers: [String: (Int, String)]
        let isGone = Mutex(false)
        private let asked = Mutex<[String]>([])

        init(_ answers: [String: (Int, String)]) { self.answers = answers }

        /// `ListTasks {"cluster":…}` for each call.
        var calls: [String] { asked.withLock { $0 } }

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            guard !isGone.withLock({ $0 }) else { throw HTTPError(.tls, "on cue") }
            let target = HTTPHeaders(request.headers)["X-Amz-Target"]?.split(separator: ".").last
            let body = String(decoding: request.body, as: UTF8.self)
            let form = body.split(separator: "&").first.map { $0.dropFirst("Action=".count) }
            let name = String(target ?? form ?? "")
            asked.withLock { $0.append("\(name) \(body)") }
            let type = body.contains(#""launchType":"EC2""#) ? "ListTasks.EC2" : name
            let (status, text) = answers[type] ?? answers[name] ?? (200, "{}")
            return HTTPResponse(status: status, body: HTTPBody(Array(text.utf8)))
        }
    }

    private struct Keys: CredentialsProvider {
        func credentials() async throws(AWSError) -> Credentials {
            Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
        }

        func reject(_ refused: Credentials) async {}
    }

    private static let denied = (400, #"{"__type":"AccessDeniedException","message":"not authorized"}"#)
    private static let nothing: [String: (Int, String)] = [
        "ListClusters": (200, #"{"clusterArns":["arn:aws:ecs:r:1:cluster/shop"]}"#),
        "ListTasks": (200, #"{"taskArns":[]}"#),
        "DescribeTasks": (200, #"{"tasks":[],"failures":[{"reason":"MISSING"}]}"#),
        "DescribeTaskDefinition": (400, #"{"__type":"ClientException","message":"Unable to describe"}"#),
        "DescribeServices": (200, #"{"services":[],"failures":[{"reason":"MISSING"}]}"#),
        "DescribeClusters": (200, #"{"clusters":[]}"#),
    ]

    private func facts(
        _ account: Account, own: String? = nil, _ change: (inout ECSSDConfiguration) -> Void = { _ in }
    ) async -> [ECSCallFacts] {
        var entry = ECSSDConfiguration(clusters: ["shop"])
        change(&entry)
        let client = AWSClient(
            region: "eu-west-1", credentials: Keys(), http: account, clock: SystemClock(), environment: [:],
            endpoint: "http://h", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var facts: [ECSCallFacts] = []
        await ECSPermissionProbe(entry: entry, ecs: client, others: client, ownCluster: own).run {
            facts.append($0)
        }
        return facts
    }

    @Test func anEmptyClusterIsAskedAboutWhatIsNotThere() async {
        let account = Account(Self.nothing)
        let found = await facts(account)
        #expect(found.map(\.operation) == [.listTasks, .describeTasks, .describeTaskDefinition])
        #expect(found.allSatisfy { $0.error == nil && $0.cluster == "shop" })
        #expect(account.calls[0].contains(#""maxResults":1"#) && account.calls.count == 3)
    }

    @Test func onlyWhatTheEntryNeedsIsAsked() async {
        let account = Account(Self.nothing)
        let all = await facts(account) { entry in
            entry.clusters = ["*"]
            entry.describesServices = true
            entry.describesClusters = true
            entry.port = 9_100
        }
        #expect(
            all.map(\.operation)
                == [.listClusters, .listTasks, .describeTasks, .describeServices, .describeClusters])
        let own = await facts(account, own: "arn:aws:ecs:r:1:cluster/mine") { $0.clusters = [] }
        #expect(own.first?.operation == .listTasks && own.first?.cluster == "mine")
        let outside = await facts(account) { $0.clusters = [] }
        #expect(outside.first?.operation == .listClusters)
    }

    @Test func tasksOnMachinesNeedMoreCalls() async {
        let task = #""containerInstanceArn":"arn:aws:ecs:r:1:container-instance/shop/a""#
        var answers = Self.nothing
        answers["ListTasks"] = (200, #"{"taskArns":["arn:aws:ecs:r:1:task/shop/fargate"]}"#)
        answers["ListTasks.EC2"] = (200, #"{"taskArns":["arn:aws:ecs:r:1:task/shop/ec2"]}"#)
        answers["DescribeTasks"] = (
            200,
            #"{"tasks":[{"taskArn":"a","launchType":"FARGATE"},{"taskArn":"b","launchType":"EC2",\#(task)},"#
                + #"{"taskArn":"c","launchType":"EXTERNAL",\#(task)}]}"#
        )
        answers["DescribeContainerInstances"] = (
            200,
            #"{"containerInstances":[{"containerInstanceArn":"a","ec2InstanceId":"i-1"},"#
                + #"{"containerInstanceArn":"b","ec2InstanceId":"mi-1"}]}"#
        )
        answers["DescribeInstances"] = (
            403,
            "<R><Errors><Error><Code>UnauthorizedOperation</Code>"
                + "<Message>no</Message></Error></Errors></R>"
        )
        let account = Account(answers)
        let found = await facts(account)
        #expect(
            found.map(\.operation) == [
                .listTasks, .describeTasks, .describeTaskDefinition, .describeContainerInstances,
                .describeInstances, .describeInstanceInformation,
            ])
        #expect(found.map { $0.error?.missingAction } == [nil, nil, nil, nil, "ec2:DescribeInstances", nil])
        #expect(account.calls.contains { $0.hasPrefix("DescribeTasks") && $0.contains("task/shop/ec2") })
        #expect(account.calls.contains { $0.hasPrefix("DescribeInstances") && $0.contains("i-1") })
    }

    @Test func aRefusalIsKeptAndTheRestIsAsked() async {
        var answers = Self.nothing
        answers["ListTasks"] = Self.denied
        answers["DescribeTaskDefinition"] = Self.denied
        let found = await facts(Account(answers))
        #expect(
            found.map { $0.error?.missingAction } == ["ecs:ListTasks", nil, "ecs:DescribeTaskDefinition"])
    }

    /// Each call to an endpoint that drops packets waits as long as the one before.
    @Test func whoIsNotReachedIsAskedOnce() async {
        let gone = Account(Self.nothing)
        gone.isGone.withLock { $0 = true }
        let found = await facts(gone) { $0.clusters = ["a", "b"] }
        #expect(found.map { $0.error?.code } == [.transport] && found[0].cluster == "a")
    }

    @Test func aClusterThatIsNotThereIsAskedNoFurther() async {
        var answers = Self.nothing
        answers["ListTasks"] = (400, #"{"__type":"ClusterNotFoundException","message":"none"}"#)
        #expect(await facts(Account(answers)).map { $0.error?.code } == [.notFound])
    }

    @Test func anAnswerThatIsNoListIsSaid() async {
        for text in ["{}", "<html>"] {
            var answers = Self.nothing
            answers["ListTasks"] = (200, text)
            #expect(await facts(Account(answers)).first?.error?.code == .malformed)
        }
    }
}
