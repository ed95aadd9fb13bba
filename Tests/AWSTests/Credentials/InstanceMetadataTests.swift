import HTTPTransport
import Platform
import Testing

@testable import AWS

struct InstanceMetadataTests {
    static let document = """
        {"Code":"Success","LastUpdated":"2026-11-21T12:00:00Z","Type":"AWS-HMAC","AccessKeyId":"IMDS",
         "SecretAccessKey":"hunter2","Token":"tok","Expiration":"2026-11-21T18:00:00Z"}
        """

    /// Version 2 alone answers: without the token there is 401.
    static func server(
        role: String = "my-role", document: String = document, token: Result<HTTPResponse, HTTPError>? = nil
    ) -> RoutedHTTP {
        RoutedHTTP { request throws(HTTPError) in
            let path = request.url.replacing("http://169.254.169.254", with: "")
            if request.method == .put {
                guard path == "/latest/api/token",
                    HTTPHeaders(request.headers)["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
                else { return answer(400, "") }
                return try token?.get() ?? answer(200, "TOKEN==")
            }
            guard HTTPHeaders(request.headers)["x-aws-ec2-metadata-token"] == "TOKEN==" else {
                return answer(401, "")
            }
            switch path {
            case "/latest/meta-data/iam/security-credentials/": return answer(200, role)
            case "/latest/meta-data/iam/security-credentials/my-role": return answer(200, document)
            case "/latest/meta-data/placement/region": return answer(200, "eu-west-1")
            default: return answer(404, "")
            }
        }
    }

    func metadata(_ http: RoutedHTTP, _ environment: [String: String] = [:]) throws(AWSError)
        -> InstanceMetadata
    {
        try InstanceMetadata(environment: environment, profile: [:], http: http)
    }

    @Test func credentialsAndRegionAreReadWithAToken() async throws {
        let http = Self.server()
        let fetched = try await metadata(http).credentials()
        #expect(fetched.credentials.accessKeyID == "IMDS")
        #expect(fetched.credentials.sessionToken == "tok")
        #expect(try await metadata(http).region() == "eu-west-1")
        #expect(http.requests.allSatisfy { $0.timeoutMs == 1_000 })
    }

    @Test func theEndpointMayBeAnother() async throws {
        for (environment, host) in [
            (["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/"], "http://127.0.0.1:9/latest/"),
            (["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"], "http://[fd00:ec2::254]/latest/"),
        ] {
            let http = RoutedHTTP { _ throws(HTTPError) in answer(404, "") }
            _ = await failure { () async throws(AWSError) in
                try await metadata(http, environment).credentials()
            }
            #expect(http.requests.allSatisfy { $0.url.hasPrefix(host) }, "\(http.requests.map(\.url))")
        }
    }

    @Test func aTokenThatDoesNotComeNamesTheHopLimit() async {
        let slow = Self.server(token: .failure(HTTPError(.timeout, "no answer")))
        let error = await failure { () async throws(AWSError) in try await metadata(slow).credentials() }
        #expect(error?.message.contains("HttpPutResponseHopLimit") == true, "\(error?.message ?? "")")
        let strict = await failure { () async throws(AWSError) in
            try await metadata(slow, ["AWS_EC2_METADATA_V1_DISABLED": "true"]).credentials()
        }
        #expect(strict?.message.contains("HttpPutResponseHopLimit") == true)
        #expect(strict?.message.contains("AWS_EC2_METADATA_V1_DISABLED") == true)
    }

    @Test func versionOneServesWhereItIsAllowed() async throws {
        let http = RoutedHTTP { request throws(HTTPError) in
            if request.method == .put { return answer(404, "") }
            return answer(200, request.url.hasSuffix("/") ? "my-role\n" : Self.document)
        }
        #expect(try await metadata(http).credentials().credentials.accessKeyID == "IMDS")
        let error = await failure { () async throws(AWSError) in
            try await metadata(http, ["AWS_EC2_METADATA_V1_DISABLED": "true"]).credentials()
        }
        #expect(error?.code == .noCredentials)
    }

    @Test(arguments: [
        ("../../etc", document, "no list"), ("", document, "no list"),
        (
            "my-role", "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"hunter2\"}",
            "AssumeRoleUnauthorizedAccess"
        ),
        ("my-role", "{\"SecretAccessKey\":\"hunter2\"", "not the JSON"), ("my-role", "{}", "AccessKeyId"),
        ("other", document, "HTTP 404"),
    ])
    func badAnswersAreSaidWithoutSecrets(role: String, document: String, words: String) async {
        let http = Self.server(role: role, document: document)
        let error = await failure { () async throws(AWSError) in try await metadata(http).credentials() }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func attemptsAndTimeAreSettable() async {
        let http = RoutedHTTP { _ throws(HTTPError) in answer(503, "") }
        _ = await failure { () async throws(AWSError) in
            try await metadata(
                http, ["AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3", "AWS_METADATA_SERVICE_TIMEOUT": "2"]
            ).credentials()
        }
        #expect(http.requests.count == 3)
        #expect(http.requests.allSatisfy { $0.timeoutMs == 2_000 })
    }
}
