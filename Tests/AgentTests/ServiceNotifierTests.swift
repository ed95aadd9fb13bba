import Glibc
import Logging
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct ServiceNotifierTests {
    private final class Setting: Sendable {
        let folder: TemporaryFolder
        let receiver: NotifyReceiver
        let clock = ManualClock()

        init() throws {
            folder = try TemporaryFolder()
            receiver = try NotifyReceiver("\(folder.path)/notify")
        }

        func notifier(_ environment: [String: String] = [:], processID: Int32 = 7) -> ServiceNotifier? {
            ServiceNotifier(
                environment: ["NOTIFY_SOCKET": receiver.variable].merging(environment) { $1 },
                processID: processID, clock: clock, logger: Logger(label: "test"))
        }

        /// The manager stands still: it takes no further message of anybody.
        func fill() throws {
            // Each sender may have so many bytes on their way; the receiver has its own bound.
            for _ in 0..<1_000 {
                let socket = try NotifySocket(receiver.variable)
                var sent = 0
                for _ in 0..<100_000 {
                    do throws(NotifySocket.Fault) { try socket.send([.watchdog]) } catch { break }
                    sent += 1
                }
                guard sent > 0 else { return }
            }
            Issue.record("the queue of a socket has a bound")
        }

        /// It reads again. What fills its queue is left out.
        func told() -> [String] { receiver.all().filter { $0 != "WATCHDOG=1" } }

        func sleeping() async throws {
            for _ in 0..<5_000 where clock.sleeperCount == 0 { try await SystemClock().sleep(forMs: 1) }
            #expect(clock.sleeperCount == 1)
        }
    }

    @Test func nobodyIsToldWithoutASocket() throws {
        let setting = try Setting()
        #expect(setting.notifier(["NOTIFY_SOCKET": ""]) == nil)
        #expect(setting.notifier(["NOTIFY_SOCKET": "vsock:2:1"]) == nil)
        #expect(setting.notifier() != nil)
    }

    @Test(
        arguments: [
            ([:], nil), (["WATCHDOG_USEC": "3000000"], 1_500), (["WATCHDOG_USEC": "1"], 1),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], 1_500),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": ""], 1_500),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], nil),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "x"], nil), (["WATCHDOG_USEC": "0"], nil),
            (["WATCHDOG_USEC": "-5"], nil),
            (["WATCHDOG_USEC": "18446744073709551615"], 9_223_372_036_854_775),
        ] as [([String: String], Int64?)])
    func theWatchdogIsFedAtHalfItsTimeByTheProcessItIsFor(environment: [String: String], ms: Int64?) throws {
        #expect(try Setting().notifier(environment)?.watchdogMs == ms)
    }

    @Test func aLifeIsToldInOrder() throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier())
        notifier.ready()
        setting.clock.advance(ms: 5)
        notifier.reloading()
        notifier.reloading()
        notifier.reloaded("configuration NOT reloaded: narthex.yml:3:1: \"x\" is no key")
        notifier.reloaded("configuration reloaded")
        notifier.stopping(flushMs: 20_000)
        // What ends late is told to nobody.
        notifier.reloaded("configuration reloaded")
        notifier.reloading()
        notifier.stopping(flushMs: 20_000)
        #expect(
            setting.receiver.all() == [
                "READY=1\nSTATUS=scraping", "RELOADING=1\nMONOTONIC_USEC=1005000",
                "READY=1\nSTATUS=configuration NOT reloaded: narthex.yml:3:1: \"x\" is no key",
                "STATUS=configuration reloaded",
                "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=stopping",
            ])
    }

    @Test func signsOfLifeComeAtHalfTheTimeAndOnlyWithAPulse() async throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier(["WATCHDOG_USEC": "10000000"]))
        notifier.ready()
        #expect(setting.receiver.all() == ["READY=1\nSTATUS=scraping"])
        let stands = Mutex(false)
        let moved = Event()
        let running = Task {
            await notifier.run(
                pulse: { if stands.withLock({ $0 }) { await moved.wait() } },
                condition: { "1 of 1 targets up" })
        }
        try await setting.sleeping()
        #expect(setting.receiver.all() == ["WATCHDOG=1\nSTATUS=1 of 1 targets up"])
        setting.clock.advance(ms: 4_999)
        #expect(setting.receiver.all() == [])
        setting.clock.advance(ms: 1)
        try await setting.sleeping()
        #expect(setting.receiver.all() == ["WATCHDOG=1"], "the status is the same")
        stands.withLock { $0 = true }
        setting.clock.advance(ms: 5_000)
        for _ in 0..<5_000 where moved.waiterCount == 0 { try await SystemClock().sleep(forMs: 1) }
        setting.clock.advance(ms: 60_000)
        #expect(setting.receiver.all() == [], "what must move stands still")
        moved.signal()
        try await setting.sleeping()
        #expect(setting.receiver.all() == ["WATCHDOG=1"])
        running.cancel()
        await running.value
    }

    @Test func withoutAWatchdogOnlyTheStatusIsTold() async throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier())
        let number = Mutex(0)
        notifier.ready()
        notifier.reloaded("configuration reloaded")
        let running = Task {
            await notifier.run(
                pulse: {},
                condition: {
                    number.withLock { number in
                        number += 1
                        return "\(number) targets up"
                    }
                })
        }
        try await setting.sleeping()
        setting.clock.advance(ms: 30_000)
        try await setting.sleeping()
        #expect(
            setting.receiver.all() == [
                "READY=1\nSTATUS=scraping", "STATUS=configuration reloaded",
                "STATUS=1 targets up; configuration reloaded",
                "STATUS=2 targets up; configuration reloaded",
            ])
        running.cancel()
        await running.value
    }

    /// The first status would otherwise come before READY, or stay away after it.
    @Test func nothingIsToldBeforeTheStartIsOver() async throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier())
        let running = Task { await notifier.run(pulse: {}, condition: { "up" }) }
        for _ in 0..<50 where setting.clock.sleeperCount == 0 { try await SystemClock().sleep(forMs: 1) }
        #expect(setting.receiver.all() == [])
        notifier.ready()
        try await setting.sleeping()
        #expect(setting.receiver.all() == ["READY=1\nSTATUS=scraping", "STATUS=up"])
        running.cancel()
        await running.value
    }

    @Test func aFirstStatusThatIsAsBeforeTheStartIsToldAllTheSame() async throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier())
        notifier.reloaded("configuration reloaded")
        notifier.ready()
        let running = Task { await notifier.run(pulse: {}, condition: { "" }) }
        try await setting.sleeping()
        #expect(setting.receiver.all().last == "STATUS=configuration reloaded")
        running.cancel()
        await running.value
    }

    @Test func whatAManagerThatIsBehindMissesIsSentAgain() async throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier())
        try setting.fill()
        notifier.ready()
        let running = Task { await notifier.run(pulse: {}, condition: { "up" }) }
        try await setting.sleeping()
        #expect(setting.told() == [])
        setting.clock.advance(ms: 100)
        try await setting.sleeping()
        #expect(setting.told() == ["READY=1\nSTATUS=up"], "a status that is over is not told")
        running.cancel()
        await running.value
    }

    /// Five seconds of a manager that reads nothing, while reloads come and go.
    @Test func aManagerThatIsBehindForLongHearsWhatCountsAndNoSignsOfLifeThatAreOver() async throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier(["WATCHDOG_USEC": "200000"]))
        try setting.fill()
        notifier.ready()
        let number = Mutex(0)
        let running = Task {
            await notifier.run(
                pulse: {},
                condition: {
                    number.withLock { number in
                        number += 1
                        return "look \(number)"
                    }
                })
        }
        for step in 0..<50 {
            try await setting.sleeping()
            if step % 10 == 5 {
                notifier.reloading()
                notifier.reloaded("reload \(step)")
            }
            setting.clock.advance(ms: 100)
        }
        try await setting.sleeping()
        let looks = number.withLock { $0 }
        #expect(setting.told() == [])
        setting.clock.advance(ms: 100)
        try await setting.sleeping()
        #expect(
            setting.receiver.all() == [
                "READY=1", "RELOADING=1\nMONOTONIC_USEC=5500000",
                "READY=1\nSTATUS=look \(looks + 1); reload 45", "WATCHDOG=1",
            ])
        running.cancel()
        await running.value
    }

    @Test func aManagerThatComesLateHearsThatTheStartIsOver() async throws {
        let setting = try Setting()
        let path = "\(setting.folder.path)/late"
        let notifier = try #require(setting.notifier(["NOTIFY_SOCKET": path]))
        notifier.ready()
        let running = Task { await notifier.run(pulse: {}, condition: { "up" }) }
        try await setting.sleeping()
        let receiver = try NotifyReceiver(path)
        setting.clock.advance(ms: 30_000)
        for _ in 0..<5_000 where setting.clock.sleeperCount == 0 { try await SystemClock().sleep(forMs: 1) }
        #expect(receiver.all() == ["READY=1\nSTATUS=up"])
        running.cancel()
        await running.value
    }

    @Test func aStopThatTheManagerHadNoRoomForIsToldAgain() async throws {
        let setting = try Setting()
        let notifier = try #require(setting.notifier())
        try setting.fill()
        notifier.stopping(flushMs: 20_000)
        let telling = Task { await notifier.tellRest() }
        try await setting.sleeping()
        setting.clock.advance(ms: 100)
        try await setting.sleeping()
        #expect(setting.told() == [])
        setting.clock.advance(ms: 100)
        await telling.value
        #expect(setting.told() == ["STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=stopping"])
        // Nothing is left to be told.
        await notifier.tellRest()
    }

    @Test func anAgentThatStopsTellsAManagerThatIsBehind() async throws {
        let setting = try Setting()
        var options = AgentOptions(configFile: setting.folder.path + "/narthex.yml")
        options.storagePath = setting.folder.path + "/data"
        options.listenAddress = "127.0.0.1:0"
        options.flushDeadlineMs = 40_000
        options.environment = [
            "NOTIFY_SOCKET": setting.receiver.variable, "AWS_EC2_METADATA_DISABLED": "true",
        ]
        // What it says of the target that is not there waits for a receiver that is not there.
        let text =
            "global: {scrape_interval: 1s}\n"
            + "scrape_configs: [{job_name: a, static_configs: [{targets: [\"127.0.0.1:1\"]}]}]\n"
            + "remote_write: [{name: amp, url: \"http://127.0.0.1:1/a\"}]\n"
        try POSIXFiles().replace(options.configFile, with: Array(text.utf8))
        let agent = try await Agent.start(options)
        for _ in 0..<1_000 where agent.snapshot().scraped == 0 { try await SystemClock().sleep(forMs: 10) }
        try setting.fill()
        let stopping = Task { try await agent.stop() }
        // The manager reads again only after the stop found no room; and then nothing but the stop itself is
        // there to tell it.
        for _ in 0..<5_000 where agent.notifier?.isStopping != true {
            try await SystemClock().sleep(forMs: 1)
        }
        try #require(agent.notifier?.isStopping == true)
        try await SystemClock().sleep(forMs: 300)
        var told: [String] = []
        for _ in 0..<5_000 where !told.contains(where: { $0.hasPrefix("STOPPING=1") }) {
            try await SystemClock().sleep(forMs: 10)
            told += setting.told()
        }
        #expect(told.contains { $0.hasPrefix("STOPPING=1\nEXTEND_TIMEOUT_USEC=50000000") })
        await agent.stopAtOnce()
        _ = try await stopping.value
    }

    @Test func anAgentTellsItsWholeLifeAndHandsTheVariablesToNobody() async throws {
        let setting = try Setting()
        var options = AgentOptions(configFile: setting.folder.path + "/narthex.yml")
        options.storagePath = setting.folder.path + "/data"
        options.listenAddress = "127.0.0.1:0"
        options.flushDeadlineMs = 0
        options.environment = [
            "NOTIFY_SOCKET": setting.receiver.variable, "WATCHDOG_USEC": "200000",
            "AWS_EC2_METADATA_DISABLED": "true",
        ]
        func put(_ text: String) throws {
            try POSIXFiles().replace(options.configFile, with: Array(text.utf8))
        }
        let job = "scrape_configs: [{job_name: a, static_configs: [{targets: [\"127.0.0.1:1\"]}]}]\n"
        let destination = "remote_write: [{name: amp, url: \"http://127.0.0.1:1/a\"}]\n"
        try put(job + destination)
        let agent = try await Agent.start(options)
        var messages: [String] = []
        func waiting(_ text: String) async throws {
            for _ in 0..<1_000 {
                messages += setting.receiver.all()
                if messages.contains(where: { $0.contains(text) }) { return }
                try await SystemClock().sleep(forMs: 10)
            }
            Issue.record("never told: \(text); told: \(messages)")
        }
        try await waiting("WATCHDOG=1\nSTATUS=0 of 1 targets up; amp: ")
        #expect(messages.first == "READY=1\nSTATUS=scraping")
        messages = []
        try put(job + destination + "nonsense: 1\n")
        agent.requestReload()
        try await waiting("READY=1\nSTATUS=0 of 1 targets up")
        let told = try #require(messages.firstIndex { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") })
        let ended = try #require(messages.firstIndex { $0.hasPrefix("READY=1") })
        #expect(told < ended && messages[ended].contains("configuration NOT reloaded: "))
        #expect(messages[ended].contains("nonsense"))
        messages = []
        try put(job + destination)
        try await agent.reload()
        try await waiting("configuration read again, nothing has changed")
        messages = []
        try await agent.stop()
        messages = setting.receiver.all()
        #expect(messages.last == "STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000\nSTATUS=stopping")
    }
}
