import AWS
import Configuration
import HTTPTransport
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

struct WriteProbeTests {
    private struct Keys: CredentialsProvider {
        func credentials() async throws(AWSError) -> Credentials {
            Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
        }

        func reject(_ refused: Credentials) async {}
    }

    private let clock = ManualClock(wallMs: Timestamp.ms(year: 2026, month: 11, day: 21, hour: 12))

    private func answer(
        _ receiver: FakeReceiver, signs: Bool = true, region: String? = "eu-west-1", hasKeys: Bool = true
    ) async -> WriteProbe.Answer {
        let configuration = RemoteWriteConfiguration(
            url: "http://receiver.example/api/v1/write", sigv4: signs ? SigV4Configuration() : nil)
        return await WriteProbe.ask(
            configuration, http: receiver, credentials: hasKeys ? Keys() : nil, region: region, clock: clock,
            timeoutMs: 5_000)
    }

    @Test func theWriteIsSignedAndHoldsNoSample() async throws {
        let receiver = FakeReceiver()
        #expect(await answer(receiver) == .status(200, text: "status 200"))
        let request = try #require(receiver.requests.first)
        #expect(try ReferenceCodec.samples(ofBody: request.body).isEmpty)
        let headers = HTTPHeaders(request.headers)
        #expect(headers["Authorization"]?.contains("/eu-west-1/aps/aws4_request") == true)
        #expect(headers["Content-Encoding"] == "snappy" && request.timeoutMs == 5_000)
    }

    @Test func aWrongClockDoesNotHideWhatElseIsWrong() async {
        let date = HTTPHeader(name: "Date", value: "Sat, 21 Nov 2026 13:00:00 GMT")
        let receiver = FakeReceiver(
            [.status(403, headers: [date], body: "Signature expired")],
            otherwise: .status(403, body: "not authorized to perform: aps:RemoteWrite"))
        #expect(
            await answer(receiver)
                == .status(403, text: "status 403: not authorized to perform: aps:RemoteWrite"))
        let dates = receiver.requests.map { HTTPHeaders($0.headers)["X-Amz-Date"] }
        #expect(dates == ["20261121T120000Z", "20261121T130000Z"])
    }

    @Test func aClockThatAgreesIsNoReasonToAskAgain() async {
        let date = HTTPHeader(name: "Date", value: "Sat, 21 Nov 2026 12:03:00 GMT")
        let receiver = FakeReceiver(otherwise: .status(403, headers: [date], body: "no"))
        #expect(await answer(receiver) == .status(403, text: "status 403: no"))
        #expect(receiver.requests.count == 1)
    }

    @Test func whatKeepsItFromBeingSentIsTold() async {
        let receiver = FakeReceiver()
        #expect(await answer(receiver, hasKeys: false) == .unsigned("no source of credentials to sign with"))
        guard case .unsigned(let text) = await answer(receiver, region: nil) else {
            Issue.record("signed without a region")
            return
        }
        #expect(text.hasPrefix("no region to sign for") && receiver.requests.isEmpty)
        #expect(await answer(FakeReceiver(otherwise: .error(.tls))) == .unreachable("on cue"))
        #expect(await answer(FakeReceiver(otherwise: .error(.badURL))) == .unsendable("on cue"))
    }
}
