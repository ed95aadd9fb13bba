import HTTPTransport
import Platform
import Telemetry
import Testing

/// Body slots at work: many large bodies, slow senders, slow consumers.
@Suite(.timeLimit(.minutes(2)))
struct TransferLoopTests {
    static let large = String(repeating: "narthex_metric_total{path=\"/a\"} 12345\n", count: 4_000)

    static func configuration(slots: Int, waitingBytesLimit: Int = 64 << 20) -> HTTPClientConfiguration {
        HTTPClientConfiguration(name: "t", bodySlots: slots, waitingBytesLimit: waitingBytesLimit)
    }

    /// `/slow` sends 40 KiB of a larger body and nothing more; everything else gets the large body.
    static let serveSlowAndFast: @Sendable (Connection) -> Void = { connection in
        while let request = connection.readRequest() {
            guard request.head.hasPrefix("GET /slow") else {
                connection.write(answer(large))
                continue
            }
            connection.write(
                "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + String(repeating: "s", count: 40 << 10)
            )
            return connection.waitForClose()
        }
    }

    @Test func manyLargeBodiesPassThroughFewSlots() async throws {
        try await RawServer.saying(answer(Self.large)) { server in
            let registry = MetricRegistry()
            try await withClient(Self.configuration(slots: 3), registry: registry) { client in
                let url = server.url()
                let counts = await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<200 {
                        group.addTask {
                            // Beside other tests each waits until the threads of all have read what came
                            // before: the suite's limit is what bounds that.
                            let request = HTTPRequest(url: url, timeoutMs: 120_000, takesBodySlot: true)
                            guard let response = try? await client.perform(request) else { return false }
                            return response.body.text == Self.large
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(counts == 200)
                // Releases are seen by the next turn of the loop.
                let last = try await client.perform(HTTPRequest(url: url))
                #expect(last.status == 200)
                _ = try await client.perform(HTTPRequest(url: url))
                #expect(registry.render().contains("narthex_http_body_slots_in_use{client=\"t\"} 0\n"))
            }
        }
    }

    @Test func hungSendersDoNotHoldUpOthers() async throws {
        try await RawServer.with(Self.serveSlowAndFast) { server in
            try await withClient(Self.configuration(slots: 2)) { client in
                let slow = server.url("/slow")
                let hung = Task {
                    await withTaskGroup(of: HTTPError.Code?.self) { group in
                        for _ in 0..<8 {
                            group.addTask {
                                await failure(
                                    of: HTTPRequest(url: slow, timeoutMs: 30_000, takesBodySlot: true), client
                                )?.code
                            }
                        }
                        return await group.reduce(into: [HTTPError.Code?]()) { $0.append($1) }
                    }
                }
                while server.acceptedCount < 8 { await Task.yield() }
                for _ in 0..<10 {
                    let request = HTTPRequest(
                        url: server.url("/fast"), timeoutMs: 10_000, takesBodySlot: true)
                    let response = try await client.perform(request)
                    #expect(response.body.text == Self.large)
                }
                hung.cancel()
                #expect(await hung.value.allSatisfy { $0 == .cancelled })
            }
        }
    }

    @Test func aBodyKeptByItsConsumerHoldsUpTheNext() async throws {
        try await RawServer.saying(answer(Self.large)) { server in
            try await withClient(Self.configuration(slots: 1)) { client in
                let request = HTTPRequest(url: server.url(), timeoutMs: 3_000, takesBodySlot: true)
                var kept: HTTPResponse? = try await client.perform(
                    HTTPRequest(url: server.url(), timeoutMs: 30_000, takesBodySlot: true))
                #expect(kept?.body.count == Self.large.utf8.count)
                let error = await failure(of: request, client)
                #expect(error?.code == .timeout)
                #expect(error?.message.contains("body slot") == true)
                // One that takes no slot is not concerned.
                let other = try await client.perform(HTTPRequest(url: server.url()))
                #expect(other.status == 200)
                kept = nil
                let again = try await client.perform(
                    HTTPRequest(url: server.url(), timeoutMs: 10_000, takesBodySlot: true))
                #expect(again.body.text == Self.large)
            }
        }
    }

    @Test func aHeldRequestCanBeCancelled() async throws {
        try await RawServer.saying(answer(Self.large)) { server in
            try await withClient(Self.configuration(slots: 1)) { client in
                let url = server.url()
                let kept = try await client.perform(HTTPRequest(url: url, takesBodySlot: true))
                let task = Task {
                    await failure(of: HTTPRequest(url: url, timeoutMs: 30_000, takesBodySlot: true), client)?
                        .code
                }
                let other = try await client.perform(HTTPRequest(url: url))
                task.cancel()
                #expect(await task.value == .cancelled)
                #expect(kept.body.count == other.body.count)
            }
        }
    }

    @Test func smallBodiesNeedNoSlot() async throws {
        try await RawServer.saying(answer(String(repeating: "x", count: 8 << 10))) { server in
            try await withClient(Self.configuration(slots: 1)) { client in
                var kept: [HTTPResponse] = []
                for _ in 0..<5 {
                    let request = HTTPRequest(url: server.url(), timeoutMs: 5_000, takesBodySlot: true)
                    kept.append(try await client.perform(request))
                }
                #expect(kept.allSatisfy { $0.body.count == 8 << 10 })
            }
        }
    }

    @Test func bodiesWithoutASlotShareABoundedMemory() async throws {
        try await RawServer.with(Self.serveSlowAndFast) { server in
            try await withClient(Self.configuration(slots: 1, waitingBytesLimit: 100 << 10)) { client in
                let slow = server.url("/slow")
                let errors = await withTaskGroup(of: HTTPError?.self) { group in
                    for _ in 0..<12 {
                        group.addTask {
                            await failure(
                                of: HTTPRequest(url: slow, timeoutMs: 3_000, takesBodySlot: true), client)
                        }
                    }
                    return await group.reduce(into: [HTTPError?]()) { $0.append($1) }
                }
                let codes = errors.map { $0?.code }
                #expect(codes.contains(.overloaded))
                #expect(codes.contains(.timeout))
                #expect(codes.allSatisfy { $0 == .overloaded || $0 == .timeout }, "\(errors)")
            }
        }
    }

    /// More is under way than fits; each body fits, so each comes whole in its turn.
    @Test(arguments: [true, false])
    func bodiesThatDoNotFitTogetherWait(isPlain: Bool) async throws {
        let memory = MemoryAccount(bodiesBytes: 1 << 20)
        let configuration = HTTPClientConfiguration(name: "t", memory: memory)
        let packed = gzip(Self.large)
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n"
        let texts = [answer(Self.large), PlainPathTests.chunked(Self.large, size: 50_000)]
        for said in texts.map({ Array($0.utf8) }) + [Array(head.utf8) + packed] {
            try await RawServer.with({ while $0.readRequest() != nil, $0.write(said) {} }) { server in
                try await withClient(configuration) { client in
                    let request = HTTPRequest(
                        url: server.url(), timeoutMs: 30_000, followRedirects: isPlain, takesBodySlot: true,
                        connection: isPlain ? nil : HTTPConnectionOptions())
                    let counts = await withTaskGroup(of: Bool.self) { group in
                        for _ in 0..<20 {
                            group.addTask {
                                // What fails is counted by its absence.
                                guard let response = try? await client.perform(request) else { return false }
                                defer { response.body.letGo() }
                                return response.body.text == Self.large
                            }
                        }
                        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                    }
                    #expect(counts == 20)
                }
            }
            #expect(memory.usedBytes(of: .bodies) == 0)
        }
    }

    @Test(arguments: [true, false])
    func aBodyLargerThanAllMemoryFailsAtOnce(isGzip: Bool) async throws {
        let memory = MemoryAccount(bodiesBytes: 512 << 10)
        let head =
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(TransferTests.bomb.count)\r\n\r\n"
        let plain = answer(String(repeating: "#", count: 600_000))
        let said = isGzip ? Array(head.utf8) + TransferTests.bomb : Array(plain.utf8)
        try await RawServer.with({ while $0.readRequest() != nil, $0.write(said) {} }) { server in
            try await withClient(HTTPClientConfiguration(name: "t", memory: memory)) { client in
                for takesSlot in [true, false] {
                    let request = HTTPRequest(url: server.url(), timeoutMs: 30_000, takesBodySlot: takesSlot)
                    let error = await failure(of: request, client)
                    #expect(error?.code == .overloaded, "\(error?.message ?? "")")
                }
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }

    @Test func aBodyWaitsForWhatItsConsumerHolds() async throws {
        let memory = MemoryAccount(bodiesBytes: 200 << 10)
        try await RawServer.saying(answer(Self.large)) { server in
            try await withClient(HTTPClientConfiguration(name: "t", memory: memory)) { client in
                let request = HTTPRequest(url: server.url(), timeoutMs: 3_000, takesBodySlot: true)
                let kept = try await client.perform(
                    HTTPRequest(url: server.url(), timeoutMs: 30_000, takesBodySlot: true))
                let error = await failure(of: request, client)
                #expect(error?.code == .timeout)
                #expect(error?.message.contains("waited for memory: bodies hold") == true)
                kept.body.letGo()
                let again = try await client.perform(
                    HTTPRequest(url: server.url(), timeoutMs: 10_000, takesBodySlot: true))
                #expect(again.body.text == Self.large)
                again.body.letGo()
            }
        }
        #expect(memory.usedBytes(of: .bodies) == 0)
    }
}
