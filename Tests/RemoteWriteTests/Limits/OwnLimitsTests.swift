import Configuration
import HTTPTransport
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

@Suite struct OwnLimitsTests {
    private static let now = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)

    private func usedUp(_ limits: OwnLimits, _ jobs: [String], reserved: Int = 0) -> [Bool] {
        jobs.map {
            limits.isUsedUp(
                forJob: $0, reserved: reserved, nowNs: Self.now.monotonicNs, wallMs: Self.now.wallMs)
        }
    }

    /// A request of so many bytes is cut.
    private func cut(_ limits: OwnLimits, _ bytes: Int?) {
        let reserved = limits.reserve(nowNs: Self.now.monotonicNs, wallMs: Self.now.wallMs)
        limits.cut(
            bytes: bytes, reserved: reserved, nowNs: Self.now.monotonicNs, wallMs: Self.now.wallMs)
    }

    @Test func classesOfJobsAreThoseOfTheConfiguration() {
        let limits = OwnLimits(
            DestinationLimits(bytesPerDay: 100, highPriorityJobs: ["a"], lowPriorityJobs: ["z"]))
        #expect(limits.hasBudget)
        cut(limits, 95)
        #expect(usedUp(limits, ["a", "m", "z"]) == [false, true, true])
        #expect(limits.usedBytes == 95)
        #expect(limits.earliestNs(1) == 1)
    }

    @Test func withoutLimitsEverythingIsSent() {
        let limits = OwnLimits()
        cut(limits, .max)
        #expect(limits.begin(bytes: .max, samples: .max, nowNs: 1) == nil)
        #expect(usedUp(limits, ["a"]) == [false])
        #expect(limits.earliestNs(1) == 1)
        #expect(limits.reserveRetry(bytes: 1, nowNs: 7, wallMs: 1) == 7)
    }

    /// Slots that cut at the same time see what the others are about to take.
    @Test func whatIsCutAtTheSameTimeIsReserved() {
        let limits = OwnLimits(DestinationLimits(bytesPerDay: 1_000))
        cut(limits, 300)
        var allowed = 0
        for _ in 0..<50 {
            let reserved = limits.reserve(nowNs: Self.now.monotonicNs, wallMs: Self.now.wallMs)
            #expect(reserved == 300)
            if usedUp(limits, ["a"], reserved: reserved) == [false] {
                allowed += 1
            } else {
                limits.giveBack(bytes: reserved)
            }
        }
        #expect(allowed == 2, "at 300 and at 600 of 1,000")
        #expect(limits.usedBytes == 900)
    }

    private func slot(_ limits: OwnLimits) -> SlotWalk {
        SlotWalk(
            SlotStateMachine(
                queue: QueueConfiguration(), age: SampleAge(configuredMs: 0, url: "http://receiver/"),
                seed: 1,
                lessons: DestinationLessons(limits: limits)))
    }

    private func held(_ bytes: Int = 30) -> SlotStateMachine.Held {
        .init(sampleCount: 10, bodyBytes: bytes, newestMs: Self.now.wallMs, mayBeStored: false)
    }

    /// A request that waits for the destination behind others, however often it looks, has not left.
    @Test func whatHasToWaitForTheDestinationCountsOnce() {
        let limits = OwnLimits(DestinationLimits(requestsPerSecond: 2, bytesPerDay: 1_000))
        var slot = slot(limits)
        cut(limits, 30)
        #expect(slot.collected(held(), Self.now) == .leave)
        for _ in 0..<5 { #expect(slot.waited(Self.now) == .leave) }
        #expect(limits.usedBytes == 30)
        #expect(limits.earliestNs(Self.now.monotonicNs) == Self.now.monotonicNs)
        #expect(slot.leaves(Self.now) == .awaitAnswer)
        _ = slot.answered(.unreachable, Self.now)
        slot.tryAgain(Self.now)
        #expect(limits.usedBytes == 60, "every try counts")
        _ = slot.answered(.unsigned, Self.now)
        #expect(limits.usedBytes == 60, "what was not sent does not")
        var later = Self.now
        later.monotonicNs += 1_000_000_000
        slot.tryAgain(later)
        #expect(slot.answered(.status(.init(status: 200)), later) == .settle(.delivered))
        #expect(limits.usedBytes == 60)
    }

    /// A request that the pace holds back has taken nothing of the limits of one's own meanwhile.
    @Test func whatWaitsForThePaceTakesNothing() {
        let limits = OwnLimits(DestinationLimits(requestsPerSecond: 2, bytesPerDay: 1_000))
        let lessons = DestinationLessons(limits: limits)
        let nowNs = Self.now.monotonicNs
        #expect(lessons.begin(bytes: 10, samples: 1, nowNs) == nil)
        lessons.throttled(inFlight: 1, lowersPace: true, nowNs)
        let pacedNs = lessons.earliestNs(nowNs)
        #expect(pacedNs > nowNs)
        for _ in 0..<5 {
            #expect(lessons.begin(bytes: 10, samples: 1, nowNs) == pacedNs)
            let start = lessons.beginMetadata(bytes: 10, nowNs, wallMs: Self.now.wallMs)
            #expect(start == .later(pacedNs))
        }
        #expect(limits.usedBytes == 0)
        // Of two requests a second one has left, and another is overdrawn.
        for _ in 0..<2 { #expect(limits.begin(bytes: 10, samples: 1, nowNs: nowNs) == nil) }
        #expect(limits.begin(bytes: 10, samples: 1, nowNs: nowNs) == nowNs + 500_000_000)
    }

    @Test func metadataTakeTheirBytesWhenTheyLeave() {
        let lessons = DestinationLessons(
            limits: OwnLimits(DestinationLimits(requestsPerSecond: 1, bytesPerDay: 1_000)))
        func start(_ bytes: Int, afterMs: Int64 = 0) -> OwnLimits.Start {
            lessons.beginMetadata(
                bytes: bytes, Self.now.monotonicNs + UInt64(afterMs) * 1_000_000,
                wallMs: Self.now.wallMs + afterMs)
        }
        #expect(start(100) == .now && start(100) == .now)
        #expect(start(800) == .later(Self.now.monotonicNs + 1_000_000_000))
        #expect(lessons.limits.usedBytes == 200)
        #expect(start(800, afterMs: 1_000) == .now)
        #expect(start(1, afterMs: 5_000) == .usedUp, "the rest is for jobs of the class high")
    }

    @Test func whatIsNotTriedAgainIsGivenBack() {
        let limits = OwnLimits(DestinationLimits(bytesPerDay: 1_000))
        var slot = slot(limits)
        cut(limits, 30)
        #expect(slot.collected(held(), Self.now) == .leave && slot.leaves(Self.now) == .awaitAnswer)
        _ = slot.answered(.unreachable, Self.now)
        #expect(limits.usedBytes == 60)
        // Others have taken the rest: the request is let go, and its second try has not left.
        cut(limits, 950)
        #expect(slot.woke(Self.now) == .settle(.givenUp(reason: "daily_budget")))
        #expect(limits.usedBytes == 980)
    }

    /// An outage of half a day at one try each 5 s: the budget is there for the samples behind it.
    @Test func anOutageDoesNotEatTheBudget() {
        let limits = OwnLimits(DestinationLimits(bytesPerDay: 50_000_000))
        var slot = slot(limits)
        cut(limits, 150_000)
        var now = SlotStateMachine.Moment(monotonicNs: 1, wallMs: 1_700_006_400_000)
        var next = slot.collected(held(150_000), now)
        var tries = 0
        while now.monotonicNs < 43_000_000_000_000, tries < 20_000 {
            #expect(next == .leave && slot.leaves(now) == .awaitAnswer)
            tries += 1
            guard case .wait(let untilNs) = slot.answered(.status(.init(status: 503)), now) else {
                Issue.record("it is tried again")
                return
            }
            now.wallMs += Int64((untilNs - now.monotonicNs) / 1_000_000)
            now.monotonicNs = untilNs
            now.agingMs = now.wallMs
            next = slot.woke(now)
        }
        #expect(limits.usedBytes < 10_000_000, "\(tries) tries")
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
        let used = receiver.bodies.reduce(0) { $0 + $1.count }
        let largest = receiver.bodies.map(\.count).max() ?? 0
        #expect(used < 10_000 + largest)
    }
}
