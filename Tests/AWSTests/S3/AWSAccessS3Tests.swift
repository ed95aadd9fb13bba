import Cryptography
import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

struct AWSAccessS3Tests {
    let clock = ManualClock(wallMs: Timestamp.ms(year: 2026, month: 11, day: 21, hour: 12))

    func access(_ http: any HTTPPerforming, _ more: [String: String] = [:]) -> AWSAccess {
        let environment = [
            "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
            "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
        ].merging(more) { $1 }
        return AWSAccess(
            environment: environment, files: POSIXFiles(), http: http, clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func object(
        _ http: any HTTPPerforming, _ location: String = "s3://shop/a b.yml", _ more: [String: String] = [:]
    ) async throws(AWSError) -> String {
        let bytes = try await access(http, more).object(try S3Location(location), limitBytes: 1_000)
        return String(decoding: bytes, as: UTF8.self)
    }

    func scope(_ request: HTTPRequest) -> String? {
        HTTPHeaders(request.headers)["Authorization"]?
            .split(separator: "/").dropFirst(2).prefix(2).joined(separator: "/")
    }

    @Test func anObjectIsAskedForAndSigned() async throws {
        let http = ScriptedHTTP([.status(200, "global: {}\n")])
        #expect(try await object(http) == "global: {}\n")
        let request = try #require(http.requests.first)
        #expect(request.method == .get)
        #expect(request.url == "https://shop.s3.eu-west-1.amazonaws.com/a%20b.yml")
        #expect(request.bodyLimitBytes == 1_000)
        #expect(request.body.isEmpty && !request.followRedirects)
        let headers = HTTPHeaders(request.headers)
        #expect(headers["x-amz-content-sha256"] == SHA256.emptyHex)
        #expect(headers["X-Amz-Security-Token"] == "token")
        #expect(
            headers["Authorization"]?.contains(
                "AKID/20261121/eu-west-1/s3/aws4_request, "
                    + "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ") == true)
    }

    /// The suite's unnormalised vectors have the same rule; botocore's signatures of such keys are compared
    /// in Tests/Integration/test_aws_verified.py.
    @Test func thePathIsSignedAsItIsSent() throws {
        let request = CanonicalRequest(
            method: "GET", path: "/a%20b/../c//d", query: "", headers: [], payloadSHA256Hex: "x",
            normalizesPath: false)
        #expect(request.text.hasPrefix("GET\n/a%20b/../c//d\n"))
    }

    @Test(arguments: [
        (["AWS_USE_FIPS_ENDPOINT": "true"], "https://shop.s3-fips.eu-west-1.amazonaws.com/k"),
        (["AWS_USE_DUALSTACK_ENDPOINT": "true"], "https://shop.s3.dualstack.eu-west-1.amazonaws.com/k"),
        (["AWS_REGION": "cn-north-1"], "https://shop.s3.cn-north-1.amazonaws.com.cn/k"),
        (["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9/"], "http://127.0.0.1:9/shop/k"),
        (["AWS_ENDPOINT_URL": "http://127.0.0.1:8"], "http://127.0.0.1:8/shop/k"),
        (["AWS_ENDPOINT_URL_STS": "http://127.0.0.1:7"], "https://shop.s3.eu-west-1.amazonaws.com/k"),
    ])
    func theEndpointIsFoundAsForOtherServices(environment: [String: String], url: String) async throws {
        let http = ScriptedHTTP([.status(200, "")])
        _ = try await object(http, "s3://shop/k", environment)
        #expect(http.requests.map(\.url) == [url])
    }

    static let elsewhere: [ScriptedHTTP.Answer] = [
        .status(
            301, "<Error><Code>PermanentRedirect</Code><Message>The bucket…</Message></Error>",
            [HTTPHeader(name: "x-amz-bucket-region", value: "us-east-2")]),
        .status(307, "", [HTTPHeader(name: "X-Amz-Bucket-Region", value: "us-east-2")]),
        .status(
            400,
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'eu-west-1' is wrong; "
                + "expecting 'us-east-2'</Message><Region>us-east-2</Region></Error>"),
    ]

    @Test(arguments: elsewhere.indices)
    func aBucketInAnotherRegionIsAskedForThere(index: Int) async throws {
        let http = ScriptedHTTP([Self.elsewhere[index], .status(200, "x")])
        #expect(try await object(http, "s3://shop/k") == "x")
        #expect(
            http.requests.map(\.url) == [
                "https://shop.s3.eu-west-1.amazonaws.com/k", "https://shop.s3.us-east-2.amazonaws.com/k",
            ])
        #expect(http.requests.compactMap { scope($0) } == ["eu-west-1/s3", "us-east-2/s3"])
    }

    @Test func regionsThatPointAtEachOtherEndAndAreNamed() async {
        func moved(_ region: String) -> ScriptedHTTP.Answer {
            .status(
                301, "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>",
                [HTTPHeader(name: "x-amz-bucket-region", value: region)])
        }
        let http = ScriptedHTTP([moved("us-east-2"), moved("eu-west-1")])
        let error = await failure { () async throws(AWSError) in try await object(http) }
        #expect(error?.code == .otherRegion("eu-west-1"))
        #expect(error?.message.contains("the bucket is in eu-west-1") == true)
        #expect(http.requests.count == 2)
    }

    /// A region goes into a host name that is asked with a signature.
    @Test(arguments: ["evil.example/", "x", "us east-1", "us-east-2.evil.example"])
    func whatIsNoRegionIsNotGoneTo(region: String) async {
        let http = ScriptedHTTP([
            .status(
                301, "<Error><Code>PermanentRedirect</Code></Error>",
                [
                    HTTPHeader(name: "x-amz-bucket-region", value: region)
                ])
        ])
        let error = await failure { () async throws(AWSError) in try await object(http) }
        #expect(error?.code == .service("PermanentRedirect"))
        #expect(http.requests.count == 1)
    }

    @Test func whatS3RefusesIsToldByItsName() async {
        func refused(_ status: Int, _ name: String) async -> AWSError? {
            let body = "<Error><Code>\(name)</Code><Message>m</Message></Error>"
            let http = ScriptedHTTP([.status(status, body)])
            return await failure { () async throws(AWSError) in try await object(http) }
        }
        let missing = await refused(404, "NoSuchKey")
        #expect(missing?.code == .notFound)
        #expect(
            missing?.description
                == "S3.GetObject at https://shop.s3.eu-west-1.amazonaws.com: NoSuchKey: m (HTTP 404)")
        #expect(missing?.mayPass == false)
        #expect(await refused(403, "AccessDenied")?.code == .accessDenied)
        #expect(await refused(404, "NoSuchBucket")?.code == .notFound)
    }

    @Test func withoutARegionItSaysSo() async {
        let http = ScriptedHTTP([.failure(HTTPError(.connect, "refused"))])
        let error = await failure { () async throws(AWSError) in
            try await object(http, "s3://shop/k", ["AWS_REGION": ""])
        }
        #expect(error?.code == .noRegion)
        #expect(error?.message.contains("AWS_REGION") == true)
    }
}
