import Glibc
import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

struct CredentialFetcherTests {
    static let role = "arn:aws:iam::123456789012:role/r"
    static let end = "2026-11-21T13:00:00Z"
    let clock = ManualClock(wallMs: Timestamp.ms(year: 2026, month: 11, day: 21, hour: 12))

    func chain(
        _ http: RoutedHTTP, _ environment: [String: String],
        _ configuration: CredentialConfiguration = CredentialConfiguration()
    ) -> CredentialChain {
        CredentialChain(
            configuration, environment: environment, files: POSIXFiles(), http: http, clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    static let sts: RoutedHTTP.Route = { request throws(HTTPError) in
        let form = String(decoding: request.body, as: UTF8.self)
        let action =
            form.hasPrefix("Action=AssumeRoleWithWebIdentity&") ? "AssumeRoleWithWebIdentity" : "AssumeRole"
        // The new key tells whose key signed.
        let header = HTTPHeaders(request.headers)["Authorization"] ?? "Credential=none/"
        let signer = header.split(separator: "=")[1].prefix { $0 != "/" }
        return stsAnswer(action, "ROLE-BY-\(signer)", end)
    }

    @Test func aRoleOfTheConfigurationIsAssumedWithItsExternalID() async throws {
        let http = RoutedHTTP(Self.sts)
        let configuration = CredentialConfiguration(
            roleARN: Self.role, externalID: "x&y", region: "eu-west-1", usesFIPSSTS: true)
        let chain = chain(
            http, ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"], configuration)
        let found = try await chain.credentials()
        #expect(found.accessKeyID == "ROLE-BY-ENV")
        #expect(found.sessionToken == "t/+=")
        #expect(chain.remainingMs == 3_600_000)
        #expect(chain.source == "role \(Self.role) assumed with the environment")
        #expect(
            http.forms == [
                "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
                    + "&RoleSessionName=narthex&ExternalId=x%26y"
            ])
        #expect(http.requests[0].url == "https://sts-fips.eu-west-1.amazonaws.com/")
        _ = try await chain.credentials()
        #expect(http.requests.count == 1)
    }

    @Test func withoutARegionTheGlobalSTSIsAsked() async throws {
        let http = RoutedHTTP(Self.sts)
        let keys = ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"]
        _ = try await chain(http, keys, CredentialConfiguration(roleARN: Self.role)).credentials()
        #expect(http.requests[0].url == "https://sts.amazonaws.com/")
        let header = HTTPHeaders(http.requests[0].headers)["Authorization"]
        #expect(header?.contains("/us-east-1/sts/aws4_request") == true)
    }

    @Test func aChainOfProfilesIsFollowedAndACircleIsRefused() async throws {
        try await withFolder { folder in
            let path = "\(folder)/config"
            try write(
                """
                [profile a]
                role_arn = \(Self.role)a
                source_profile = b
                external_id = xa
                [profile b]
                role_arn = \(Self.role)b
                source_profile = c
                duration_seconds = 900
                role_session_name = me
                [profile c]
                aws_access_key_id = C
                aws_secret_access_key = c
                role_arn = \(Self.role)ignored
                source_profile = nowhere
                [profile d]
                role_arn = \(Self.role)d
                source_profile = e
                [profile e]
                role_arn = \(Self.role)e
                source_profile = d
                [profile self]
                role_arn = \(Self.role)self
                source_profile = self
                aws_access_key_id = S
                aws_secret_access_key = s
                """, to: path)
            let http = RoutedHTTP(Self.sts)
            let environment = ["AWS_CONFIG_FILE": path, "AWS_REGION": "eu-west-1"]
            let a = chain(http, environment, CredentialConfiguration(profile: "a"))
            // STS' stand-in names the signer: c's keys for b, b's for a.
            #expect(try await a.credentials().accessKeyID == "ROLE-BY-ROLE-BY-C")
            #expect(http.forms.count == 2)
            #expect(http.forms[0].contains("role%2Frb&RoleSessionName=me&DurationSeconds=900"))
            #expect(http.forms[1].contains("ExternalId=xa"))
            let error = await failure { () async throws(AWSError) in
                try await chain(http, environment, CredentialConfiguration(profile: "d")).credentials()
            }
            #expect(error?.message.contains("d → e → d") == true)
            let own = chain(http, environment, CredentialConfiguration(profile: "self"))
            #expect(try await own.credentials().accessKeyID == "ROLE-BY-S")
        }
    }

    @Test func aWebIdentitysTokenIsReadAnewAndSentUnsigned() async throws {
        try await withFolder { folder in
            try write("token-1\n", to: "\(folder)/token")
            let http = RoutedHTTP(Self.sts)
            let chain = chain(
                http,
                [
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "\(folder)/token", "AWS_ROLE_ARN": Self.role,
                    "AWS_ROLE_SESSION_NAME": "web", "AWS_REGION": "eu-west-1",
                ])
            let found = try await chain.credentials()
            #expect(found.accessKeyID == "ROLE-BY-none")
            #expect(http.forms[0].hasSuffix("&RoleSessionName=web&WebIdentityToken=token-1"))
            try write("token-2", to: "\(folder)/token")
            clock.advance(ms: 20_000)
            await chain.reject(found)
            _ = try await chain.credentials()
            #expect(http.forms[1].hasSuffix("WebIdentityToken=token-2"))
            #expect(HTTPHeaders(http.requests[1].headers)["Authorization"] == nil)
        }
    }

    @Test func aContainersEndpointIsAskedWithTheTokenOfAFile() async throws {
        try await withFolder { folder in
            try write("Bearer abc\n", to: "\(folder)/token")
            let http = RoutedHTTP { request throws(HTTPError) in
                answer(
                    200,
                    "{\"AccessKeyId\":\"TASK\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                        + "\"Expiration\":\"\(Self.end)\"}",
                    // The agent's clock is ten minutes ahead of ours.
                    [HTTPHeader(name: "Date", value: "Sat, 21 Nov 2026 12:10:00 GMT")])
            }
            let chain = chain(
                http,
                [
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/creds?x=1",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "\(folder)/token",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not this",
                ])
            let found = try await chain.credentials()
            #expect(found.accessKeyID == "TASK")
            #expect(found.sessionToken == "t")
            #expect(chain.remainingMs == 3_000_000)
            #expect(HTTPHeaders(http.requests[0].headers)["Authorization"] == "Bearer abc")
            #expect(http.requests[0].url == "http://127.0.0.1:1/creds?x=1")
        }
    }

    /// The path is as good as a password.
    @Test func aContainersEndpointThatIsNotThereIsSaidWithoutItsPath() async {
        let http = RoutedHTTP { request throws(HTTPError) in
            throw HTTPError(.shutDown, "GET \(request.url): Couldn't connect to server")
        }
        let error = await failure { () async throws(AWSError) in
            try await chain(
                http, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/hunter2"]
            ).credentials()
        }
        #expect(error?.description.contains("Couldn't connect to server") == true)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test(arguments: [
        ("{\"Code\":\"NoIdMapping\",\"Message\":\"m\"}", 404, "does the task have a task role"),
        ("{}", 200, "no AccessKeyId"), ("[]", 200, "not the JSON"), ("", 200, "not the JSON"),
        ("{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"s\"}", 200, "without line ends"),
        ("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":\"soon\"}", 200, "Expiration"),
        ("{\"AccessKeyId\":7}", 200, "not the JSON"),
        ("{\"SecretAccessKey\":\"hunter2\"", 200, "not the JSON"),
        (String(repeating: "x", count: 70_000), 200, "not the JSON"), ("no", 403, "authorization token"),
    ])
    func aContainersBadAnswerIsSaidWithoutItsText(body: String, status: Int, words: String) async {
        let http = RoutedHTTP { _ throws(HTTPError) in answer(status, body) }
        let uri = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
        let error = await failure { () async throws(AWSError) in
            try await chain(http, [uri: "/v2/credentials/hidden-id"]).credentials()
        }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.description.contains("hunter2") == false)
        #expect(error?.description.contains("hidden-id") == false)
    }

