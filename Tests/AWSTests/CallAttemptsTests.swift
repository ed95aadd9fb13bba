import HTTPTransport
import Platform
import Testing

@testable import AWS

struct CallAttemptsTests {
    func fault(_ status: Int, _ name: String, date: String? = nil) -> ServiceFault {
        let headers = date.map { [HTTPHeader(name: "Date", value: $0)] } ?? []
        return ServiceFault(
            HTTPResponse(
                status: status, headers: HTTPHeaders(headers),
                body: HTTPBody(Array("{\"__type\":\"\(name)\",\"message\":\"m\"}".utf8))))
    }

    @Test func networkFaultsAreRetriedTwiceWithGrowingWaits() {
        var attempts = CallAttempts()
        let error = HTTPError(.connect, "x")
        #expect(attempts.failed(error, random: 0) == .retry(afterMs: 50))
        #expect(attempts.failed(error, random: 1) == .retry(afterMs: 200))
        #expect(attempts.failed(error, random: 0) == .giveUp)
    }

    @Test func whoHasNoPatienceAsksOnceWhereNothingAnswers() {
        var attempts = CallAttempts(unansweredLimit: 1)
        #expect(attempts.failed(HTTPError(.timeout, "x"), random: 0) == .giveUp)
        var busy = CallAttempts(unansweredLimit: 1)
        let throttled = fault(400, "ThrottlingException")
        #expect(busy.refused(throttled, signedMs: 0, offsetMs: 0, random: 1) == .retry(afterMs: 500))
    }

    @Test(arguments: [HTTPError.Code.tls, .bodyTooLarge, .badURL, .cancelled, .shutDown, .badRequest])
    func whatARetryCannotMendIsGivenUp(code: HTTPError.Code) {
        var attempts = CallAttempts()
        #expect(attempts.failed(HTTPError(code, "x"), random: 0) == .giveUp)
    }

    @Test func throttlingWaitsLonger() {
        var attempts = CallAttempts()
        let throttled = fault(400, "ThrottlingException")
        #expect(attempts.refused(throttled, signedMs: 0, offsetMs: 0, random: 1) == .retry(afterMs: 500))
        #expect(attempts.refused(throttled, signedMs: 0, offsetMs: 0, random: 1) == .retry(afterMs: 1_000))
        #expect(attempts.refused(throttled, signedMs: 0, offsetMs: 0, random: 1) == .giveUp)
    }

    @Test func aWrongClockIsLearnedOnceFromTheDate() {
        let signedMs = Timestamp.ms(year: 2026, month: 11, day: 21, hour: 12)
        let late = fault(403, "InvalidSignatureException", date: "Sat, 21 Nov 2026 12:10:00 GMT")
        var attempts = CallAttempts()
        #expect(
            attempts.refused(late, signedMs: signedMs, offsetMs: 5, random: 0) == .resign(offsetMs: 600_005))
        #expect(attempts.refused(late, signedMs: signedMs, offsetMs: 5, random: 0) == .giveUp)
        var other = CallAttempts()
        let near = fault(403, "InvalidSignatureException", date: "Sat, 21 Nov 2026 12:03:00 GMT")
        #expect(other.refused(near, signedMs: signedMs, offsetMs: 0, random: 0) == .giveUp)
        #expect(other.refused(fault(403, "RequestExpired"), signedMs: 0, offsetMs: 0, random: 0) == .giveUp)
    }

    @Test func expiredCredentialsAreFetchedAnewOnce() {
        var attempts = CallAttempts()
        let expired = fault(400, "ExpiredTokenException")
        #expect(attempts.refused(expired, signedMs: 0, offsetMs: 0, random: 0) == .refreshCredentials)
        #expect(attempts.refused(expired, signedMs: 0, offsetMs: 0, random: 0) == .giveUp)
    }

    @Test func refusalsAreNotRepeated() {
        var attempts = CallAttempts()
        #expect(
            attempts.refused(fault(400, "AccessDeniedException"), signedMs: 0, offsetMs: 0, random: 0)
                == .giveUp)
        #expect(
            attempts.refused(fault(404, "ClusterNotFoundException"), signedMs: 0, offsetMs: 0, random: 0)
                == .giveUp)
        #expect(attempts.refused(fault(503, "x"), signedMs: 0, offsetMs: 0, random: 0) == .retry(afterMs: 50))
    }
}
