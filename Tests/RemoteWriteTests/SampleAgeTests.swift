import Configuration
import Logging
import MetricModel
import Platform
import Telemetry
import TestSupport
import Testing

@testable import RemoteWrite

@Suite struct SampleAgeTests {
    /// The receiver is away while the clock jumps by two hours, and samples may be an hour old.
    @Test(.timeLimit(.minutes(1))) func aJumpOfTheClockGivesNothingUp() async throws {
        let machine = ManualClock(wallMs: 1_800_000_000_000)
        let clock = SteadyClock(machine) { _ in }
        let store = BufferedDestination(clock: clock)
        let target = TestFrames.target(job: "node")
        store.append((0..<4).map { TestFrames.frame(target, count: 10, timestampMs: clock.wallMs + $0) })
        let receiver = FakeReceiver(otherwise: .status(503))
        let writer = RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://receiver.example/", name: "main",
                queue: QueueConfiguration(maxSamplesPerSend: 10, sampleAgeLimitMs: 3_600_000)),
            destination: store.destination, http: receiver,
            credentials: nil, region: nil, workers: WorkerPool(name: "test", threads: 1), clock: clock,
            registry: MetricRegistry(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { await writer.run() }
        while receiver.requests.count < 2 {
            if machine.sleeperCount > 0 { machine.advance(ms: 5) }
            await Task.yield()
        }
        machine.setWall(ms: machine.wallMs + 7_200_000)
        let before = receiver.requests.count
        while receiver.requests.count < before + 2, store.dropped.isEmpty {
            if machine.sleeperCount > 0 { machine.advance(ms: 5) }
            await Task.yield()
        }
        receiver.answer(.status(200))
        while store.delivered < 40, store.dropped.isEmpty {
            if machine.sleeperCount > 0 { machine.advance(ms: 5) }
            await Task.yield()
        }
        running.cancel()
        await running.value
        #expect(store.dropped == [:])
        #expect(store.delivered == 40)
    }

    @Test(arguments: [
        "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
        "https://vpce-0a.aps-workspaces.us-east-1.vpce.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
        "https://aps-workspaces.cn-north-1.amazonaws.com.cn/x",
        "https://aps-workspaces.cn-north-1.api.amazonwebservices.com.cn/x",
        "https://APS-WORKSPACES.us-east-1.amazonaws.com:443/x",
    ])
    func ampHostsHaveAMPsLimit(url: String) {
        #expect(SampleAge(configuredMs: 0, url: url).limitMs == 3_300_000)
        #expect(SampleAge(configuredMs: 1_000, url: url).limitMs == 1_000)
    }

    @Test(arguments: [
        "http://127.0.0.1:9090/api/v1/write", "https://aps-workspaces.example.org/",
        "https://example.org/aps-workspaces.eu-central-1.amazonaws.com",
    ])
    func otherHostsHaveNone(url: String) {
        #expect(SampleAge(configuredMs: 0, url: url).limitMs == nil)
    }

    /// Ten minutes older than their scrape, of 15 that are allowed: they leave, though their request waits
    /// for another ten minutes.
    @Test func timestampsOfTheirOwnAreJudgedByTheScrapeAndNotByTheClock() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        let scrapedMs = fixture.clock.wallMs
        let old = (0..<10).map {
            Frame.ExplicitTimestamp(series: $0, timestampMs: scrapedMs - 600_000)
        }
        let target = TestFrames.target(job: "node")
        store.append([TestFrames.frame(target, count: 10, timestampMs: scrapedMs, explicit: old)])
        let receiver = FakeReceiver([.status(503)])
        let queue = QueueConfiguration(maxSamplesPerSend: 10, sampleAgeLimitMs: 900_000)
        var hasWaited = false
        await fixture.run(
            fixture.writer(store, receiver, queue: queue),
            between: {
                guard receiver.requests.count == 1, !hasWaited else { return }
                hasWaited = true
                fixture.clock.advance(ms: 600_000)
            }
        ) { store.isAnswered }
        #expect(receiver.requests.count == 2)
        #expect(store.delivered == 10 && store.dropped.isEmpty && store.isBalanced)
    }

    @Test func ageNeverOverflows() {
        let age = SampleAge(configuredMs: 60_000, url: "")
        #expect(age.isTooOld(.min, agingMs: 0))
        #expect(!age.isTooOld(.max, agingMs: 0))
        #expect(!age.isTooOld(.min, agingMs: .min))
        #expect(!age.isTooOld(0, agingMs: 60_000))
        #expect(age.isTooOld(-1, agingMs: 60_000))
    }
}
