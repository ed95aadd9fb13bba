import AWS
import Configuration
import HTTPTransport
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

@Suite(.serialized) struct UnauthorizedReasonTests {
    private static let denied =
        "User: arn:aws:sts::123456789012:assumed-role/task/x is not authorized to perform: aps:RemoteWrite "
        + "on resource: arn:aws:aps:eu-west-1:123456789012:workspace/ws-1"

    private static let bodies: [(String, UnauthorizedReason)] = [
        ("The security token included in the request is expired", .expired),
        ("{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}", .expired),
        ("invalid token: token is expired by 3m", .expired),
        ("The security token included in the request is invalid.", .unknownKey),
        ("<Code>InvalidClientTokenId</Code>", .unknownKey),
        ("The AWS Access Key Id you provided does not exist in our records.", .unknownKey),
        (
            "Signature expired: 20231114T220000Z is now earlier than 20231114T220820Z (20231114T221320Z - 5 "
                + "min.)", .clockSkew
        ),
        ("Signature not yet current: 20231114T223000Z is still later than 20231114T221820Z", .clockSkew),
        (
            "<Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the "
                + "current time is too large.</Message>", .clockSkew
        ),
        ("Credential should be scoped to a valid region, not 'us-east-1'.", .wrongRegion),
        ("Credential should be scoped to a valid region. ", .wrongRegion),
        ("Credential should be scoped to correct service: 'aps'.", .wrongService),
        (denied, .denied), ("{\"Message\":\"\(denied)\"}", .denied),
        ("<Code>AccessDenied</Code>", .denied),
        ("with an explicit deny in a service control policy", .denied),
        ("{\"message\":\"Missing Authentication Token\"}", .notSigned),
        ("Authorization header requires existence of 'X-Amz-Date' header.", .notSigned),
        (
            "The request signature we calculated does not match the signature you provided. Check your AWS "
                + "Secret Access Key and signing method. Consult the service documentation for details.",
            .wrongSignature
        ),
        ("", .other), ("Forbidden", .other),
    ]

    @Test(arguments: bodies) func theBodySaysWhy(body: String, reason: UnauthorizedReason) {
        #expect(UnauthorizedReason.parse(body: body) == reason)
    }

    @Test func theErrorTypeSaysWhyWhereTheBodyDoesNot() {
        #expect(UnauthorizedReason.parse(body: "{}", errorType: "AccessDeniedException:http://x/") == .denied)
        #expect(UnauthorizedReason.parse(body: "", errorType: "ExpiredTokenException") == .expired)
    }

    @Test(arguments: [
        (denied, "aps:RemoteWrite"), ("to perform: <script>:x", nil), ("to perform:", nil), ("", nil),
        ("to perform: all", nil),
    ]) func theActionIsNamedThatTheReceiverNames(text: String, action: String?) {
        #expect(UnauthorizedReason.missingAction(text) == action)
    }

    @Test func onlyWhatIsNotLetInHasAReason() {
        func answer(_ status: Int) -> ReceiverAnswer {
            ReceiverAnswer(
                HTTPResponse(status: status, body: HTTPBody(Array(Self.denied.utf8))), wallMs: 0)
        }
        #expect(answer(403).unauthorized == .denied && answer(401).unauthorized == .denied)
        #expect([200, 400, 404, 429, 500].allSatisfy { answer($0).unauthorized == nil })
        #expect(ReceiverAnswer.unsigned.unauthorized == .noCredentials)
        #expect(ReceiverAnswer.unreachable.unauthorized == nil)
    }

    @Test(arguments: [
        ("The security token included in the request is expired", "expired_token", "renews"),
        ("Signature expired: 20231114T220000Z is now earlier", "clock_skew", "set the clock"),
        (denied, "access_denied", "allow aps:RemoteWrite on the workspace"),
        ("Credential should be scoped to a valid region, not 'x'.", "wrong_region", "sigv4.region"),
        ("Credential should be scoped to correct service: 'aps'.", "wrong_service", "sigv4.service_name"),
    ])
    func theReasonIsSaidOnceAMinuteWithWhatToDo(body: String, reason: String, remedy: String) {
        let fixture = WriterFixture()
        let log = DestinationLog(fixture.said.logger)
        let answer = ReceiverAnswer(HTTPResponse(status: 403, body: HTTPBody(Array(body.utf8))), wallMs: 0)
        for second in 0..<180 {
            log.tried(
                .unauthorized, slot: second % 8, answer, text: "status 403: \(body)",
                wallMs: Int64(second) * 1_000)
        }
        let lines = fixture.said.all("remote write is not authorised")
        #expect(lines.count == 3)
        #expect(lines.allSatisfy { $0.contains("reason=\(reason)") && $0.contains(remedy) })
        #expect(lines.allSatisfy { $0.contains("action=aps:RemoteWrite") == (reason == "access_denied") })
        #expect(lines.allSatisfy { $0.contains("err=status 403: \(body.prefix(20))") })
    }

    @Test func theReasonIsCountedAndTheSamplesAreKept() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 10))
        let expired = "The security token included in the request is expired"
        let receiver = FakeReceiver([.status(403, body: expired), .status(401, body: Self.denied)])
        let writer = fixture.writer(store, receiver)
        await fixture.run(writer) { store.isAnswered }
        func counted(_ reason: String) -> Double? {
            fixture.metric(
                "narthex_remote_write_unauthorized_total{remote_name=\"main\","
                    + "url=\"http://receiver.example/api/v1/write\",reason=\"\(reason)\"}")
        }
        #expect(counted("expired_token") == 1 && counted("access_denied") == 1)
        #expect(store.delivered == 10)
        #expect(fixture.said.all("not authorised").count == 2)
        #expect(fixture.said.all("remote write goes on").count == 1)
    }
}
