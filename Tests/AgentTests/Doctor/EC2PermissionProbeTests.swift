import AWS
import HTTPTransport
import Logging
import Platform
import Synchronization
import Testing

@testable import Agent

struct EC2PermissionProbeTests {
    /// Answers by the call's name.
    private final class Account: HTTPPerforming {
        let answers: [String: (Int, String)]
        let bodies = Mutex<[String]>([])

        init(_ answers: [String: (Int, String)]) { self.answers = answers }

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            let body = String(decoding: request.body, as: UTF8.self)
            bodies.withLock { $0.append(body) }
            let name = body.split(separator: "&").first.map { String($0.dropFirst("Action=".count)) } ?? ""
            let (status, text) = answers[name] ?? (200, "<R/>")
            guard status > 0 else { throw HTTPError(.tls, "on cue") }
            return HTTPResponse(status: status, body: HTTPBody(Array(text.utf8)))
        }
    }

    private struct Keys: CredentialsProvider {
        func credentials() async throws(AWSError) -> Credentials {
            Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
        }

        func reject(_ refused: Credentials) async {}
    }

    private static let denied = (
        403,
        "<R><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></R>"
    )

    private func lines(_ account: Account) async -> [DoctorLine] {
        let client = AWSClient(
            region: "eu-west-1", credentials: Keys(), http: account, clock: SystemClock(), environment: [:],
            endpoint: "http://h", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var lines: [DoctorLine] = []
        await EC2PermissionProbe(client: client).run { lines.append($0.line(job: "vm")) }
        return lines
    }

    @Test func bothCallsAreMadeInTheirSmallestForm() async {
        let account = Account([:])
        let found = await lines(account)
        #expect(
            found.map(\.text) == [
                "ok       ec2 vm: ec2:DescribeInstances is allowed",
                "ok       ec2 vm: ec2:DescribeAvailabilityZones is allowed",
            ])
        #expect(account.bodies.withLock { $0[0] }.hasSuffix("MaxResults=5"))
    }

    @Test func instancesAreNeededAndZonesMayLack() async {
        let found = await lines(
            Account(["DescribeInstances": Self.denied, "DescribeAvailabilityZones": Self.denied]))
        #expect(found.map(\.verdict) == [.wrong, .noted])
        #expect(
            found[0].remedy
                == "allow ec2:DescribeInstances in the policy of these credentials "
                + "(config/iam/ec2-instances.json)")
        #expect(found[1].message.contains("targets lack __meta_ec2_availability_zone_id"))
    }

    @Test func whoIsNotReachedIsAskedOnce() async {
        let found = await lines(Account(["DescribeInstances": (0, "")]))
        #expect(found.map(\.verdict) == [.wrong])
        #expect(found[0].remedy?.contains("a VPC endpoint for ec2") == true)
    }
}
