import Platform
import Synchronization
import Telemetry
import Testing

@testable import HTTPTransport

/// What goes while memory is scarce, and what must not, on both ways of the client: the plain one and
/// libcurl's.
@Suite(.timeLimit(.minutes(2)))
struct HTTPClientRelaxingTests {
    private static let clock = SystemClock()

    private func request(_ server: RawServer, isPlain: Bool, timeoutMs: Int64 = 60_000) -> HTTPRequest {
        HTTPRequest(
            url: server.url(), timeoutMs: timeoutMs, followRedirects: isPlain, takesBodySlot: true,
            connection: isPlain ? nil : HTTPConnectionOptions())
    }

    /// Waits for something another thread brings about, for a minute at most.
    private func until(_ what: () -> Bool) async -> Bool {
        let endNs = Self.clock.monotonicNs + 60_000_000_000
        while !what() {
            guard Self.clock.monotonicNs < endNs else { return false }
            await Task.yield()
        }
        return true
    }

    /// Makes so many requests that are in flight together, each over its own connection.
    private func ask(_ count: Int, _ client: HTTPClient, _ request: HTTPRequest) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<count {
                group.addTask {
                    // What fails is counted by its absence.
                    guard let response = try? await client.perform(request) else { return false }
                    response.body.letGo()
                    return response.status == 200
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }

    @Test(arguments: [true, false])
    func idleConnectionsCloseAndAreKeptAgainAfterwards(isPlain: Bool) async throws {
        let begun = Atomic<Int>(0)
        let closed = Atomic<Int>(0)
        let serve: @Sendable (Connection) -> Void = { connection in
            while connection.readRequest() != nil {
                // The first five are answered together, so that each has a connection.
                begun.add(1, ordering: .relaxed)
                while begun.load(ordering: .relaxed) < 5 { SystemPause.milliseconds(1) }
                guard connection.write(answer("x 1\n")) else { break }
            }
            closed.add(1, ordering: .relaxed)
        }
        let registry = MetricRegistry()
        try await RawServer.with(serve) { server in
            try await withClient(registry: registry) { client in
                let request = request(server, isPlain: isPlain)
                #expect(await ask(5, client, request) == 5)
                #expect(await until { client.connectionCount == 5 })
                #expect(closed.load(ordering: .relaxed) == 0)

                let startNs = Self.clock.monotonicNs
                client.relax()
                #expect(await until { client.connectionCount == 0 })
                #expect(await until { closed.load(ordering: .relaxed) == 5 })
                let text = "narthex_http_idle_connections_closed_total{client=\"test\"} 5\n"
                #expect(await until { registry.render().contains(text) })
                #expect(registry.render().contains("narthex_http_connections{client=\"test\"} 0\n"))

                // Once the time for libcurl's is over, connections are kept as always.
                let endNs = startNs + (RelaxWindow.steps + 1) * RelaxWindow.stepNs
                #expect(await until { Self.clock.monotonicNs > endNs })
                for _ in 0..<3 { #expect(await ask(1, client, request) == 1) }
                #expect(server.acceptedCount == 6)
                SystemPause.milliseconds(2_500)
                #expect(await ask(1, client, request) == 1)
                #expect(server.acceptedCount == 6)
            }
        }
    }

    /// Half of the answer has come when memory becomes scarce.
    @Test(arguments: [true, false])
    func aConnectionInUseGoesOn(isPlain: Bool) async throws {
        let body = String(repeating: "narthex 1\n", count: 20_000)
        let text = Array(answer(body).utf8)
        let isHalf = Atomic<Bool>(false)
        let mayEnd = Atomic<Bool>(false)
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil, connection.write(Array(text.prefix(100_000))) else {
                return
            }
            isHalf.store(true, ordering: .relaxed)
            while !mayEnd.load(ordering: .relaxed) { SystemPause.milliseconds(1) }
            connection.write(Array(text.dropFirst(100_000)))
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let request = request(server, isPlain: isPlain)
                async let response = client.perform(request)
                #expect(await until { isHalf.load(ordering: .relaxed) })
                let endNs = Self.clock.monotonicNs + (RelaxWindow.steps + 1) * RelaxWindow.stepNs
                while Self.clock.monotonicNs < endNs {
                    client.relax()
                    SystemPause.milliseconds(1)
                }
                #expect(client.connectionCount == 1)
                mayEnd.store(true, ordering: .relaxed)
                let received = try await response.body
                #expect(received.text == body)
            }
        }
    }

    @Test(arguments: [true, false])
    func sparesAreCountedAndGo(isPlain: Bool) async throws {
        try await RawServer.saying(answer(String(repeating: "#", count: 200_000))) { server in
            try await withClient { client in
                let request = request(server, isPlain: isPlain)
                #expect(client.spareBytes == 0)
                #expect(await ask(1, client, request) == 1)
                let leastBytes = 200_000 + (isPlain ? 0 : KeptHandles.handleBytes)
                #expect(await until { client.spareBytes >= leastBytes })
                client.relax()
                #expect(await until { client.spareBytes == 0 })
                #expect(await ask(1, client, request) == 1)
                #expect(await until { client.spareBytes >= leastBytes })
            }
        }
    }

    /// Requests on both ways, while another thread has the client let go a thousand times a second.
    @Test func nothingFailsWhileAClientLetsGo() async throws {
        let isOver = Atomic<Bool>(false)
        try await RawServer.saying(answer(String(repeating: "narthex 1\n", count: 2_000))) { server in
            try await withClient { client in
                let relaxing = Thread {
                    while !isOver.load(ordering: .relaxed) {
                        client.relax()
                        client.memoryLimitsChanged()
                        SystemPause.milliseconds(1)
                    }
                }
                for _ in 0..<20 {
                    async let plain = ask(20, client, request(server, isPlain: true))
                    async let curl = ask(20, client, request(server, isPlain: false))
                    #expect(await (plain, curl) == (20, 20))
                    SystemPause.milliseconds(100)
                }
                isOver.store(true, ordering: .relaxed)
                #expect(await until { relaxing.isOver })
                client.relax()
                #expect(await until { client.connectionCount == 0 })
            }
        }
    }

    /// A thread that says when it is over.
    private final class Thread: Sendable {
        private let over = Atomic<Bool>(false)
        init(_ body: @escaping @Sendable () -> Void) {
            SystemThread.startOrExit(name: "relaxing") { [self] in
                body()
                over.store(true, ordering: .relaxed)
            }
        }
        var isOver: Bool { over.load(ordering: .relaxed) }
    }
}
