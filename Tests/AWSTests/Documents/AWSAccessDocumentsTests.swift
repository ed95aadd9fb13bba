import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

struct AWSAccessDocumentsTests {
    func access(_ http: any HTTPPerforming, _ more: [String: String] = [:]) -> AWSAccess {
        let environment = [
            "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        ].merging(more) { $1 }
        return AWSAccess(
            environment: environment, files: POSIXFiles(), http: http, clock: ManualClock(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func body(_ request: HTTPRequest) -> String { String(decoding: request.body, as: UTF8.self) }

    @Test func aParameterIsAskedForDecrypted() async throws {
        let http = ScriptedHTTP([
            .status(200, #"{"Parameter":{"Name":"/n","Type":"SecureString","Value":"a: b","Version":7}}"#)
        ])
        let found = try await access(http).parameter("/n", limitBytes: 100)
        #expect(found.bytes == Array("a: b".utf8) && found.version.hasPrefix("7 "))
        let request = try #require(http.requests.first)
        #expect(request.url == "https://ssm.eu-west-1.amazonaws.com/")
        #expect(HTTPHeaders(request.headers)["X-Amz-Target"] == "AmazonSSM.GetParameter")
        #expect(body(request) == #"{"Name":"/n","WithDecryption":true}"#)
    }

    @Test func anARNIsAskedForInItsRegion() async throws {
        let http = ScriptedHTTP([.status(200, #"{"Parameter":{"Value":"x","Version":1}}"#)])
        _ = try await access(http).parameter(
            "arn:aws:ssm:us-east-2:123456789012:parameter/n", limitBytes: 100)
        #expect(http.requests.map(\.url) == ["https://ssm.us-east-2.amazonaws.com/"])
        #expect(AWSAccess.region(ofARN: "arn:aws:ssm:evil.example/:1:parameter/n") == nil)
        #expect(AWSAccess.region(ofARN: "/a/parameter") == nil)
    }

    @Test func aSecretIsAskedForByItsVersion() async throws {
        let http = ScriptedHTTP([.status(200, #"{"SecretString":"{\"a\":1}","VersionId":"v-1"}"#)])
        let found = try await access(http).secret("shop", versionStage: "AWSCURRENT", limitBytes: 100)
        #expect(found == StoredText(bytes: Array(#"{"a":1}"#.utf8), version: "v-1"))
        let request = try #require(http.requests.first)
        #expect(request.url == "https://secretsmanager.eu-west-1.amazonaws.com/")
        #expect(HTTPHeaders(request.headers)["X-Amz-Target"] == "secretsmanager.GetSecretValue")
        #expect(body(request) == #"{"SecretId":"shop","VersionStage":"AWSCURRENT"}"#)
    }

    @Test func aBinarySecretIsGivenInBase64() async throws {
        let http = ScriptedHTTP([.status(200, #"{"SecretBinary":"YTogYg==","VersionId":"v-1"}"#)])
        #expect(try await access(http).secret("shop", limitBytes: 100).bytes == Array("YTogYg==".utf8))
    }

    @Test func noErrorShowsTheValue() async {
        for answer in [#"{"Parameter":{"Value":"hush"}}"#, #"{"Parameter":"hush"}"#, #"{"hush""#] {
            let http = ScriptedHTTP([.status(200, answer)])
            let error = await failure { () async throws(AWSError) in
                try await access(http).parameter("/n", limitBytes: 100)
            }
            #expect(error?.code == .malformed)
            #expect(error.map { "\($0)".contains("hush") } == false)
        }
    }

    @Test func whatIsTooLongIsRefused() async {
        let http = ScriptedHTTP([.status(200, #"{"Parameter":{"Value":"12345","Version":1}}"#)])
        let error = await failure { () async throws(AWSError) in
            try await access(http).parameter("/n", limitBytes: 4)
        }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains("5 bytes; at most 4") == true)
    }

    /// Each service has a name of its own for a server's fault.
    @Test(arguments: ["InternalServerError", "InternalServiceError", "InternalFailure", "ServiceUnavailable"])
    func aServersFaultMayPass(name: String) async {
        let http = ScriptedHTTP([.status(500, #"{"__type":"\#(name)"}"#)])
        let clock = ManualClock()
        let access = AWSAccess(
            environment: [
                "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1",
            ], files: POSIXFiles(), http: http, clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let mover = Task {
            while !Task.isCancelled {
                if clock.sleeperCount > 0 { clock.advance(ms: 1_000) }
                await Task.yield()
            }
        }
        defer { mover.cancel() }
        let error = await failure { () async throws(AWSError) in
            try await access.parameter("/n", limitBytes: 100)
        }
        #expect(error?.mayPass == true, "\(String(describing: error))")
    }

    /// A machine's network, and what gives its credentials and its region, come up after its programs.
    @Test func credentialsAndARegionThatAreNotThereYetMayPass() async {
        let http = ScriptedHTTP([.failure(HTTPError(.connect, "no route"))])
        func error(_ environment: [String: String]) async -> AWSError? {
            let access = AWSAccess(
                environment: environment, files: POSIXFiles(), http: http, clock: ManualClock(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            return await failure { () async throws(AWSError) in
                try await access.parameter("/n", limitBytes: 100)
            }
        }
        let none = await error(["AWS_REGION": "eu-west-1", "HOME": "/nonexistent"])
        #expect(none?.code == .noCredentials && none?.mayPass == true, "\(String(describing: none))")
        let nowhere = await error(["HOME": "/nonexistent"])
        #expect(nowhere?.code == .noRegion && nowhere?.mayPass == true)
        let never = await error(["AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"])
        #expect(never?.code == .noRegion && never?.mayPass == false)
        let disabled = await error([
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1", "HOME": "/nonexistent",
        ])
        #expect(disabled?.code == .noCredentials && disabled?.mayPass == false)
    }

    /// A parameter that was deleted and made anew begins at version 1 again.
    @Test func aParametersVersionTellsItsTextToo() async throws {
        let http = ScriptedHTTP([
            .status(200, #"{"Parameter":{"Value":"a","Version":1}}"#),
            .status(200, #"{"Parameter":{"Value":"b","Version":1}}"#),
        ])
        let first = try await access(http).parameter("/n", limitBytes: 100)
        #expect(try await access(http).parameter("/n", limitBytes: 100).version != first.version)
    }

    @Test func whatIsNotThereIsNotFound() async {
        let http = ScriptedHTTP([.status(400, #"{"__type":"ParameterNotFound","message":""}"#)])
        let error = await failure { () async throws(AWSError) in
            try await access(http).parameter("/n", limitBytes: 100)
        }
        #expect(error?.code == .notFound)
    }

    @Test func anObjectIsNotFetchedAgainWhileItsVersionStays() async throws {
        let tags = [
            HTTPHeader(name: "ETag", value: "\"abc\""), HTTPHeader(name: "x-amz-version-id", value: "v1"),
        ]
        let http = ScriptedHTTP([.status(200, "global: {}", tags), .status(304, "")])
        let location = try S3Location("s3://shop/k")
        let access = access(http)
        let first = try #require(try await access.object(location, unless: nil, limitBytes: 100))
        #expect(first.version == "\"abc\" v1")
        #expect(try await access.object(location, unless: first.version, limitBytes: 100) == nil)
        let headers = http.requests.map { HTTPHeaders($0.headers)["If-None-Match"] }
        #expect(headers == [nil, "\"abc\""])
    }

    @Test(arguments: [" v1", "", "a\u{1}b v1"])
    func aVersionWithoutATagAsksForTheWholeObject(version: String) {
        #expect(ObjectVersion(version).entityTag == nil)
    }
}
