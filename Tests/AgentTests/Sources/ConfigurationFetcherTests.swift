import HTTPTransport
import Platform
import Testing

@testable import Agent

struct ConfigurationFetcherTests {
    typealias Answer = ScriptedSources.Answer

    private func fetch(
        _ text: String, _ http: ScriptedSources, unless version: String? = nil
    ) async throws -> ConfigurationFetcher.Fetched? {
        try await ConfigurationFetcher(environment: [:], files: POSIXFiles())
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
        #expect(found == .init(bytes: Array("a: b".utf8), version: "7"))
        #expect(try await fetch("ssm:/a", http, unless: "7") == nil)
        #expect(try await fetch("ssm:/a", http, unless: "6") == found)
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
