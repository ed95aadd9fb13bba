import HTTPTransport
import Platform
import Telemetry
import TestSupport
import Testing

@testable import AWS

@Suite struct AccountPaceTests {
    private func request(_ operation: String) -> HTTPRequest {
        HTTPRequest(
            method: .post, url: "http://127.0.0.1/",
            headers: [
                HTTPHeader(name: "X-Amz-Target", value: "AmazonEC2ContainerServiceV20141113.\(operation)")
            ])
    }

    /// What ECS answers to who asks in this account.
    private func account(_ number: String) -> ScriptedHTTP {
        ScriptedHTTP([.status(200, #"{"taskArns":["arn:aws:ecs:r:\#(number):task/prod/1"]}"#)])
    }

    private let burst = 50

    /// True when one more call has to wait.
    private func isHeldBack(_ way: any HTTPPerforming, _ clock: ManualClock) async -> Bool {
        let late = Task { try await way.perform(request("ListTasks")) }
        for _ in 0..<100_000 where clock.sleeperCount == 0 { await Task.yield() }
        let isHeldBack = clock.sleeperCount > 0
        late.cancel()
        _ = await late.result
        return isHeldBack
    }

    @Test func twoWaysIntoOneAccountShareItsBuckets() async throws {
        let clock = ManualClock()
        let pacers = CallPacers(clock: clock, registry: MetricRegistry())
        let answers = account("111111111111")
        let ways = (0..<2).map { _ in pacers.pace(region: "r", account: nil).paced(answers) }
        // The first call of a way is made before its account is known, and counted as soon as it is.
        for index in 0..<burst { _ = try await ways[index % 2].perform(request("ListTasks")) }
        for way in ways { #expect(await isHeldBack(way, clock)) }
        #expect(answers.requests.count == burst)
    }

    @Test func accountsAndRegionsHaveBucketsOfTheirOwn() async throws {
        let clock = ManualClock()
        let pacers = CallPacers(clock: clock, registry: MetricRegistry())
        // The first is known by its role.
        let ways = [
            pacers.pace(region: "r", account: "111111111111").paced(account("111111111111")),
            pacers.pace(region: "r", account: nil).paced(account("222222222222")),
            pacers.pace(region: "s", account: nil).paced(account("111111111111")),
        ]
        for way in ways {
            for _ in 0..<burst { _ = try await way.perform(request("ListTasks")) }
        }
        #expect(clock.sleeperCount == 0)
        // One more into the first account is held back, by whichever way it is asked.
        let profile = pacers.pace(region: "r", account: nil).paced(account("111111111111"))
        _ = try await profile.perform(request("ListTasks"))
        #expect(await isHeldBack(profile, clock))
    }

    @Test func whoIsNotKnownYetSharesOneBucket() async throws {
        let clock = ManualClock()
        let pacers = CallPacers(clock: clock, registry: MetricRegistry())
        let empty = ScriptedHTTP([.status(200, #"{"taskArns":[]}"#)])
        for _ in 0..<burst {
            _ = try await pacers.pace(region: "r", account: nil).paced(empty).perform(request("ListTasks"))
        }
        #expect(await isHeldBack(pacers.pace(region: "r", account: nil).paced(empty), clock))
    }

    @Test(
        arguments: [
            (#"{"clusterArns":["arn:aws-cn:ecs:cn-north-1:123456789012:cluster/a"]}"#, "123456789012"),
            (
                #"{"tasks":[{"attachments":[],"taskArn":"arn:aws:ecs:r:000000000001:task/x"}]}"#,
                "000000000001"
            ),
            (
                #"{"a":"arn:aws:iam::123456789012:role/x","b":"arn:aws:ecs:r:210987654321:task/x"}"#,
                "210987654321"
            ),
            (#"{"taskArns":["arn:aws:ecs:r:12345678901:task/x","arn:aws:ecs:r:12345678901a:task/x"]}"#, nil),
            (#"{"taskArns":["arn:","arn:::::","arn"]}"#, nil), ("", nil), ("\u{FFFD}\"arn:aws:ecs", nil),
            ("<r><item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId>", "123456789012"),
            ("<?xml version=\"1.0\"?><r><ownerId>amazon-elb</ownerId>", nil), ("<r><ownerId", nil),
            ("<r><owner>123456789012</owner><ownerId/></r>", nil),
        ] as [(String, String?)])
    func theAccountIsReadFromAnswers(body: String, account: String?) {
        #expect(AccountPace.account(in: Array(body.utf8)) == account)
    }
}
