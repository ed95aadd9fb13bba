import HTTPTransport
import Platform
import TestSupport
import Testing

@testable import AWS

struct TaskMetadataTests {
    static let arn = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef"
    let clock = ManualClock()

    func task(_ http: RoutedHTTP) async throws(AWSError) -> TaskMetadata {
        let environment = ["ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/id/"]
        guard let client = TaskMetadataClient(environment: environment, http: http, clock: clock) else {
            throw AWSError(.malformed, message: "no client", operation: "test")
        }
        let clock = clock
        let mover = Task {
            while !Task.isCancelled {
                if clock.sleeperCount > 0 { clock.advance(ms: 5_000) }
                await Task.yield()
            }
        }
        defer { mover.cancel() }
        return try await client.task()
    }

    @Test func theTaskIsRead() async throws {
        let http = RoutedHTTP { _ throws(HTTPError) in
            answer(
                200,
                "{\"Cluster\":\"prod\",\"TaskARN\":\"\(Self.arn)\",\"Family\":\"narthex\",\"Revision\":\"7\","
                    + "\"AvailabilityZone\":\"eu-west-1b\",\"LaunchType\":\"FARGATE\",\"Containers\":[{}]}")
        }
        let found = try await task(http)
        #expect(http.requests[0].url == "http://169.254.170.2/v4/id/task")
        #expect(found.family == "narthex")
        #expect(found.revision == "7")
        #expect(found.launchType == "FARGATE")
        #expect(found.region == "eu-west-1")
        #expect(found.clusterARN == "arn:aws:ecs:eu-west-1:123456789012:cluster/prod")
    }

    @Test(
        arguments: [
            (arn, "us-east-1-bos-1a", "eu-west-1"), ("task/x", "eu-west-1b", "eu-west-1"),
            ("task/x", "us-east-1-bos-1a", "us-east-1-bos-1"), ("task/x", nil, nil), ("", "", nil),
        ] as [(String, String?, String?)])
    func theARNTellsTheRegionBeforeTheZone(arn: String, zone: String?, region: String?) {
        var task = TaskMetadata(cluster: "c", taskARN: arn, family: "", revision: "")
        task.availabilityZone = zone
        #expect(task.region == region)
    }

    @Test(
        arguments: [
            (arn, nil), ("arn:aws:ecs:eu-west-1:1:task/prod/0123abc", "0123abc"),
            ("arn:aws:ecs:eu-west-1:1:task/0123abc", "0123abc"), ("0123abc", "0123abc"), ("/", "/"),
        ] as [(String, String?)])
    func theIDIsTheEndOfTheARN(arn: String, id: String?) {
        let task = TaskMetadata(cluster: "c", taskARN: arn, family: "", revision: "")
        #expect(task.id == id ?? String(Self.arn.split(separator: "/").last ?? ""))
    }

    @Test func aClustersARNStaysAsItIs() {
        let cluster = "arn:aws-cn:ecs:cn-north-1:1:cluster/c"
        #expect(
            TaskMetadata(cluster: cluster, taskARN: Self.arn, family: "", revision: "").clusterARN == cluster)
    }

    @Test func anEndpointThatComesUpLateIsWaitedFor() async throws {
        let http = RoutedHTTP { _ throws(HTTPError) in throw HTTPError(.connect, "refused") }
        let error = await failure { () async throws(AWSError) in try await task(http) }
        #expect(error?.code == .transport)
        #expect(error?.operation.contains("ECS_CONTAINER_METADATA_URI_V4") == true)
        #expect(http.requests.count == 6)
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"Cluster\":\"\",\"TaskARN\":\"a\"}", "{\"Cluster\":1,\"TaskARN\":2}",
    ])
    func whatNamesNoTaskIsRefused(body: String) async {
        let http = RoutedHTTP { _ throws(HTTPError) in answer(200, body) }
        let error = await failure { () async throws(AWSError) in try await task(http) }
        #expect(error?.code == .malformed)
    }

    @Test func outsideECSThereIsNone() {
        let http = RoutedHTTP { _ throws(HTTPError) in answer(500, "") }
        #expect(TaskMetadataClient(environment: [:], http: http, clock: clock) == nil)
    }
}
