import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTPTransport

/// While the limit of the memory for bodies is narrowed, no sender holds the others up for long. The limit of
/// 25 MiB is narrowed to 8 MiB, and of a body that comes slowly there is room for 1.9 MiB without a slot.
@Suite(.timeLimit(.minutes(4)))
struct HoldUpTests {
    private static let ordinary = [UInt8](repeating: 0x23, count: 1 << 20)
    private static let large = [UInt8](repeating: 0x23, count: 12 << 20)
    private static let clock = SystemClock()

    private static func head(_ count: Int) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n"
    }

    /// `/slow/COUNT` announces 5 MiB, says so many bytes of them and then one each 100 ms; `/large` says
    /// 12 MiB within 4 s, and everything else is answered at once.
    private static let serve: @Sendable (Connection) -> Void = { connection in
        while let request = connection.readRequest() {
            let path = request.head.split(separator: " ").dropFirst().first ?? ""
            if path.hasPrefix("/slow/"), let count = Int(path.dropFirst(6)) {
                guard connection.write(head(5 << 20)),
                    connection.write([UInt8](repeating: 0x23, count: count))
                else { return }
                while connection.write([0x23]) { SystemPause.milliseconds(100) }
                return
            }
            guard path == "/large" else {
                guard connection.write(head(ordinary.count)), connection.write(ordinary) else { return }
                continue
            }
            guard connection.write(head(large.count)) else { return }
            for start in stride(from: 0, to: large.count, by: 64 << 10) {
                guard connection.write(Array(large[start..<start + (64 << 10)])) else { return }
                SystemPause.milliseconds(20)
            }
        }
    }

    private func until(_ what: () -> Bool) async -> Bool {
        let endNs = Self.clock.monotonicNs + 30_000_000_000
        while !what() {
            guard Self.clock.monotonicNs < endNs else { return false }
            guard (try? await Task.sleep(for: .milliseconds(1))) != nil else { return false }
        }
        return true
    }

    private static func request(_ url: String, _ isPlain: Bool, timeoutMs: Int64 = 60_000) -> HTTPRequest {
        HTTPRequest(
            url: url, timeoutMs: timeoutMs, followRedirects: isPlain, takesBodySlot: true,
            connection: isPlain ? nil : HTTPConnectionOptions())
    }

    /// What went wrong; nil when so many bytes came.
    private func read(
        _ request: HTTPRequest, _ client: HTTPClient, bytes: Int,
        _ isOver: borrowing Atomic<Bool> = Atomic(false)
    ) async -> String? {
        defer { isOver.store(true, ordering: .releasing) }
        do throws(HTTPError) {
            let response = try await client.perform(request)
            defer { response.body.letGo() }
            return response.body.count == bytes ? nil : "\(response.body.count) bytes"
        } catch {
            return error.message
        }
    }

    /// Reads twenty ordinary bodies at once; what went wrong.
    private func readTwenty(_ url: String, _ isPlain: Bool, _ client: HTTPClient) async -> [String] {
        let request = Self.request(url, isPlain, timeoutMs: 10_000)
        return await withTaskGroup(of: String?.self) { group in
            for _ in 0..<20 {
                group.addTask { await read(request, client, bytes: Self.ordinary.count) }
            }
            return await group.reduce(into: []) { if let text = $1 { $0.append(text) } }
        }
    }

    private func withNarrowedClient(
        fromTheStart isNarrowed: Bool = true,
        _ body: (RawServer, HTTPClient, MemoryAccount) async throws -> Void
    ) async throws {
        let memory = MemoryAccount(bodiesBytes: 25 << 20)
        if isNarrowed { memory.setLimit(of: .bodies, toBytes: 8 << 20) }
        let configuration = HTTPClientConfiguration(name: "t", waitingBytesLimit: 6 << 20, memory: memory)
        try await RawServer.with(Self.serve) { server in
            try await withClient(configuration) { client in try await body(server, client, memory) }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }

    @Test(arguments: [true, false], [10_000, 9 << 19])
    func aTricklingBodyDoesNotHoldOthersUp(isPlain: Bool, sentBytes: Int) async throws {
        try await withNarrowedClient { server, client, memory in
            var fastestNs = UInt64.max
            for _ in 0..<3 {
                let url = server.url("/slow/\(sentBytes)")
                let slow = Task { await failure(of: Self.request(url, isPlain), client)?.code }
                #expect(await until { memory.usedBytes(of: .bodies) >= min(sentBytes, 4 << 20) })
                let startNs = Self.clock.monotonicNs
                #expect(await readTwenty(server.url(), isPlain, client) == [])
                let tookNs = Self.clock.monotonicNs - startNs
                fastestNs = min(fastestNs, tookNs)
                slow.cancel()
                let code = await slow.value
                #expect(code == .cancelled || code == .overloaded)
            }
            #expect(fastestNs <= 2_000_000_000)
        }
    }

    /// Twenty ordinary bodies are read before the large one is at its end, which it reaches.
    @Test(arguments: [true, false])
    func ordinaryBodiesAreReadBesideALargeOne(isPlain: Bool) async throws {
        try await withNarrowedClient { server, client, memory in
            let isOver = Atomic<Bool>(false)
            let request = Self.request(server.url("/large"), isPlain)
            async let problem = read(request, client, bytes: Self.large.count, isOver)
            #expect(await until { memory.usedBytes(of: .bodies) >= 5 << 20 })
            #expect(await readTwenty(server.url(), isPlain, client) == [])
            let wasOver = isOver.load(ordering: .acquiring)
            #expect(!wasOver)
            #expect(await problem == nil)
        }
    }

    /// All that a large body needs has been charged when the limit falls, and was less than half of the limit
    /// before. Others go on all the same.
    @Test(arguments: [true, false])
    func ordinaryBodiesAreReadBesideOneThatWasLargeBefore(isPlain: Bool) async throws {
        try await withNarrowedClient(fromTheStart: false) { server, client, memory in
            let isOver = Atomic<Bool>(false)
            let request = Self.request(server.url("/large"), isPlain)
            async let problem = read(request, client, bytes: Self.large.count, isOver)
            #expect(await until { memory.usedBytes(of: .bodies) >= 12 << 20 })
            memory.setLimit(of: .bodies, toBytes: 8 << 20)
            client.memoryLimitsChanged()
            #expect(await readTwenty(server.url(), isPlain, client) == [])
            let wasOver = isOver.load(ordering: .acquiring)
            #expect(!wasOver)
            #expect(await problem == nil)
        }
    }

    /// One large body stands beside the limit at a time: the one whose sender has stalled makes room.
    @Test(arguments: [true, false])
    func aLargeBodyThatStallsGivesWayToAnother(isPlain: Bool) async throws {
        try await withNarrowedClient { server, client, memory in
            async let error = failure(of: Self.request(server.url("/slow/\(9 << 19)"), isPlain), client)
            #expect(await until { memory.usedBytes(of: .bodies) > 4 << 20 })
            let request = Self.request(server.url("/large"), isPlain, timeoutMs: 30_000)
            #expect(await read(request, client, bytes: Self.large.count) == nil)
            let stalled = await error
            #expect(stalled?.code == .overloaded)
            #expect(stalled?.message.contains("came too slowly") == true, "\(stalled?.message ?? "")")
        }
    }
}

