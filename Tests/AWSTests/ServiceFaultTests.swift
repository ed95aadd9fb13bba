import HTTPTransport
import Testing

@testable import AWS

struct ServiceFaultTests {
    func fault(_ status: Int, _ body: String, _ headers: [HTTPHeader] = []) -> ServiceFault {
        ServiceFault(
            HTTPResponse(status: status, headers: HTTPHeaders(headers), body: HTTPBody(Array(body.utf8))))
    }

    @Test(arguments: [
        ("{\"__type\":\"ClientException\",\"message\":\"m\"}", "ClientException", "m"),
        ("{\"__type\":\"com.amazonaws.ecs#ServerException\",\"Message\":\"M\"}", "ServerException", "M"),
        ("{\"code\":\"Oops:http://x/\"}", "Oops", ""), ("{\"__type\":\"\"}", "HTTP 400", ""),
        ("<html>busy</html>", "HTTP 400", ""), ("", "HTTP 400", ""), ("[1]", "HTTP 400", ""),
        ("{\"__type\":7}", "HTTP 400", ""), ("\u{0}", "HTTP 400", ""),
        ("{\"__type\":\"ClientException\",\"message\":7}", "ClientException", ""),
        ("{\"__type\":null,\"code\":\"Oops\",\"message\":\"cut \\ud83d\"}", "Oops", "cut \u{FFFD}"),
    ])
    func theNameAndMessageAreFound(body: String, name: String, message: String) {
        let found = fault(400, body)
        #expect(found.name == name)
        #expect(found.message == message)
    }

    @Test func theHeaderNamesTheErrorWhereTheBodyDoesNot() {
        let header = HTTPHeader(name: "x-amzn-ErrorType", value: "AccessDeniedException:http://internal/")
        #expect(fault(403, "{}", [header]).code == .accessDenied)
    }

    @Test func onlyTheFirstLineIsRepeated() {
        let body =
            "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"No match.\\n\\nx-amz-security-token:tok\"}"
        #expect(fault(403, body).message == "No match.")
        #expect(fault(400, "{\"message\":\"\(String(repeating: "x", count: 9_000))\"}").message.count == 400)
    }

    @Test(arguments: [
        (400, "ThrottlingException", AWSError.Code.throttled), (429, "x", .throttled),
        (400, "AccessDeniedException", .accessDenied), (403, "InvalidSignatureException", .accessDenied),
        (400, "UnrecognizedClientException", .expiredCredentials),
        (400, "ExpiredTokenException", .expiredCredentials),
        (400, "ClusterNotFoundException", .notFound), (400, "ClientException", .service("ClientException")),
        (500, "ServerException", .service("ServerException")),
    ])
    func eachHasItsCode(status: Int, name: String, code: AWSError.Code) {
        #expect(fault(status, "{\"__type\":\"\(name)\"}").code == code)
    }

    @Test func aBareStatusHasACodeToo() {
        #expect(fault(403, "").code == .accessDenied)
        #expect(fault(503, "").code == .service("HTTP 503"))
    }
}
