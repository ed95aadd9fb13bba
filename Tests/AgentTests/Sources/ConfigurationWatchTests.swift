import Logging
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Agent

struct ConfigurationWatchTests {
    @Test func theWaitIsJittered() {
        #expect(ConfigurationWatch.waitMs(60_000, 0) == 54_000)
        #expect(ConfigurationWatch.waitMs(60_000, 0.5) == 60_000)
        #expect(ConfigurationWatch.waitMs(60_000, 1) == 66_000)
    }

    /// A fault in between is passed over, and what has not changed is not handed on.
    @Test func eachNewTextIsHandedOn() async throws {
        func answer(_ value: String, _ version: Int) -> (Int, String) {
            (200, "{\"Parameter\":{\"Value\":\"\(value)\",\"Version\":\(version)}}")
        }
        let http = ScriptedSources([
            answer("a: 1", 1), answer("a: 1", 1), (400, #"{"__type":"ParameterNotFound"}"#),
            answer("a: 2", 2),
            answer("a: 3", 3),
        ])
        let clock = ManualClock()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var reader = ConfigurationReader(
            AgentOptions(configFile: "ssm:/a"), clock: clock, files: POSIXFiles(), logger: logger)
        reader.ways = http.ways(clock)
        let watch = ConfigurationWatch(reader: reader, clock: clock, logger: logger, random: { 0.5 })
        let seen = Mutex<[String]>([])
        let first = try await reader.read()
        let task = Task {
            await watch.run(from: first.version) { found in
                seen.withLock { $0.append(String(decoding: found.text, as: UTF8.self)) }
            }
        }
        while seen.withLock({ $0.count }) < 2 {
            if clock.sleeperCount > 0 { clock.advance(ms: 60_000) }
            await Task.yield()
        }
        task.cancel()
        await task.value
        #expect(seen.withLock { $0 } == ["a: 2", "a: 3"])
    }

    @Test func aVariableIsNotWatched() async {
        let clock = ManualClock()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let reader = ConfigurationReader(
            AgentOptions(configFile: "env:A"), clock: clock, files: POSIXFiles(), logger: logger)
        await ConfigurationWatch(reader: reader, clock: clock, logger: logger).run(from: nil) { _ in
            Issue.record("nothing can change")
        }
    }
}
