import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

struct AWSClientTests {
    let clock = ManualClock(wallMs: Timestamp.ms(year: 2026, month: 11, day: 21, hour: 12))
    let keys = CountingCredentials()

    func client(_ http: ScriptedHTTP, endpoint: String? = "http://127.0.0.1:4566") -> AWSClient {
        AWSClient(
            region: "eu-west-1", credentials: keys, http: http, clock: clock,
            settings: .known(EndpointSettings(environment: [:])), endpoint: endpoint,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, random: { 1 })
    }

    /// Calls while the clock is moved on for whoever sleeps on it.
    func call(_ client: AWSClient) async throws(AWSError) -> [UInt8] {
        let clock = clock
        let mover = Task {
            while !Task.isCancelled {
                if clock.sleeperCount > 0 { clock.advance(ms: 1_000) }
                await Task.yield()
            }
        }
        defer { mover.cancel() }
        return try await client.json(service: .ecs, operation: "ListTasks", body: Array("{}".utf8))
    }

    @Test func aCallIsSignedAndAnswered() async throws {
        let http = ScriptedHTTP([.status(200, "{\"taskArns\":[]}")])
        let answer = try await call(client(http, endpoint: nil))
        #expect(String(decoding: answer, as: UTF8.self) == "{\"taskArns\":[]}")
        let request = try #require(http.requests.first)
        #expect(request.url == "https://ecs.eu-west-1.amazonaws.com/")
        #expect(request.method == .post)
        #expect(!request.followRedirects)
        let headers = HTTPHeaders(request.headers)
        #expect(headers["Content-Type"] == "application/x-amz-json-1.1")
        #expect(headers["X-Amz-Target"] == "AmazonEC2ContainerServiceV20141113.ListTasks")
        #expect(headers["X-Amz-Date"] == "20261121T120000Z")
        #expect(headers["X-Amz-Security-Token"] == "token")
        #expect(
            headers["Authorization"]?.hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKID0/20261121/eu-west-1/ecs/aws4_request, "
                    + "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                    + "Signature="
            ) == true)
    }

    @Test func throttlingAndNetworkFaultsAreRetriedAndSignedAnew() async throws {
        let http = ScriptedHTTP([
            .status(400, "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}"),
            .failure(HTTPError(.connectionReset, "reset")), .status(200, "{}"),
        ])
        _ = try await call(client(http))
        #expect(http.requests.count == 3)
        let dates = http.requests.map { HTTPHeaders($0.headers)["X-Amz-Date"] }
        #expect(dates == ["20261121T120000Z", "20261121T120001Z", "20261121T120002Z"])
    }

    @Test func endlessThrottlingEndsWithItsName() async {
        let http = ScriptedHTTP([
            .status(400, "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}")
        ])
        let error = await failure { () async throws(AWSError) in try await call(client(http)) }
        #expect(error?.code == .throttled)
        #expect(
            error?.description
                == "ECS.ListTasks at http://127.0.0.1:4566: ThrottlingException: Rate exceeded (HTTP 400)")
        #expect(http.requests.count == 3)
    }

    @Test func aWrongClockIsPutRightAndRemembered() async throws {
        let date = [HTTPHeader(name: "Date", value: "Sat, 21 Nov 2026 13:00:00 GMT")]
        let http = ScriptedHTTP([
            .status(403, "{\"__type\":\"InvalidSignatureException\"}", date), .status(200, "{}"),
            .status(200, "{}"),
        ])
        let client = client(http)
        _ = try await call(client)
        _ = try await call(client)
        let dates = http.requests.map { HTTPHeaders($0.headers)["X-Amz-Date"] }
        #expect(dates == ["20261121T120000Z", "20261121T130000Z", "20261121T130000Z"])
        #expect(keys.rejected == 0)
    }

    @Test func refusedCredentialsAreFetchedAnewOnce() async throws {
        let expired = ScriptedHTTP.Answer.status(
            400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}")
        let http = ScriptedHTTP([expired, .status(200, "{}"), expired, expired])
        let client = client(http)
        _ = try await call(client)
        #expect(keys.rejected == 1)
        #expect(HTTPHeaders(http.requests[1].headers)["Authorization"]?.contains("AKID1") == true)
        let error = await failure { () async throws(AWSError) in try await call(client) }
        #expect(error?.code == .expiredCredentials)
        #expect(keys.rejected == 2)
    }

    @Test func noAnswerIsTransportAndACancelledOneSaysSo() async {
        let unreachable = ScriptedHTTP([.failure(HTTPError(.connect, "refused"))])
        let error = await failure { () async throws(AWSError) in try await call(client(unreachable)) }
        #expect(error?.code == .transport)
        #expect(unreachable.requests.count == 3)
        let cancelled = ScriptedHTTP([.failure(HTTPError(.cancelled, "cancelled"))])
        let other = await failure { () async throws(AWSError) in try await call(client(cancelled)) }
        #expect(other?.code == .cancelled)
        #expect(cancelled.requests.count == 1)
    }

    @Test func accessDeniedIsToldAtOnceWithoutSecrets() async {
        let http = ScriptedHTTP([
            .status(400, "{\"__type\":\"AccessDeniedException\",\"message\":\"not authorized\"}")
        ])
        let error = await failure { () async throws(AWSError) in try await call(client(http)) }
        #expect(error?.code == .accessDenied)
        #expect(http.requests.count == 1)
        #expect(error?.description.contains("secret") == false)
        #expect(error?.description.contains("token") == false)
    }
}