    @Test func aProcessGivesCredentialsAndItsFaultsAreSaid() async throws {
        try await withFolder { folder in
            func run(_ script: String) async throws(AWSError) -> Credentials {
                do { try write("#!/bin/sh\n\(script)\n", to: "\(folder)/tool") } catch { Issue.record(error) }
                do {
                    try write(
                        "[profile p]\ncredential_process = /bin/sh '\(folder)/tool' \"a b\"\n",
                        to: "\(folder)/config")
                } catch { Issue.record(error) }
                let http = RoutedHTTP { _ throws(HTTPError) in answer(500, "") }
                return try await chain(
                    http, ["AWS_CONFIG_FILE": "\(folder)/config"], CredentialConfiguration(profile: "p")
                ).credentials()
            }
            let json =
                "{\"Version\":1,\"AccessKeyId\":\"P-$1\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}"
            let found = try await run("echo '\(json.replacing("P-$1", with: "P"))'; test \"$1\" = 'a b'")
            #expect(found == Credentials(accessKeyID: "P", secretAccessKey: "s", sessionToken: "t"))
            for (script, words) in [
                ("exit 3", "status 3"), ("echo hunter2", "no JSON"), ("kill -9 $$", "signal 9"),
                ("echo '{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\"}'", "\"Version\": 1"),
                ("yes hunter2", "more than"),
            ] {
                let error = await failure { () async throws(AWSError) in try await run(script) }
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
                #expect(error?.description.contains("hunter2") == false)
            }
        }
    }

