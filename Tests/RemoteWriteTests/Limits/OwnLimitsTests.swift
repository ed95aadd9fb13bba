import Configuration
import HTTPTransport
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

@Suite struct OwnLimitsTests {
    @Test func classesOfJobsAreThoseOfTheConfiguration() {
        let limits = OwnLimits(
            DestinationLimits(bytesPerDay: 100, highPriorityJobs: ["a"], lowPriorityJobs: ["z"]))
        #expect(limits.hasBudget)
        #expect(limits.begin(bytes: 95, samples: 1, nowNs: 1, wallMs: 1) == nil)
        #expect(["a", "m", "z"].map { limits.isUsedUp(forJob: $0, wallMs: 1) } == [false, true, true])
        #expect(limits.usedBytes == 95)
        #expect(limits.earliestNs(1) == 1)
    }

    @Test func withoutLimitsEverythingIsSent() {
        let limits = OwnLimits()
        #expect(limits.begin(bytes: .max, samples: .max, nowNs: 1, wallMs: 1) == nil)
        #expect(!limits.isUsedUp(forJob: "a", wallMs: 1))
        #expect(limits.earliestNs(1) == 1)
    }

    /// A request that waits for the destination behind others, however often it looks, has not left.
    @Test func whatHasToWaitForTheDestinationCountsOnce() {
        let limits = OwnLimits(DestinationLimits(requestsPerSecond: 2, bytesPerDay: 100))
        let lessons = DestinationLessons(limits: limits)
        var machine = LaneStateMachine(
            queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: "http://receiver/"), seed: 1,
            lessons: lessons)
        let now = LaneStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)
        let request = LaneStateMachine.Held(
            sampleCount: 10, bodyBytes: 30, newestMs: now.wallMs, mayBeStored: false)
        #expect(machine.collected(request, now) == .send)
        for _ in 0..<5 { #expect(machine.woke(now) == .send) }
        #expect(limits.usedBytes == 0 && machine.leaves(now) == .send)
        #expect(limits.usedBytes == 30)
        #expect(limits.earliestNs(now.monotonicNs) == now.monotonicNs)
        _ = machine.answered(.unreachable, succeededElsewhereNs: nil, now)
        #expect(machine.woke(now) == .send && machine.leaves(now) == .send)
        #expect(limits.usedBytes == 60, "every try counts")
    }

    /// From the configuration to the requests: 30 requests of 10 samples at 100 samples a second.
    @Test func aWriterHoldsItsRate() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(30, series: 10))
        let receiver = FakeReceiver()
        var configuration = RemoteWriteConfiguration(
            url: "http://receiver.example/", name: "main", queue: QueueConfiguration(maxSamplesPerSend: 10))
        configuration.limits = DestinationLimits(samplesPerSecond: 100)
        let beganNs = fixture.clock.monotonicNs
        let writer = RemoteWriter(
            configuration: configuration, destination: store.destination, http: receiver,
            credentials: nil, region: nil, workers: fixture.workers,
            clock: fixture.clock, registry: fixture.registry, logger: fixture.said.logger)
        await fixture.run(writer) { store.delivered == 300 }
        #expect(fixture.clock.monotonicNs - beganNs >= 1_800_000_000)
    }

    /// Answers after 200 ms, which the clock shows.
    private struct FarReceiver: HTTPPerforming {
        let clock: ManualClock

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            try? await clock.sleep(untilNs: clock.monotonicNs + 200_000_000)
            return HTTPResponse(status: 200, headers: HTTPHeaders(), body: HTTPBody([]))
        }
    }

    /// Two requests a second: what waits for its turn is not on its way, and needs no window.
    @Test func whatWaitsForALimitOfOnesOwnOpensNoWindow() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        for job in 0..<60 { store.append(fixture.frames(1, series: 10, job: "job\(job)")) }
        var configuration = RemoteWriteConfiguration(
            url: "http://receiver.example/", name: "main", queue: QueueConfiguration(maxSamplesPerSend: 10))
        configuration.limits = DestinationLimits(requestsPerSecond: 2)
        let writer = RemoteWriter(
            configuration: configuration, destination: store.destination,
            http: FarReceiver(clock: fixture.clock), credentials: nil, region: nil, workers: fixture.workers,
            clock: fixture.clock, registry: fixture.registry, logger: fixture.said.logger)
        await fixture.run(writer) { store.delivered >= 300 }
        #expect((fixture.metric("prometheus_remote_storage_shards{") ?? 99) <= 4)
    }

    @Test func whatADaysBudgetLeavesOutIsBooked() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        for _ in 0..<20 {
            store.append(
                fixture.frames(1, series: 100, job: "keep") + fixture.frames(1, series: 100, job: "low"))
        }
        var configuration = RemoteWriteConfiguration(
            url: "http://receiver.example/", name: "main", queue: QueueConfiguration(maxSamplesPerSend: 200))
        configuration.limits = DestinationLimits(
            bytesPerDay: 10_000, highPriorityJobs: ["keep"], lowPriorityJobs: ["low"])
        let receiver = FakeReceiver()
        let writer = RemoteWriter(
            configuration: configuration, destination: store.destination, http: receiver,
            credentials: nil, region: nil, workers: fixture.workers,
            clock: fixture.clock, registry: fixture.registry, logger: fixture.said.logger)
        await fixture.run(writer) {
            store.delivered + (store.dropped["daily_budget"] ?? 0) == 4_000
        }
        #expect(store.dropped.keys.sorted() == ["daily_budget"])
        #expect(store.isBalanced)
        #expect(receiver.bodies.reduce(0) { $0 + $1.count } < 12_000)
    }
}
