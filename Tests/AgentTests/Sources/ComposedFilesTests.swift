import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import Agent

struct ComposedFilesTests {
    private typealias Companion = ReadConfiguration.Companion

    private func index(_ files: [(String, String)]) throws(SourceFault) -> Int {
        try ComposedFiles.configurationIndex(
            files.map { Companion(path: $0.0, bytes: Array($0.1.utf8), mode: 0o644) }, document: "job")
    }

    @Test func theOneConfigurationIsFound() throws {
        #expect(try index([("/a.txt", "text"), ("/b.conf", "global: {}")]) == 1)
        #expect(try index([("/a.yml", "scrape_configs: []"), ("/c/prometheus.yml", "global: {}")]) == 1)
    }

    /// A file of jobs beside the configuration has a section of one as well.
    @Test func theOneThatShipsIsPreferred() throws {
        #expect(try index([("/jobs.yml", "scrape_configs: []"), ("/agent.yml", "remote_write: []")]) == 1)
        #expect(
            try index([("/agent.yml", "global: {}\nscrape_configs: []"), ("/jobs.yml", "scrape_configs: []")])
                == 0)
    }

    /// The composer takes `$NAME` and leaves what is not set.
    @Test func namesOfSourcesHoldVariablesAsInTheComposer() async throws {
        let http = ScriptedSources([(200, #"{"Parameter":{"Value":"global: {}","Version":7}}"#)])
        _ = try await read(
            "files: {/prometheus.yml: {source: {Ssm: {ParameterName: '$NAME/${NONE}/${NONE:-d}'}}}}", http)
        #expect(
            String(decoding: http.requests[0].body, as: UTF8.self).contains(#""Name":"/shop/${NONE}/d""#))
    }

    @Test func emptyContentWithASourceIsFetched() async throws {
        let http = ScriptedSources([(200, #"{"Parameter":{"Value":"global: {}","Version":7}}"#)])
        let found = try await read(
            "files: {/prometheus.yml: {content: '', source: {Ssm: {ParameterName: a}}}}", http)
        #expect(found.text == Array("global: {}".utf8))
    }

    /// A file beside the configuration that the web does not give costs that file only.
    @Test func aPageThatIsNotThereIsAWarning() async throws {
        let http = ScriptedSources([(404, "")])
        let found = try await read(
            """
            files:
              /a.txt: {source: {Url: {Url: 'https://h/a'}}}
              /prometheus.yml: {content: "global: {}"}
            """, http)
        #expect(found.companions == [] && found.warnings.count == 1)
    }

    @Test func noneAndSeveralAreFaults() {
        let none = #expect(throws: SourceFault.self) { try index([("/a.txt", "text")]) }
        #expect(none?.message.contains("/a.txt") == true)
        let several = #expect(throws: SourceFault.self) {
            try index([("/a.yml", "global: {}"), ("/b.yml", "global: {}")])
        }
        #expect(several?.message.contains("prometheus.yml") == true)
    }

    private func read(_ job: String, _ http: ScriptedSources) async throws -> ReadConfiguration {
        var options = AgentOptions(configFile: "env:JOB")
        options.environment = ["JOB": job, "NAME": "/shop"]
        var reader = ConfigurationReader(
            options, clock: ManualClock(), files: POSIXFiles(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        reader.ways = http.ways()
        return try await reader.read()
    }

    @Test func aSourceIsFetchedAndItsVersionCounts() async throws {
        let http = ScriptedSources([(200, #"{"Parameter":{"Value":"global: {}","Version":7}}"#)])
        let found = try await read(
            "files: {/etc/prometheus.yml: {source: {Ssm: {ParameterName: '${NAME}'}}}}", http)
        #expect(found.text == Array("global: {}".utf8))
        #expect(found.version.parts.contains("job") && found.version.parts.last?.hasPrefix("7 ") == true)
        #expect(found.version.isRemote)
        #expect(String(decoding: http.requests[0].body, as: UTF8.self).contains(#""Name":"/shop""#))
    }

    @Test func aSourceThatFailsCostsTheStartOrItsFile() async throws {
        let missing = (400, #"{"__type":"ParameterNotFound"}"#)
        let job = """
            files:
              /a.txt: {source: {Ssm: {ParameterName: /a}}, ignore_if_failed: IGNORED}
              /prometheus.yml: {content: "global: {}"}
            """
        await #expect(throws: AgentError.self) {
            try await read(job.replacing("IGNORED", with: "false"), ScriptedSources([missing]))
        }
        let found = try await read(job.replacing("IGNORED", with: "true"), ScriptedSources([missing]))
        #expect(found.companions == [] && found.warnings.count == 1)
    }

    @Test func clearTextIsNotFetched() async {
        let http = ScriptedSources([(200, "global: {}")])
        await #expect(throws: AgentError.self) {
            try await read("files: {/prometheus.yml: {source: {Url: {Url: 'http://h/a'}}}}", http)
        }
        #expect(http.asked == 0)
    }
}
