import AWS
import Configuration
import HTTPTransport
import Logging
import MetricModel
import Platform
import TestSupport
import Testing

@testable import Agent

struct ConfigurationReaderTests {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    func reader(
        _ location: String, _ http: ScriptedSources? = nil, clock: ManualClock = ManualClock(),
        environment: [String: String] = [:], storage: String = "/nonexistent"
    ) -> ConfigurationReader {
        var options = AgentOptions(configFile: location)
        options.environment = environment
        options.storagePath = storage
        var reader = ConfigurationReader(
            options, clock: clock, files: POSIXFiles(), logger: logger, hint: "; or so")
        reader.ways = http?.ways(clock)
        reader.asksServices = http != nil
        return reader
    }

    func write(_ text: String, _ path: String) throws {
        try POSIXFiles().replace(path, with: Array(text.utf8))
    }

    static let unwell = (503, "<Error><Code>ServiceUnavailable</Code></Error>")

    /// Reads an object while the clock is moved on.
    func object(_ http: ScriptedSources, stepMs: Int64 = 100) async throws -> String {
        let clock = ManualClock()
        let reader = reader("s3://shop/narthex.yml", http, clock: clock)
        let found = try await moving(clock, stepMs: stepMs) { try await reader.read() }
        return String(decoding: found.text, as: UTF8.self)
    }

    @Test func aServiceThatIsNotWellIsAskedAgain() async throws {
        let http = ScriptedSources([Self.unwell, Self.unwell, Self.unwell, Self.unwell, (200, "global: {}")])
        #expect(try await object(http) == "global: {}")
        #expect(http.asked == 5)
    }

    @Test func butNotForEver() async {
        let http = ScriptedSources([Self.unwell])
        await #expect(throws: AgentError.self) { try await object(http) }
        #expect(http.asked == 15, "five times three attempts")
        let slow = ScriptedSources([Self.unwell])
        await #expect(throws: AgentError.self) { try await object(slow, stepMs: 10_000) }
        #expect(slow.asked == 3, "three attempts that take all of the time there is")
    }

