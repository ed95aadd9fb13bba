import Configuration
import HTTPTransport
import Platform
import Testing

@testable import Agent

struct ConfigurationFetcherTests {
    typealias Answer = ScriptedSources.Answer

    private func fetch(
        _ text: String, _ http: ScriptedSources, unless version: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> ConfigurationFetcher.Fetched? {
        try await ConfigurationFetcher(environment: environment, files: POSIXFiles())
            .fetch(try ConfigurationLocation(text), unless: version, by: http.ways())
    }

    private func fault(_ text: String, _ http: ScriptedSources) async -> SourceFault? {
        do {
            _ = try await fetch(text, http)
            return nil
        } catch {
            return error as? SourceFault
        }
    }

    @Test func aParameterHasItsVersion() async throws {
        let http = ScriptedSources([(200, #"{"Parameter":{"Value":"a: b","Version":7}}"#)])
        let found = try #require(try await fetch("ssm:/a", http))
        #expect(found.bytes == Array("a: b".utf8) && found.version.hasPrefix("7 "))
        #expect(try await fetch("ssm:/a", http, unless: found.version) == nil)
        #expect(try await fetch("ssm:/a", http, unless: "6") == found)
    }

    /// By the composer's name.
    @Test func aRoleOfTheConfigurationsOwnIsAssumedFirst() async throws {
        let http = ScriptedSources([(403, "")])
        await #expect(throws: SourceFault.self) {
            try await fetch("ssm:/a", http, environment: ["CONFIG_IAM_ROLE_ARN": "arn:aws:iam::1:role/r"])
        }
        #expect(http.requests.allSatisfy { $0.url.contains("://sts.") } && http.asked > 0)
        #expect(String(decoding: http.requests[0].body, as: UTF8.self).contains("role%2Fr"))
    }

    @Test func redirectsAreFollowedWithoutCredentialsAndNotToClearText() async throws {
        func ask(_ location: String) async throws -> (found: ConfigurationFetcher.Fetched?, [HTTPRequest]) {
            let http = ScriptedSources([
                Answer(status: 302, headers: [HTTPHeader(name: "Location", value: location)]),
                Answer(body: "a: b"),
            ])
            let fetcher = ConfigurationFetcher(environment: [:], files: POSIXFiles())
            let found = try await fetcher.web(
                .init(url: "https://h/a", username: "u", password: Secret("hush")), by: http.ways())
            return (found, http.requests)
        }
        let (there, asked) = try await ask("https://other/b")
        #expect(there?.bytes == Array("a: b".utf8))
        #expect(asked.map(\.url) == ["https://h/a", "https://other/b"])
        #expect(asked.map(\.timeoutMs) == [10_000, 10_000])
        #expect(asked.map { HTTPHeaders($0.headers)["Authorization"] != nil } == [true, false])
        let (_, home) = try await ask("/b")
        #expect(home.map { HTTPHeaders($0.headers)["Authorization"] != nil } == [true, true])
        for location in ["http://h/b", "http://127.0.0.1/b", "ftp://h/b", "https://u:p@h/b", ""] {
            await #expect(throws: SourceFault.self, "\(location)") { try await ask(location) }
        }
        let loop = ScriptedSources([
            Answer(status: 302, headers: [HTTPHeader(name: "Location", value: "/a")])
        ])
        let fault = await fault("https://h/a", loop)
        #expect(fault?.message.contains("more than 5 redirects") == true && loop.asked == 6)
    }

    @Test func aSecretMayHoldTheTextInAMember() async throws {
        let http = ScriptedSources([(200, #"{"SecretString":"{\"a\":\"b: c\",\"d\":1}","VersionId":"v"}"#)])
        #expect(try await fetch("secretsmanager:s#a", http)?.bytes == Array("b: c".utf8))
        #expect(try await fetch("secretsmanager:s#a", http, unless: "v") == nil)
        for key in ["d", "none"] {
            let fault = await fault("secretsmanager:s#\(key)", http)
            #expect(fault != nil && fault?.message.contains("b: c") == false && fault?.mayPass == false)
        }
    }

    @Test(arguments: [
        ([HTTPHeader(name: "ETag", value: "W/\"1\"")], "If-None-Match", "W/\"1\""),
        (
            [HTTPHeader(name: "Last-Modified", value: "Sat, 21 Nov 2026 03:29:41 GMT")], "If-Modified-Since",
            "Sat, 21 Nov 2026 03:29:41 GMT"
        ),
    ])
    func aServerIsAskedWhetherSomethingChanged(
        headers: [HTTPHeader], condition: String, value: String
    ) async throws {
        let http = ScriptedSources([Answer(body: "a: b", headers: headers), Answer(status: 304)])
        let found = try #require(try await fetch("https://h/a", http))
        #expect(try await fetch("https://h/a", http, unless: found.version) == nil)
        let asked = http.requests.map { HTTPHeaders($0.headers)[condition] }
        #expect(asked == [nil, value])
        #expect(http.requests.allSatisfy { !$0.followRedirects })
    }

    @Test func aServerThatSaysNothingIsComparedByContent() async throws {
        let http = ScriptedSources([(200, "a: b"), (200, "a: b"), (200, "a: c")])
        let found = try #require(try await fetch("https://h/a", http))
        #expect(try await fetch("https://h/a", http, unless: found.version) == nil)
        #expect(try await fetch("https://h/a", http, unless: found.version)?.bytes == Array("a: c".utf8))
    }

    @Test func whatMayPassIsToldFromWhatMayNot() async {
        func mayPass(_ answer: Answer) async -> Bool? {
            await fault("https://h/a?token=hush", ScriptedSources([answer]))?.mayPass
        }
        #expect(await mayPass(Answer(status: 503)) == true)
        #expect(await mayPass(Answer(failure: HTTPError(.connect, "refused"))) == true)
        #expect(await mayPass(Answer(failure: HTTPError(.tls, "certificate"))) == false)
        #expect(await mayPass(Answer(status: 404)) == false)
        let moved = await fault("https://h/a?token=hush", ScriptedSources([Answer(status: 302)]))
        #expect(moved?.message.contains("redirect") == true && moved?.message.contains("hush") == false)
    }
}
