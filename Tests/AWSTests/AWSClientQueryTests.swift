import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

struct AWSClientQueryTests {
    static let denied = """
        <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
        <Code>AccessDenied</Code><Message>User: u is not authorized to perform: sts:AssumeRole</Message>
        </Error><RequestId>r</RequestId></ErrorResponse>
        """
    let keys = CountingCredentials()

    func client(_ http: ScriptedHTTP) -> AWSClient {
        AWSClient(
            region: "eu-west-1", credentials: keys, http: http,
            clock: ManualClock(wallMs: Timestamp.ms(year: 2026, month: 11, day: 21, hour: 12)),
            environment: [:], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func aFormIsSentAndXMLRead() async throws {
        let http = ScriptedHTTP([.status(200, "<R><a>1</a></R>")])
        let root = try await client(http).query(
            service: .ec2, action: "DescribeInstances", version: "2016-11-15",
            parameters: [("InstanceId.1", "i-1"), ("Filter.1.Value.1", "a b&c=d/é")])
        #expect(root == XMLElement(name: "R", children: [XMLElement(name: "a", text: "1")]))
        let request = try #require(http.requests.first)
        #expect(request.url == "https://ec2.eu-west-1.amazonaws.com/")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1"
                + "&Filter.1.Value.1=a%20b%26c%3Dd%2F%C3%A9")
        let headers = HTTPHeaders(request.headers)
        #expect(headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8")
        #expect(headers["Authorization"]?.contains("/eu-west-1/ec2/aws4_request") == true)
    }

    @Test func anUnsignedCallHasNoCredentialsAndAsksForNone() async throws {
        let http = ScriptedHTTP([
            .status(400, Self.denied.replacing("AccessDenied", with: "InvalidClientTokenId")),
            .status(200, "<R/>"),
        ])
        let error = await failure { () async throws(AWSError) in
            try await client(http).query(
                service: .sts, action: "AssumeRoleWithWebIdentity", version: "2011-06-15", parameters: [],
                isSigned: false)
        }
        #expect(error?.code == .expiredCredentials)
        #expect(keys.rejected == 0)
        #expect(http.requests.count == 1)
        #expect(HTTPHeaders(http.requests[0].headers)["Authorization"] == nil)
    }

    @Test(arguments: [
        (Self.denied, 403, AWSError.Code.accessDenied, "AccessDenied: User: u is not authorized"),
        (
            "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>no i-1</Message>"
                + "</Error></Errors><RequestID>r</RequestID></Response>", 400, .notFound,
            "InvalidInstanceID.NotFound: no i-1"
        ),
        ("<html><body>Bad Gateway</body></html>", 403, .accessDenied, "HTTP 403"),
        (
            "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", 404, .notFound,
            "NoSuchKey: m"
        ),
    ])
    func refusalsAreToldByName(body: String, status: Int, code: AWSError.Code, words: String) async {
        let http = ScriptedHTTP([.status(status, body)])
        let error = await failure { () async throws(AWSError) in
            try await client(http).query(
                service: .ec2, action: "DescribeInstances", version: "2016-11-15", parameters: [])
        }
        #expect(error?.code == code)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(http.requests.count == 1)
    }

    @Test func anAnswerThatIsNoXMLIsMalformed() async {
        let http = ScriptedHTTP([.status(200, "{}")])
        let error = await failure { () async throws(AWSError) in
            try await client(http).query(service: .ec2, action: "X", version: "1", parameters: [])
        }
        #expect(error?.code == .malformed)
        #expect(error?.operation == "EC2.X")
    }
}
