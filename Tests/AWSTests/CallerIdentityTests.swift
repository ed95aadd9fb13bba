import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

struct CallerIdentityTests {
    private static let answer = """
        <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
        <Arn>arn:aws:iam::123456789012:user/alice</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
        </GetCallerIdentityResult></GetCallerIdentityResponse>
        """
    private let nowMs = Timestamp.ms(year: 2026, month: 11, day: 21, hour: 12)

    private func client(_ http: ScriptedHTTP) -> AWSClient {
        AWSClient(
            region: "eu-west-1", credentials: CountingCredentials(), http: http,
            clock: ManualClock(wallMs: nowMs), environment: [:],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func whoSignedIsToldWithTheServicesTime() async throws {
        let date = HTTPHeader(name: "Date", value: "Sat, 21 Nov 2026 12:00:07 GMT")
        let http = ScriptedHTTP([.status(200, Self.answer, [date])])
        let found = try await client(http).callerIdentity()
        let expected = CallerIdentity(
            arn: "arn:aws:iam::123456789012:user/alice", account: "123456789012", serverMs: nowMs + 7_000)
        #expect(found == expected)
        #expect(
            http.requests.map { String(decoding: $0.body, as: UTF8.self) }
                == ["Action=GetCallerIdentity&Version=2011-06-15"])
    }

    @Test func anAnswerWithoutANameIsMalformed() async {
        let http = ScriptedHTTP([.status(200, "<GetCallerIdentityResponse/>")])
        let error = await failure { () async throws(AWSError) in try await client(http).callerIdentity() }
        #expect(error?.code == .malformed)
    }
}