    @Test func aRefusalIsFinalAndNamesThePolicy() async {
        let http = ScriptedSources([(403, "<Error><Code>AccessDenied</Code></Error>")])
        await #expect {
            try await object(http)
        } throws: {
            "\($0)".contains("s3:GetObject") && "\($0)".contains("config-s3.json")
        }
        #expect(http.asked == 1)
    }

    @Test func aPlaceThatIsNoneIsSaidWithTheFlag() async {
        for name in ["s3://Shop/a.yml", "/nonexistent/narthex.yml", "env:NONE", "ssm://a"] {
            let reader = reader(name, ScriptedSources([(200, "")]))
            await #expect {
                try await reader.read()
            } throws: {
                let said = "\($0)"
                return said.hasPrefix("\(name): the configuration file cannot be read: ")
                    && said.hasSuffix(" (--config.file; or so)")
            }
        }
    }

    @Test func aPasswordIsNotSaid() async {
        let reader = reader("https://user:hush@host/", ScriptedSources([(200, "")]))
        await #expect {
            try await reader.read()
        } throws: {
            !"\($0)".contains("hush")
        }
    }

    @Test func whatIsFarAwayIsWatchedWithoutAFlag() {
        func watchMs(_ file: String, _ isAsked: Bool? = nil, everyMs: Int64? = nil) -> Int64? {
            var options = AgentOptions(configFile: file)
            options.reloadsByItself = isAsked
            options.autoReloadIntervalMs = everyMs
            return ConfigurationReader(
                options, clock: ManualClock(), files: POSIXFiles(), logger: Logger(label: "test")
            ).watchMs(ConfigurationVersion(parts: [], isRemote: file.contains("//") || file.hasPrefix("ssm")))
        }
        #expect(watchMs("a.yml") == nil && watchMs("env:A") == nil && watchMs("a.yml", everyMs: 5_000) == nil)
        #expect(watchMs("a.yml", true) == 30_000 && watchMs("ssm:/a", true) == 60_000)
        #expect(watchMs("ssm:/a") == 60_000 && watchMs("s3://shop/k", everyMs: 5_000) == 5_000)
        #expect(watchMs("ssm:/a", false) == nil && watchMs("ssm:/a", false, everyMs: 5_000) == nil)
    }

    @Test func aFileIsReadAgainWhenItChanged() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/a.yml"
        try write("global: {}", path)
        let reader = reader(path)
        let first = try await reader.read()
        #expect(first.name == path && first.text == Array("global: {}".utf8))
        #expect(try await reader.read(unless: first.version) == nil)
        try write("global: {} ", path)
        #expect(try await reader.read(unless: first.version)?.text == Array("global: {} ".utf8))
    }

    @Test(arguments: ["Z2xvYmFsOiB7fQ==", "Z2xvYmFs\nOiB7fQ==\n"])
    func base64IsDecoded(text: String) async throws {
        let reader = reader("env:CONTENT", environment: ["CONTENT": text])
        let found = try await reader.read()
        #expect(found.text == Array("global: {}".utf8))
        #expect(try await reader.read(unless: found.version) == nil)
    }

    /// `abcd` and `YWJj` are base64 of something that is no mapping.
    @Test(arguments: ["abcd", "YWJj", "global: {}", "a: [", ""])
    func whatDecodesToNoMappingStays(text: String) async throws {
        guard !text.isEmpty else { return }
        let found = try await reader("env:CONTENT", environment: ["CONTENT": text]).read()
        #expect(found.text == Array(text.utf8))
    }

    @Test func aJobGivesItsConfigurationAndCompanions() async throws {
        let folder = try TemporaryFolder()
        let job = """
            files:
              \(folder.path)/x/targets.json: {content: "W10=", encoding: base64, mode: "0600"}
              \(folder.path)/prometheus.yml:
                context: jinja2
                content: |
                  global: {external_labels: {a: "{{ env_var('A') }}"}}
            """
        let reader = reader("env:CONTENT", environment: ["CONTENT": job, "A": "b"])
        let found = try await reader.read()
        #expect(found.name == "\(folder.path)/prometheus.yml")
        #expect(String(decoding: found.text, as: UTF8.self).contains(#"a: "b""#))
        let target = "\(folder.path)/x/targets.json"
        #expect(found.companions == [.init(path: target, bytes: Array("[]".utf8), mode: 0o600)])
        #expect(try POSIXFiles().status(target) == nil, "reading writes nothing")
        reader.keep(found)
        #expect(try POSIXFiles().contents(of: target, limitBytes: 100) == Array("[]".utf8))
        #expect(try POSIXFiles().status(found.name) == nil)
        #expect(try await reader.read(unless: found.version) == nil)
    }

    @Test func theLastGoodOneServesWhileTheSourceIsAway() async throws {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        let good = reader("s3://shop/a.yml", ScriptedSources([(200, "global: {}")]), storage: folder.path)
        good.keep(try await good.read())
        let away = reader(
            "s3://shop/a.yml", ScriptedSources([Self.unwell]), clock: clock, storage: folder.path)
        let found = try await moving(clock) { try await away.readOrKept() }
        #expect(found.isKept && found.text == Array("global: {}".utf8) && found.name == "s3://shop/a.yml")
        let refused = reader(
            "s3://shop/a.yml", ScriptedSources([(403, "<Error><Code>AccessDenied</Code></Error>")]),
            storage: folder.path)
        await #expect(throws: AgentError.self) { try await refused.readOrKept() }
        let other = reader(
            "s3://shop/b.yml", ScriptedSources([Self.unwell]), clock: clock, storage: folder.path)
        await #expect(throws: AgentError.self) { try await moving(clock) { try await other.readOrKept() } }
    }

    private static let job = """
        files:
          FOLDER/prometheus.yml: {source: {Ssm: {ParameterName: "/{{ env_var('NAME') }}/prom"}}}
          FOLDER/x/secret.txt: {content: hush, mode: "0640"}
        """

    /// As the task definitions of the composer have it: the job stands in a variable, its sources do not.
    @Test func aJobsSourcesCountAsItsPlace() async throws {
        let folder = try TemporaryFolder()
        let job = Self.job.replacing("FOLDER", with: folder.path)
        let environment = ["JOB": job, "NAME": "shop"]
        let http = ScriptedSources([(200, #"{"Parameter":{"Value":"global: {}","Version":7}}"#)])
        let good = reader("env:JOB", http, environment: environment, storage: folder.path + "/data")
        let found = try await good.read()
        #expect(String(decoding: http.requests[0].body, as: UTF8.self).contains(#""Name":"/shop/prom""#))
        #expect(found.version.isRemote && good.watchMs(found.version) == 60_000)
        good.keep(found)
        let secret = "\(folder.path)/x/secret.txt"
        try POSIXFiles().remove(secret)
        let clock = ManualClock()
        let away = reader(
            "env:JOB", ScriptedSources([(500, #"{"__type":"InternalServerError"}"#)]), clock: clock,
            environment: environment, storage: folder.path + "/data")
        let kept = try await moving(clock) { try await away.readOrKept() }
        #expect(kept.isKept && kept.text == found.text && kept.name == "\(folder.path)/prometheus.yml")
        // A fresh container has only the volume of the storage directory.
        #expect(kept.companions == found.companions)
        away.keep(kept)
        #expect(try POSIXFiles().contents(of: secret, limitBytes: 100) == Array("hush".utf8))
    }

    /// A file whose source is away for a moment stays in the copy.
    @Test func theCopyKeepsWhatCannotBeReadForAMoment() async throws {
        let folder = try TemporaryFolder()
        let job = """
            files:
              \(folder.path)/a.txt: {source: {Ssm: {ParameterName: /a}}, ignore_if_failed: true}
              /none/prometheus.yml: {content: "global: {}"}
            """
        func reader(_ answer: (Int, String)) -> ConfigurationReader {
            self.reader(
                "env:JOB", ScriptedSources([answer]), environment: ["JOB": job],
                storage: folder.path + "/data")
        }
        let good = reader((200, #"{"Parameter":{"Value":"hush","Version":7}}"#))
        let whole = try await good.read()
        good.keep(whole)
        let bad = reader((400, #"{"__type":"ParameterNotFound"}"#))
        let part = try await bad.read()
        #expect(part.companions == [] && part.leftOut == ["\(folder.path)/a.txt"])
        bad.keep(part)
        let cache = ConfigurationCache(
            storagePath: folder.path + "/data", location: "env:JOB", environment: ["JOB": job],
            files: POSIXFiles())
        #expect(try cache.load()?.companions == whole.companions)
    }

    @Test func anErrorInAJobBeginsWithItsPlace() async throws {
        for (text, place) in [
            ("files:\n  /a.yml: {content: 'global: {}', encoding: hex}", "env:JOB:2:"),
            ("files:\n  /a.yml: {content: \"{{ env_var('NONE') }}\"}", "env:JOB:2:"),
            ("files:\n  /a.yml:\n    context: jinja2\n    content: '{% if a %}'", "env:JOB:2:"),
        ] {
            let reader = reader("env:JOB", environment: ["JOB": text])
            await #expect {
                try await reader.read()
            } throws: {
                "\($0)".hasPrefix(place)
            }
        }
    }

    @Test func whatAJobBringsHasItsMode() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/x/y/a.txt"
        func keep(_ mode: String) async throws -> UInt32 {
            let job = """
                files:
                  \(path): {content: b, mode: "\(mode)"}
                  /prometheus.yml: {content: "global: {}"}
                """
            let reader = reader("env:JOB", environment: ["JOB": job])
            reader.keep(try await reader.read())
            return try POSIXFiles().permissions(of: path)
        }
        #expect(try await keep("0644") == 0o644)
        for folder in ["\(folder.path)/x", "\(folder.path)/x/y"] {
            #expect(try POSIXFiles().permissions(of: folder) == 0o755)
        }
        #expect(try await keep("0600") == 0o600)
        #expect(try await keep("640") == 0o640)
        try write(String(repeating: "a", count: 5 << 20), path)
        #expect(try await keep("0644") == 0o644)
        #expect(try POSIXFiles().contents(of: path, limitBytes: 100) == Array("b".utf8))
    }

    @Test func aServiceIsNotAskedWhereNothingIs() async {
        await #expect(throws: AgentError.self) { try await reader("s3://shop/a.yml").read() }
    }

    // MARK: - the task's id

    private static let task = (
        200, "{\"Cluster\":\"c\",\"TaskARN\":\"arn:aws:ecs:eu-west-1:1:task/c/0123abc\"}"
    )
    private static let inTask = ["ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x"]
    private static let named = "global: {external_labels: {__replica__: '${ECS_TASK_ID}'}}"

    /// What is read, and how often the metadata were asked.
    private func asked(
        _ text: String, _ environment: [String: String], answers: [(Int, String)] = [task]
    ) async throws -> (ReadConfiguration, Int) {
        let folder = try TemporaryFolder()
        let path = folder.path + "/narthex.yml"
        try write(text, path)
        let http = ScriptedSources(answers)
        var options = AgentOptions(configFile: path)
        options.environment = environment
        let clock = ManualClock()
        var reader = ConfigurationReader(
            options, clock: clock, files: POSIXFiles(), logger: logger)
        reader.ways = http.ways(clock, environment: environment)
        let asking = reader
        let found = try await moving(clock, stepMs: 1_000) { try await asking.read() }
        return (found, http.asked)
    }

    @Test func aTextThatNamesTheTaskIsGivenItsID() async throws {
        let (found, count) = try await asked(Self.named, Self.inTask)
        #expect(found.taskID == "0123abc" && count == 1)
        let checked = try ConfigurationSource.checked(
            ConfigurationSource.Source(found), options: AgentOptions(configFile: "a.yml"),
            needsRemoteWrite: false)
        #expect(checked.global.externalLabels.labels.map(\.value) == ["0123abc"])
    }

    @Test(arguments: [
        ("global: {}", inTask), (named, [:]), (named, inTask.merging(["ECS_TASK_ID": "mine"]) { $1 }),
    ]) func nobodyIsAskedWhereThatHelpsNothing(text: String, environment: [String: String]) async throws {
        let (found, count) = try await asked(text, environment)
        #expect(found.taskID == nil && count == 0)
    }

    @Test func metadataThatDoNotTellEndTheStart() async {
        await #expect {
            try await asked(Self.named, Self.inTask, answers: [(503, "no")])
        } throws: {
            let text = ($0 as? AgentError)?.description ?? ""
            return text.contains("names ECS_TASK_ID") && text.contains("HTTP 503")
        }
    }
}
