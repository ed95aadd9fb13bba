import Platform
import Synchronization
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
        _ body: (RawServer, HTTPClient, MemoryAccount) async throws -> Void
    ) async throws {
        let memory = MemoryAccount(bodiesBytes: 25 << 20)
        memory.setLimit(of: .bodies, toBytes: 8 << 20)
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

    private func admission(_ memory: MemoryAccount) -> BodyAdmission {
        BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
    }

    /// What one body leaves of the whole limit is less than the narrowed limit.
    @Test func oneThatTakesMostOfTheWholeLimitHoldsOthersUpForFiveSeconds() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = admission(memory)
        let limitNs = BodyAdmission.holdUpNs
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(admission.charge(20, for: 1))
        #expect(admission.charge(4, for: 2))
        #expect(admission.holdsUpTooLong(nowNs: 1) == nil)
        #expect(!admission.charge(4, for: 3), "it would fit into the narrowed limit")
        #expect(admission.nextGranted() == nil)
        #expect(admission.holdsUpTooLong(nowNs: 7) == nil)
        #expect(admission.holdsUpTooLong(nowNs: 6 + limitNs) == nil)
        #expect(admission.holdsUpTooLong(nowNs: 7 + limitNs) == 1)
        // The second ends, and the third goes on: nobody waits any more.
        admission.ended(2)
        memory.discharge(4, from: .bodies)
        #expect(admission.nextGranted().map { $0.id == 3 } == true)
        #expect(!admission.charge(4, for: 4))
        #expect(admission.holdsUpTooLong(nowNs: 7 + 2 * limitNs) == nil, "it is measured anew")
        memory.setLimit(of: .bodies, toBytes: 25)
        #expect(admission.holdsUpTooLong(nowNs: 7 + 4 * limitNs) == nil, "it is not narrowed any more")
    }

    /// Others that wait for each other, and not for the large one, are not its fault.
    @Test func aLargeBodyThatLeavesTheNarrowedLimitToOthersMayStay() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = admission(memory)
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(admission.charge(12, for: 1))
        #expect(admission.charge(4, for: 2) && admission.charge(4, for: 3))
        #expect(!admission.charge(4, for: 4))
        #expect(!admission.charge(12, for: 5), "another large one")
        #expect(admission.nextGranted() == nil)
        for seconds: UInt64 in 0..<20 {
            #expect(admission.holdsUpTooLong(nowNs: seconds * 1_000_000_000) == nil)
        }
    }

    /// One that needs most of the whole limit waits, and so do others that come after it.
    @Test func oneThatGoesFirstHoldsOthersUpForFiveSeconds() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = admission(memory)
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(admission.charge(3, for: 1))
        #expect(!admission.charge(24, for: 2))
        #expect(admission.holdsUpTooLong(nowNs: 0) == nil)
        #expect(admission.holdsUpTooLong(nowNs: BodyAdmission.holdUpNs) == nil, "nobody waits for it")
        #expect(!admission.charge(1, for: 3))
        #expect(admission.holdsUpTooLong(nowNs: 1) == nil)
        #expect(admission.holdsUpTooLong(nowNs: 1 + BodyAdmission.holdUpNs) == 2)
        admission.ended(2)
        #expect(admission.nextGranted().map { $0.id == 3 } == true)
    }

    /// One that has grown beyond half of the limit stands beside it from the time at which it is narrowed.
    @Test func theOneThatGrewBeforeStandsBesideTheNarrowedLimit() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = admission(memory)
        #expect(admission.charge(14, for: 1))
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(admission.charge(4, for: 2) && admission.charge(4, for: 3))
        #expect(!admission.charge(1, for: 4))
        #expect(memory.usedBytes(of: .bodies) == 22)
    }
}