/// Who holds others up, and for how long it may, without a connection.
struct HoldUpRuleTests {
    /// What one body leaves of the whole limit is less than the narrowed limit.
    @Test func oneThatTakesMostOfTheWholeLimitHoldsOthersUpForFiveSeconds() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(20, for: 1))
        #expect(admission.charge(4, for: 2))
        #expect(admission.holdsUpTooLong() == nil)
        #expect(!admission.charge(4, for: 3), "it would fit into the narrowed limit")
        #expect(bodies.heldUp(forMs: 4_900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 1)
        // The second ends, and the third goes on: nobody waits any more.
        bodies.end(2)
        #expect(bodies.granted() == [3])
        #expect(!admission.charge(4, for: 4))
        #expect(bodies.heldUp(forMs: 4_900) == nil, "the fourth has waited for less")
        bodies.widen()
        bodies.clock.advance(ms: 5_000)
        #expect(admission.holdsUpTooLong() == nil, "it is not narrowed any more")
    }

    /// Others that wait for each other, and not for the large one, are not its fault.
    @Test func aLargeBodyThatLeavesTheNarrowedLimitToOthersMayStay() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(12, for: 1))
        #expect(admission.charge(4, for: 2) && admission.charge(4, for: 3))
        #expect(!admission.charge(4, for: 4))
        #expect(!admission.charge(12, for: 5), "another large one")
        #expect(bodies.heldUp(forMs: 20_000) == nil)
    }

    /// One that needs most of the whole limit waits, and so do others that come after it.
    @Test func oneThatGoesFirstHoldsOthersUpForFiveSeconds() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(3, for: 1))
        #expect(!admission.charge(24, for: 2))
        #expect(bodies.heldUp(forMs: 5_000) == nil, "nobody waits for it")
        #expect(!admission.charge(1, for: 3))
        #expect(bodies.heldUp(forMs: 4_900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 2)
        bodies.end(2)
        #expect(bodies.granted() == [3])
    }

    /// One that has grown beyond half of the limit stands beside it from the time at which it is narrowed,
    /// whether it grew into the upper half of the limit that was not narrowed or not.
    @Test(arguments: [14, 12])
    func theOneThatGrewBeforeStandsBesideTheNarrowedLimit(bytes: Int) {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        #expect(admission.charge(bytes, for: 1))
        bodies.narrow()
        #expect(admission.charge(4, for: 2) && admission.charge(4, for: 3))
        #expect(!admission.charge(1, for: 4))
        #expect(admission.memory.usedBytes(of: .bodies) == bytes + 8)
    }

    /// The place beside the limit is taken anew when the limit is narrowed once more.
    @Test func theLargestStandsBesideALimitThatIsNarrowedAgain() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(12, for: 1))
        #expect(admission.charge(4, for: 2) && admission.charge(1, for: 3), "the third grows")
        bodies.widen()
        #expect(!admission.charge(20, for: 4))
        bodies.narrow()
        bodies.end(2)
        #expect(admission.charge(3, for: 5), "the first is not counted in the narrowed limit")
    }

    /// Of two that were large before the limit was narrowed the larger one stands beside it. The other one
    /// leaves the rest nothing of the narrowed limit.
    @Test func anotherOneThatGrewBeforeHoldsOthersUpForFiveSeconds() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        #expect(admission.charge(9, for: 1) && admission.charge(11, for: 2))
        bodies.narrow()
        #expect(!admission.charge(1, for: 3))
        #expect(bodies.heldUp(forMs: 4_900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 1)
        bodies.end(1)
        #expect(bodies.granted() == [3])
    }

    /// Where all that hold memory wait, the one that grows may take the place beside the limit. Then it does
    /// not keep the upper half of the limit from the others as well.
    @Test func theOneThatTakesThePlaceBesideTheLimitGrowsInItNoMore() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        #expect(admission.charge(3, for: 2) && admission.charge(2, for: 3))
        bodies.narrow()
        #expect(admission.charge(3, for: 1), "it grows into the upper half")
        for id in UInt64(1)...3 { #expect(!admission.charge(1, for: id)) }
        #expect(bodies.granted() == [])
        #expect(admission.wayOn(takesPart: { _ in false }) == .goesOn(1, bytes: 1))
        #expect(bodies.granted() == [2])
    }

    /// The one beside the limit waits as well, and those that wait for it hold something.
    @Test func oneThatWaitsItselfHoldsUpOthersThatHoldSomething() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(20, for: 1))
        #expect(admission.charge(3, for: 2) && admission.charge(2, for: 3))
        #expect(!admission.charge(2, for: 1))
        #expect(!admission.charge(1, for: 3))
        #expect(bodies.heldUp(forMs: 4_900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 1)
        bodies.end(1)
        #expect(bodies.granted() == [3])
    }

    // MARK: - How long

    /// There is always somebody in line, but nobody for long.
    @Test func aLargeBodyForWhichNobodyWaitsForLongMayStay() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(22, for: 1) && admission.charge(3, for: 2))
        #expect(!admission.charge(3, for: 3))
        for id in UInt64(4)..<200 {
            #expect(!admission.charge(3, for: id))
            #expect(admission.holdsUpTooLong() == nil)
            bodies.clock.advance(ms: 100)
            #expect(admission.holdsUpTooLong() == nil)
            bodies.end(id - 2)
            #expect(bodies.granted() == [id - 1])
        }
    }

    /// The five seconds are those of the body that waits, whoever it waits for.
    @Test func severalLargeBodiesHoldOneUpForFiveSecondsTogether() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(1, for: 1))
        #expect(!admission.charge(25, for: 2) && !admission.charge(25, for: 3))
        #expect(!admission.charge(1, for: 4), "there is room for it, but large ones wait")
        #expect(bodies.heldUp(forMs: 4_900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 2)
        bodies.end(2)
        #expect(bodies.granted() == [])
        #expect(admission.holdsUpTooLong() == 3)
        bodies.end(3)
        #expect(bodies.granted() == [4])
    }

    /// What one has waited for others before does not count.
    @Test func aLargeBodyIsNotBlamedForWhatOthersHold() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(4, for: 1) && admission.charge(4, for: 2))
        #expect(!admission.charge(4, for: 3))
        #expect(bodies.heldUp(forMs: 6_000) == nil)
        #expect(admission.charge(17, for: 4), "it stands beside the limit")
        bodies.end(2)
        #expect(admission.charge(4, for: 4), "the third would fit into the narrowed limit from now on")
        #expect(bodies.heldUp(forMs: 4_900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 4)
    }

    /// After a time in which the process got no processor, what has been sent meanwhile is read first.
    @Test func aTimeInWhichNobodyLookedIsNobodysFault() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(22, for: 1))
        #expect(!admission.charge(4, for: 2))
        bodies.clock.advance(ms: 60_000)
        #expect(bodies.heldUp(forMs: 3_900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 1)
    }

    /// A scrape with a timeout of three seconds waits for half of what it has left.
    @Test func oneWithLittleTimeIsHeldUpForHalfOfIt() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(22, for: 1))
        let nowNs = admission.nowNs
        #expect(!admission.charge(4, for: 2, untilNs: nowNs + 3_000_000_000))
        #expect(bodies.heldUp(forMs: 1_400) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 1)
    }

    /// One that is about to time out anyway does not end another one.
    @Test func oneWithNextToNoTimeIsHeldUpForASecond() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(22, for: 1))
        #expect(!admission.charge(4, for: 2, untilNs: admission.nowNs))
        #expect(bodies.heldUp(forMs: 900) == nil)
        bodies.clock.advance(ms: 100)
        #expect(admission.holdsUpTooLong() == 1)
    }
}
