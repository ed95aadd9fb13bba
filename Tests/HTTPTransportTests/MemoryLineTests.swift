import Compression
import Platform
import Synchronization
import Telemetry
import Testing

@testable import HTTPTransport

/// The limit of the memory that bodies may hold changes while bodies are under way.
@Suite(.timeLimit(.minutes(4)))
struct MemoryLineTests {
    private static let body = String(repeating: "narthex 1234567\n", count: 3 << 16)
    /// 12 MiB, of which gzip makes a few.
    private static let long: String = {
        var text = ""
        var random = SeededRandom()
        while text.utf8.count < 12 << 20 { text += "narthex_\(random.number(0...1 << 40)) 1\n" }
        return text
    }()
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
            guard (try? await Task.sleep(for: .milliseconds(1))) != nil else { return false }
        }
        return true
    }

    private func ask(
        _ count: Int, _ client: HTTPClient, _ request: HTTPRequest, bytes: Int = body.utf8.count,
        _ isOver: borrowing Atomic<Bool> = Atomic(false)
    ) async -> [String] {
        defer { isOver.store(true, ordering: .releasing) }
        return await withTaskGroup(of: String?.self) { group in
            for _ in 0..<count {
                group.addTask {
                    do throws(HTTPError) {
                        let response = try await client.perform(request)
                        defer { response.body.letGo() }
                        return response.body.count == bytes ? nil : "\(response.body.count) bytes"
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
                let isOver = Atomic<Bool>(false)
                async let failures = ask(100, client, request, isOver)
                #expect(await until { memory.usedBytes(of: .bodies) >= 20 << 20 })
                memory.setLimit(of: .bodies, toBytes: 8 << 20)
                client.memoryLimitsChanged()
                // Charges that came before the fall are in it; what grows later does so by the limit at most.
                let mostBytes = memory.usedBytes(of: .bodies) + 8 << 20
                var peakBytes = 0
                var wasWithin = false
                #expect(
                    await until {
                        let usedBytes = memory.usedBytes(of: .bodies)
                        peakBytes = max(peakBytes, usedBytes)
                        if isOver.load(ordering: .acquiring) { return true }
                        if usedBytes > 0, usedBytes <= 8 << 20 { wasWithin = true }
                        return false
                    })
                #expect(peakBytes <= mostBytes)
                #expect(wasWithin, "requests go on within the narrowed limit")
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
                // Of three MiB each: of the third one the first part fits into eight and a half.
                let narrowed = 17 << 19
                let first = try await client.perform(request)
                let other = try await client.perform(request)
                memory.setLimit(of: .bodies, toBytes: narrowed)
                client.memoryLimitsChanged()
                async let second = client.perform(request)
                #expect(await until { memory.usedBytes(of: .bodies) > 6 << 20 })
                try await Task.sleep(for: .milliseconds(300))
                #expect(memory.usedBytes(of: .bodies) <= narrowed)
                memory.setLimit(of: .bodies, toBytes: 64 << 20)
                client.memoryLimitsChanged()
                let body = try await second.body
                #expect(body.count == first.body.count)
                first.body.letGo()
                other.body.letGo()
                body.letGo()
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }

    /// A gzip body waits for what it decodes to, which is then more than the narrowed limit.
    @Test(arguments: [true, false])
    func aPackedBodyWaitsUntilNoOtherHoldsMemory(isPlain: Bool) async throws {
        let memory = MemoryAccount(bodiesBytes: 300_000)
        let long = String(repeating: "#", count: 200_000)
        // Its last four bytes say what it decodes to: 65,536 times 3 and some.
        var packed = Array(gzip(String(repeating: "#", count: 6_000)).dropLast(4))
        packed += [0x90, 0xD0, 0x03, 0x00]
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n"
        let coded = Array(head.utf8) + packed
        let serve: @Sendable (Connection) -> Void = { connection in
            while let asked = connection.readRequest() {
                let isCoded = asked.head.contains("/coded")
                guard connection.write(isCoded ? coded : Array(answer(long).utf8)) else { return }
            }
        }
        try await RawServer.with(serve) { server in
            let registry = MetricRegistry()
            let configuration = HTTPClientConfiguration(name: "t", memory: memory)
            try await withClient(configuration, registry: registry) { client in
                func request(_ path: String) -> HTTPRequest {
                    HTTPRequest(
                        url: server.url(path), timeoutMs: 60_000, acceptGzip: true, followRedirects: isPlain,
                        takesBodySlot: true, connection: isPlain ? nil : HTTPConnectionOptions())
                }
                let waits = "bodies_waiting{client=\"t\"} 1\n"
                let first = try await client.perform(request("/long"))
                async let error = failure(of: request("/coded"), client)
                #expect(await until { registry.render().contains(waits) })
                memory.setLimit(of: .bodies, toBytes: 150_000)
                client.memoryLimitsChanged()
                try await Task.sleep(for: .milliseconds(300))
                #expect(registry.render().contains(waits))
                first.body.letGo()
                // It was read, and is no sound gzip.
                #expect(await error?.code == .badContentEncoding)
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }

    enum Form: CaseIterable { case announced, chunked, packed }

    /// The limit falls to 8 MiB while one of them is under way, and the others come after that.
    @Test(arguments: [true, false], Form.allCases)
    func bodiesLargerThanTheNarrowedLimitAreReadOneAfterTheOther(isPlain: Bool, form: Form) async throws {
        let wholeBytes = 25 << 20
        let memory = MemoryAccount(bodiesBytes: wholeBytes)
        let text = Self.long
        let content = Array(text.utf8)
        let packed = Gzip.encode(content.span) ?? []
        #expect(packed.count > 1 << 20 && packed.count < 6 << 20, "\(packed.count)")
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n"
        let said =
            switch form {
            case .announced: Array(answer(text).utf8)
            case .chunked: Array(PlainPathTests.chunked(text, size: 60_000).utf8)
            case .packed: Array(head.utf8) + packed
            }
        try await RawServer.with(Self.dripping(said)) { server in
            try await withClient(HTTPClientConfiguration(name: "t", memory: memory)) { client in
                let request = HTTPRequest(
                    url: server.url(), timeoutMs: 120_000, acceptGzip: form == .packed,
                    followRedirects: isPlain, takesBodySlot: true,
                    connection: isPlain ? nil : HTTPConnectionOptions())
                @Sendable func read() async -> String? {
                    do {
                        let body = try await client.perform(request).decoded().body
                        defer { body.letGo() }
                        return body.count == content.count ? nil : "\(body.count) bytes"
                    } catch { return "\(error)" }
                }
                async let first = read()
                #expect(await until { memory.usedBytes(of: .bodies) >= 1 << 20 })
                memory.setLimit(of: .bodies, toBytes: 8 << 20)
                client.memoryLimitsChanged()
                async let second = read()
                async let third = read()
                let isOver = Atomic<Bool>(false)
                async let peakBytes = peak(of: memory, until: isOver)
                let problems = await [first, second, third].compactMap(\.self)
                isOver.store(true, ordering: .releasing)
                #expect(problems == [])
                #expect(await peakBytes <= wholeBytes)
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }

    /// Large bodies among many small ones, all at once within a narrowed limit: each comes to its end.
    @Test(arguments: [true, false])
    func largeBodiesAmongManySmallOnesAreRead(isPlain: Bool) async throws {
        let memory = MemoryAccount(bodiesBytes: 25 << 20)
        let long = Self.dripping(Array(answer(Self.long).utf8))
        let short = Self.dripping(Array(answer(Self.body).utf8))
        memory.setLimit(of: .bodies, toBytes: 8 << 20)
        try await RawServer.with(long) { large in
            try await RawServer.with(short) { small in
                try await withClient(HTTPClientConfiguration(name: "t", memory: memory)) { client in
                    func request(_ server: RawServer) -> HTTPRequest {
                        HTTPRequest(
                            url: server.url(), timeoutMs: 120_000, followRedirects: isPlain,
                            takesBodySlot: true, connection: isPlain ? nil : HTTPConnectionOptions())
                    }
                    async let first = ask(30, client, request(small))
                    async let second = ask(4, client, request(large), bytes: Self.long.utf8.count)
                    async let third = ask(30, client, request(small))
                    let problems = await first + second + third
                    #expect(problems == [])
                }
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }

    private func peak(of memory: MemoryAccount, until isOver: borrowing Atomic<Bool>) async -> Int {
        var peakBytes = 0
        _ = await until {
            peakBytes = max(peakBytes, memory.usedBytes(of: .bodies))
            return isOver.load(ordering: .acquiring)
        }
        return peakBytes
    }

    /// A body that needs more than the whole limit fails at once, and the error names the whole limit.
    @Test(arguments: [true, false])
    func aBodyLargerThanTheWholeLimitFails(isPlain: Bool) async throws {
        for text in [answer(Self.body), PlainPathTests.chunked(Self.body, size: 60_000)] {
            let memory = MemoryAccount(bodiesBytes: 2 << 20)
            memory.setLimit(of: .bodies, toBytes: 1 << 20)
            try await RawServer.saying(text) { server in
                try await withClient(HTTPClientConfiguration(name: "t", memory: memory)) { client in
                    let request = HTTPRequest(
                        url: server.url(), timeoutMs: 60_000, followRedirects: isPlain, takesBodySlot: true,
                        connection: isPlain ? nil : HTTPConnectionOptions())
                    let error = await failure(of: request, client)
                    #expect(error?.code == .overloaded, "\(error?.message ?? "")")
                    #expect(error?.message.contains("2097152 bytes") == true, "\(error?.message ?? "")")
                }
            }
            #expect(memory.usedBytes(of: .bodies) == 0)
        }
    }
}
