import Platform
import Synchronization
import Testing

@testable import HTTPTransport

/// The limit of the memory that bodies may hold changes while bodies are under way.
@Suite(.timeLimit(.minutes(4)))
struct MemoryLineTests {
    private static let body = String(repeating: "narthex 1234567\n", count: 3 << 16)
    private static let clock = SystemClock()

    /// Says the text slowly, so that many bodies are under way at one time, yet not so slowly that the sender
    /// loses its slot.
    private static func dripping(_ text: [UInt8]) -> @Sendable (Connection) -> Void {
        { connection in
            while connection.readRequest() != nil {
                for start in stride(from: 0, to: text.count, by: 64 << 10) {
                    let piece = Array(text[start..<min(text.count, start + (64 << 10))])
                    guard connection.write(piece) else { return }
                    SystemPause.milliseconds(5)
                }
            }
        }
    }

    private func until(_ what: () -> Bool) async -> Bool {
        let endNs = Self.clock.monotonicNs + 60_000_000_000
        while !what() {
            guard Self.clock.monotonicNs < endNs else { return false }
            await Task.yield()
        }
        return true
    }

    private func ask(_ count: Int, _ client: HTTPClient, _ request: HTTPRequest) async -> [String] {
        await withTaskGroup(of: String?.self) { group in
            for _ in 0..<count {
                group.addTask {
                    do throws(HTTPError) {
                        let response = try await client.perform(request)
                        defer { response.body.letGo() }
                        return response.body.count == Self.body.utf8.count
                            ? nil : "\(response.body.count) bytes"
                    } catch {
                        return error.message
                    }
                }
            }
            return await group.reduce(into: []) { if let text = $1 { $0.append(text) } }
        }
    }

    /// A hundred bodies of 3 MiB: sixteen are under way and the others wait when the limit falls to 8 MiB,
    /// which is less than is held. All come whole.
    @Test(arguments: [true, false], [true, false])
    func bodiesUnderWayFinishAndOthersWait(isPlain: Bool, isChunked: Bool) async throws {
        let memory = MemoryAccount(bodiesBytes: 256 << 20)
        let configuration = HTTPClientConfiguration(name: "t", memory: memory)
        let text = isChunked ? PlainPathTests.chunked(Self.body, size: 60_000) : answer(Self.body)
        try await RawServer.with(Self.dripping(Array(text.utf8))) { server in
            try await withClient(configuration) { client in
                let request = HTTPRequest(
                    url: server.url(), timeoutMs: 120_000, followRedirects: isPlain, takesBodySlot: true,
                    connection: isPlain ? nil : HTTPConnectionOptions())
                async let failures = ask(100, client, request)
                #expect(await until { memory.usedBytes(of: .bodies) >= 20 << 20 })
                memory.setLimit(of: .bodies, toBytes: 8 << 20)
                client.memoryLimitsChanged()
                let said = await failures
                #expect(said.count == 0, "of 100: \(said.first ?? "")")
                #expect(memory.usedBytes(of: .bodies) == 0)
            }
        }
    }

    /// What waits is looked at when the limit is widened, although no other body ends.
    @Test(arguments: [true, false])
    func widenedLimitsLetWaitingBodiesGoOn(isPlain: Bool) async throws {
        let memory = MemoryAccount(bodiesBytes: 64 << 20)
        try await RawServer.saying(answer(Self.body)) { server in
            try await withClient(HTTPClientConfiguration(name: "t", memory: memory)) { client in
                let request = HTTPRequest(
                    url: server.url(), timeoutMs: 60_000, followRedirects: isPlain, takesBodySlot: true,
                    connection: isPlain ? nil : HTTPConnectionOptions())
                let first = try await client.perform(request)
                memory.setLimit(of: .bodies, toBytes: 5 << 20)
                client.memoryLimitsChanged()
                async let second = client.perform(request)
                #expect(await until { memory.usedBytes(of: .bodies) > 3 << 20 })
                SystemPause.milliseconds(300)
                #expect(memory.usedBytes(of: .bodies) <= 5 << 20)
                memory.setLimit(of: .bodies, toBytes: 64 << 20)
                client.memoryLimitsChanged()
                let body = try await second.body
                #expect(body.count == first.body.count)
                first.body.letGo()
                body.letGo()
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }

    /// A body that needs more than the narrowed limit fails at once, as one does that needs more than any.
    @Test(arguments: [true, false])
    func aBodyLargerThanTheNarrowedLimitFails(isPlain: Bool) async throws {
        let memory = MemoryAccount(bodiesBytes: 64 << 20)
        for text in [answer(Self.body), PlainPathTests.chunked(Self.body, size: 60_000)] {
            try await RawServer.saying(text) { server in
                try await withClient(HTTPClientConfiguration(name: "t", memory: memory)) { client in
                    memory.setLimit(of: .bodies, toBytes: 2 << 20)
                    client.memoryLimitsChanged()
                    let request = HTTPRequest(
                        url: server.url(), timeoutMs: 60_000, followRedirects: isPlain, takesBodySlot: true,
                        connection: isPlain ? nil : HTTPConnectionOptions())
                    let error = await failure(of: request, client)
                    #expect(error?.code == .overloaded, "\(error?.message ?? "")")
                    #expect(error?.message.contains("2097152 bytes") == true, "\(error?.message ?? "")")
                    memory.setLimit(of: .bodies, toBytes: 64 << 20)
                    client.memoryLimitsChanged()
                    #expect(await ask(1, client, request).isEmpty)
                }
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }
}