    @Test func manyWhoAskTogetherMakeOneCall() async throws {
        let http = RoutedHTTP { _ throws(HTTPError) in
            answer(200, "{\"AccessKeyId\":\"T\",\"SecretAccessKey\":\"s\",\"Expiration\":\"\(Self.end)\"}")
        }
        let chain = chain(http, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"])
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { try await chain.credentials().accessKeyID } }
            for try await id in group { #expect(id == "T") }
        }
        #expect(http.requests.count == 1)
    }
}

/// A process at its limit of threads (a container's pids limit): what a refresh cannot do is an error, and
/// the process goes on.
extension CredentialFetcherTests {
    /// From now on the kernel makes no thread for this process. The limit does not bind root, who steps down.
    static func leaveNoThreads() throws {
        var limit = rlimit()
        // Safety: `limit` lives through the call.
        try #require(unsafe setrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit) == 0)
        if getuid() == 0 { try #require(setuid(65_534) == 0) }
    }

    static func settings() -> AWSSettings {
        AWSSettings(
            environment: [:],
            files: SharedFiles(environment: [:], files: POSIXFiles(), clock: ManualClock()),
            profileName: "p")
    }

    static func fetcher() -> CredentialFetcher {
        CredentialFetcher(
            configuration: CredentialConfiguration(), settings: settings(),
            http: ScriptedHTTP([.failure(HTTPError(.connect, "refused"))]), files: POSIXFiles(),
            clock: ManualClock(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func aProcessForWhichNoThreadCanBeMadeIsAnError() async {
        await #expect(processExitsWith: .success) {
            try Self.leaveNoThreads()
            let error = await failure { () async throws(AWSError) in
                try await Self.fetcher().fetch(.process(command: "true", profile: "p"))
            }
            #expect(error?.code == .noCredentials)
            #expect(error?.message.contains("pids") == true, "\(error?.message ?? "")")
            #expect(error?.operation == "credential_process of profile p")
        }
    }

    @Test func aTokenFileForWhichNoThreadCanBeMadeIsAnError() async {
        await #expect(processExitsWith: .success) {
            try Self.leaveNoThreads()
            let role = CredentialPlan.Role(arn: "arn:aws:iam::1:role/r", sessionName: "s", externalID: nil)
            let error = await failure { () async throws(AWSError) in
                try await Self.fetcher().fetch(.webIdentity(role, tokenFile: "/dev/null"))
            }
            #expect(error?.message.contains("pids") == true, "\(error?.message ?? "")")
            #expect(error?.operation == "read /dev/null")
        }
    }

    @Test func sharedFilesForWhichNoThreadCanBeMadeAreAnError() async {
        await #expect(processExitsWith: .success) {
            try Self.leaveNoThreads()
            let error = await failure { () async throws(AWSError) in
                try await Self.settings().profile()
            }
            #expect(error?.message.contains("pids") == true, "\(error?.message ?? "")")
        }
    }
}
