import HTTPTransport
import Testing

@testable import RemoteWrite

@Suite struct ReceiverAnswerTests {
    // Tue, 14 Nov 2023 22:13:20 GMT
    private static let nowMs: Int64 = 1_700_000_000_000

    @Test(
        arguments: [
            ("0", 0), ("7", 7_000), (" 12 ", 12_000), ("600", 600_000), ("601", 600_000),
            ("99999999999999999999", 600_000),
            ("Tue, 14 Nov 2023 22:14:20 GMT", 60_000), ("Tue, 14 Nov 2023 22:13:00 GMT", 0),
            ("Tue, 14 Nov 2099 22:13:00 GMT", 600_000),
        ] as [(String, Int64)])
    func retryAfterIsSecondsOrADate(text: String, expected: Int64) {
        #expect(ReceiverAnswer.retryAfterMs(text, nowMs: Self.nowMs) == expected)
    }

    @Test(arguments: ["", "-1", "soon", "1.5", "٣"]) func anythingElseIsNoRetryAfter(text: String) {
        #expect(ReceiverAnswer.retryAfterMs(text, nowMs: Self.nowMs) == nil)
    }

    @Test func retryAfterDateIsReadByTheServersOwnClock() {
        let answer = ReceiverAnswer(
            HTTPResponse(
                status: 503,
                headers: HTTPHeaders([
                    HTTPHeader(name: "date", value: "Tue, 14 Nov 2023 23:13:20 GMT"),
                    HTTPHeader(name: "RETRY-AFTER", value: "Tue, 14 Nov 2023 23:13:25 GMT"),
                ])), wallMs: Self.nowMs)
        #expect(
            answer
                == .status(
                    .init(
                        status: 503, reason: .serverError, retryAfterMs: 5_000,
                        serverMs: Self.nowMs + 3_600_000)))
    }

    @Test(arguments: [HTTPError.Code.timeout, .connectionReset, .truncated, .other])
    func networkErrorsLeaveItOpenWhatWasStored(code: HTTPError.Code) {
        #expect(ReceiverAnswer(HTTPError(code, "x")) == .unreachable)
    }

    @Test(arguments: [HTTPError.Code.resolve, .connect, .tls])
    func withoutAConnectionNothingWasSent(code: HTTPError.Code) {
        #expect(ReceiverAnswer(HTTPError(code, "x")) == .unconnected)
    }

    @Test(arguments: [HTTPError.Code.badURL, .badRequest]) func whatCannotBeSentIsTheOperators(
        code: HTTPError.Code
    ) {
        #expect(ReceiverAnswer(HTTPError(code, "x")) == .unsendable)
    }
}
