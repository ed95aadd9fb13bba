import AWS
import Configuration
import HTTPTransport
import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

@testable import RemoteWrite

@Suite(.timeLimit(.minutes(1))) struct DestinationGateTests {
    private let clock = ManualClock()
    private let gate = DestinationGate(firstMs: 30, mostMs: 5_000, seed: 1)

    private func inMs(_ ms: UInt64) -> UInt64 { clock.monotonicNs + ms * 1_000_000 }

    private func fail(_ slot: Int, _ scope: AnswerScope, forMs ms: UInt64) {
        gate.failed(slot, scope, untilNs: inMs(ms), nowNs: clock.monotonicNs)
    }

    /// A task that waits at the gate until it may pass. Returns once it waits.
    private func waiting(
        _ slot: Int, untilNs: UInt64? = nil
    ) async -> Task<DestinationGate.Passage, Never> {
        let before = gate.waiterCount
        let task = Task { await gate.pass(slot, untilNs: untilNs, clock: clock) }
        while gate.waiterCount == before { await Task.yield() }
        return task
    }

    /// How many milliseconds go by until the task has ended.
    private func waitedMs(_ task: Task<DestinationGate.Passage, Never>, step: Int = 1_000) async -> Int {
        let isOver = Mutex(false)
        let watch = Task {
            _ = await task.value
            isOver.withLock { $0 = true }
        }
        var ms = 0
        while ms < 200_000 {
            // The clock stands still until the slot sleeps until its time, or is over.
            while clock.sleeperCount == 0, !isOver.withLock({ $0 }) { await Task.yield() }
            if isOver.withLock({ $0 }) { break }
            clock.advance(ms: Int64(step))
            ms += step
        }
        watch.cancel()
        return ms
    }

    @Test func theFirstToFindItClosedIsTheProbeAndTheOthersWaitForItsAnswer() async {
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce)
        fail(1, .destination, forMs: 30)
        fail(2, .destination, forMs: 30)
        #expect(gate.isClosed)
        let other = await waiting(2)
        clock.advance(ms: 1_000)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce, "the probe")
        gate.answered(2, nowNs: clock.monotonicNs)
        #expect(gate.isClosed, "an answer to a request that left before the gate was closed")
        gate.answered(1, nowNs: clock.monotonicNs)
        #expect(await other.value == .afterWaiting)
        #expect(!gate.isClosed)
    }

    /// Refused with credentials that were others by then.
    @Test func aRefusalOfWhatLeftBeforeTheProbeWasTakenClosesNothing() async {
        let leftNs = clock.monotonicNs
        fail(1, .destination, forMs: 30)
        clock.advance(ms: 1_000)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce, "the probe")
        gate.answered(1, nowNs: clock.monotonicNs)
        gate.failed(2, .destination, untilNs: inMs(30), nowNs: clock.monotonicNs, leftNs: leftNs)
        #expect(!gate.isClosed)
        gate.failed(2, .destination, untilNs: inMs(30), nowNs: clock.monotonicNs, leftNs: clock.monotonicNs)
        #expect(gate.isClosed, "it left since")
    }

    @Test func nobodyWaitsForADestinationThatADrainHasGivenUp() async {
        fail(1, .destination, forMs: 30)
        let other = await waiting(2)
        gate.giveUp()
        #expect(await other.value == .never)
        #expect(await gate.pass(3, untilNs: nil, clock: clock) == .never && gate.isGivenUp)
    }

    @Test func nobodyPassesBeforeTheTimeThatTheReceiverAskedFor() async {
        fail(1, .destination, forMs: 30)
        fail(2, .destination, forMs: 60_000)
        #expect(await waitedMs(await waiting(1)) == 60_000, "whoever was told")
        gate.answered(1, nowNs: clock.monotonicNs)
        // Another may be tried next, and not before either.
        fail(1, .unclear, forMs: 60_000)
        #expect(await waitedMs(await waiting(2)) == 60_000)
    }

    @Test func aProbeWhoseFailureMayBeItsOwnIsFollowedByTheOneThatWaitsLongest() async {
        fail(1, .unclear, forMs: 0)
        let waiting = [await waiting(2), await waiting(3), await waiting(1)]
        var waits: [Int] = []
        for (slot, task) in zip([2, 3, 1], waiting) {
            waits.append(await waitedMs(task, step: 5))
            #expect(await task.value == .afterWaiting)
            fail(slot, .unclear, forMs: 0)
        }
        // The back-off is the destination's: it grows although each slot fails for the first time.
        #expect((15...40).contains(waits[0]) && (30...70).contains(waits[1]) && (60...130).contains(waits[2]))
    }

    /// What refuses one body for ever (a firewall, a proxy) need not refuse the next.
    @Test func aProbeThatTheDestinationRefusesIsFollowedByTheOneThatWaitsLongest() async {
        fail(1, .destination, forMs: 0)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce, "the probe")
        let waiting = [await waiting(2), await waiting(3)]
        fail(1, .destination, forMs: 60_000)
        #expect(await waitedMs(waiting[0]) == 60_000, "at the time that it was told")
        fail(2, .destination, forMs: 10_000)
        #expect(await waitedMs(waiting[1]) == 10_000)
    }

    /// Others are stored: the probe's failure is its own, and no other waits for it.
    @Test func aProbeThatFailsByItselfIsFollowedAtOnce() async {
        fail(1, .request, forMs: 30)
        #expect(!gate.isClosed)
        fail(1, .destination, forMs: 0)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce)
        let other = await waiting(2)
        fail(1, .request, forMs: 5_000)
        #expect(await other.value == .afterWaiting)
    }

    @Test func aSlotWithoutARequestIsNoProbe() async {
        fail(1, .destination, forMs: 0)
        let other = await waiting(2)
        gate.leave(3)
        gate.leave(1)
        #expect(await other.value == .afterWaiting)
        #expect(gate.isClosed)
        #expect(await gate.pass(2, untilNs: nil, clock: clock) == .atOnce, "it is the probe still")
        let first = await waiting(1)
        first.cancel()
        #expect(await first.value == .never)
        let third = await waiting(3)
        gate.leave(2)
        #expect(await third.value == .afterWaiting, "one that went away is not waited for")
    }

    @Test(arguments: [true, false]) func aDrainTriesOnceWithoutWaiting(isSlow: Bool) async {
        let untilNs = inMs(60_000)
        gate.failed(1, .unclear, untilNs: untilNs, nowNs: clock.monotonicNs, isSlow: isSlow)
        let task = await waiting(2)
        gate.hurry(untilNs: isSlow ? inMs(3_600_000) : untilNs)
        #expect(await task.value == .afterWaiting)
    }

    /// Whoever is the next, and whether one is the probe already.
    @Test(arguments: [AnswerScope.unclear, .destination])
    func aDrainLeavesAReceiverThatFailsItsBackOff(scope: AnswerScope) async {
        fail(1, scope, forMs: 5_000)
        let task = await waiting(scope == .unclear ? 2 : 1)
        gate.hurry(untilNs: inMs(5_001))
        #expect(await waitedMs(task) == 5_000)
        #expect(await task.value == .afterWaiting)
    }

    @Test func theDeadlineEndsTheWait() async {
        fail(1, .destination, forMs: 60_000)
        let untilNs = inMs(1_000)
        let task = await waiting(2, untilNs: untilNs)
        #expect(await waitedMs(task) == 1_000)
        #expect(await task.value == .never)
    }

    /// Gives out a new key at each fetch of credentials. It takes requests with the newest key alone, and
    /// none with the first, whose session is over. It answers a request when the test says so.
    private final class ExpiredSession: HTTPPerforming {
        private struct State {
            var fetches = 0
            var signed: [String] = []
            var waiting: [Event] = []
        }

        private let state = Mutex(State())

        var fetches: Int { state.withLock { $0.fetches } }
        /// The number of the key that each request so far is signed with.
        var signed: [String] { state.withLock { $0.signed } }
        var inFlight: Int { state.withLock { $0.waiting.count } }

        /// Answers the request that left last.
        func answerLast() {
            let event = state.withLock { $0.waiting.removeLast() }
            event.signal()
        }

        /// Answers the first requests in flight.
        func answer(_ count: Int) {
            let events = state.withLock { state in
                defer { state.waiting.removeFirst(count) }
                return state.waiting.prefix(count)
            }
            for event in events { event.signal() }
        }

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            guard request.url.hasPrefix("http://receiver.example/") else {
                let key = state.withLock { state in
                    state.fetches += 1
                    return state.fetches
                }
                let text = #"{"AccessKeyId":"KEY\#(key)","SecretAccessKey":"s","Token":"t"}"#
                return HTTPResponse(status: 200, headers: HTTPHeaders([]), body: HTTPBody(Array(text.utf8)))
            }
            let header = HTTPHeaders(request.headers)["Authorization"] ?? ""
            let key = header.split(separator: "/")[0].split(separator: "KEY").last.map(String.init) ?? ""
            let event = Event()
            state.withLock { state in
                state.signed.append(key)
                state.waiting.append(event)
            }
            let outcome = await event.wait()
            guard outcome == .signalled else { throw HTTPError(.cancelled, "cancelled") }
            let isTaken = key != "1" && key == "\(fetches)"
            let refusal = #"{"message":"The security token included in the request is expired"}"#
            let text = isTaken ? "" : refusal
            return HTTPResponse(
                status: isTaken ? 200 : 403, headers: HTTPHeaders([]), body: HTTPBody(Array(text.utf8)))
        }
    }

    /// A writer to the service with 24 requests to send, whose credentials were fetched a minute ago.
    private func writer(
        _ fixture: WriterFixture, _ service: ExpiredSession
    ) async throws -> (RemoteWriter, BufferedDestination) {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(
            (0..<24).map { number in
                TestFrames.frame(
                    TestFrames.target([Label("instance", "\(number)"), Label("job", "node")]), count: 10,
                    timestampMs: fixture.clock.wallMs - 60_000)
            })
        let chain = CredentialChain(
            environment: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials"], files: PowerLossFiles(),
            http: service, clock: fixture.clock, logger: fixture.said.logger)
        _ = try await chain.credentials()
        // A refusal right after a fetch makes no other.
        fixture.clock.advance(ms: 60_000)
        let writer = RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://receiver.example/api/v1/remote_write", name: "main",
                sigv4: SigV4Configuration(),
                queue: QueueConfiguration(maxShards: 24, minShards: 24, maxSamplesPerSend: 10)),
            destination: store.destination, http: service, credentials: chain, region: "eu-central-1",
            workers: fixture.workers, clock: fixture.clock, registry: fixture.registry,
            logger: fixture.said.logger)
        return (writer, store)
    }

    /// The session of the credentials has ended while a whole window of requests is in flight. `late` of the
    /// refusals come when the probe has left already.
    @Test(arguments: [0, 12, 23])
    func oneRefreshAndOneProbeFollowAWindowOfRefusedSignatures(late: Int) async throws {
        let (fixture, service) = (WriterFixture(), ExpiredSession())
        let (writer, store) = try await writer(fixture, service)
        enum Phase { case filling, refused, probing(sinceMs: Int64), open }
        var phase = Phase.filling
        await fixture.run(
            writer,
            between: {
                switch phase {
                case .filling:
                    guard service.inFlight == 24 else { return }
                    service.answer(24 - late)
                    phase = .refused
                case .refused:
                    guard service.signed.count == 25 else { return }
                    service.answer(late)
                    phase = .probing(sinceMs: fixture.clock.wallMs)
                case .probing(let sinceMs):
                    // Time enough for each of the others to be tried again.
                    fixture.clock.advance(ms: 100)
                    guard fixture.clock.wallMs > sinceMs + 600_000 else { return }
                    #expect(service.inFlight == 1 && service.signed.count == 25 && service.fetches == 2)
                    service.answer(1)
                    phase = .open
                case .open: service.answer(service.inFlight)
                }
            }
        ) { store.isAnswered }
        #expect(service.fetches == 2)
        #expect(service.signed == Array(repeating: "1", count: 24) + Array(repeating: "2", count: 24))
        #expect(store.delivered == 240 && store.dropped.isEmpty)
    }

    /// The last of these refusals come after the probe was taken: they say nothing of the new credentials, so
    /// nobody waits for another probe, and each of the refused is sent again.
    @Test func lateRefusalsOfFormerCredentialsStopNobody() async throws {
        let (fixture, service) = (WriterFixture(), ExpiredSession())
        let (writer, store) = try await writer(fixture, service)
        enum Phase { case filling, probing, open, late, done }
        var phase = Phase.filling
        await fixture.run(
            writer,
            between: {
                switch phase {
                case .filling:
                    guard service.inFlight == 24 else { return }
                    service.answer(12)
                    phase = .probing
                case .probing:
                    guard service.signed.count == 25 else { return }
                    service.answerLast()
                    phase = .open
                case .open:
                    // The eleven others of the first twelve have left again.
                    fixture.clock.advance(ms: 10)
                    guard service.signed.count == 36, service.inFlight == 23 else { return }
                    service.answer(12)
                    phase = .late
                case .late:
                    // All leave without an answer to any: with a probe among them the others would wait.
                    fixture.clock.advance(ms: 10)
                    guard service.signed.count == 48, service.inFlight == 23 else { return }
                    phase = .done
                case .done: service.answer(service.inFlight)
                }
            }
        ) { store.isAnswered }
        #expect(service.fetches == 2)
        #expect(service.signed == Array(repeating: "1", count: 24) + Array(repeating: "2", count: 24))
        #expect(store.delivered == 240 && store.dropped.isEmpty)
    }
}
