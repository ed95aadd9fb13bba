import StatusServer
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StatusServerTests {
    @Test func listensOnLoopbackAndStops() async throws {
        let server = try await StatusServer.start(
            addresses: [ListenAddress(host: "127.0.0.1", port: 0)], pages: FakePages(),
            registry: MetricRegistry()
        )
        #expect(server.addresses[0].port > 0)
        #expect(server.url == "http://127.0.0.1:\(server.addresses[0].port)/")
        let error = await #expect(throws: StatusError.self) {
            _ = try await StatusServer.start(
                addresses: server.addresses, pages: FakePages(), registry: MetricRegistry())
        }
        #expect(error?.code == .listen)
        #expect(error?.message.contains("127.0.0.1:\(server.addresses[0].port)") == true)
        #expect(error?.message.contains("--web.listen-address") == true)
        await server.stop()
    }

    @Test func severalAddressesAreListenedOnOrNone() async throws {
        let two = [
            ListenAddress(host: "127.0.0.1", port: 0), ListenAddress(host: "127.0.0.1", port: 0),
        ]
        let first = try await StatusServer.start(
            addresses: two, prefix: RoutePrefix(externalURL: nil, routePrefix: "p"), pages: FakePages(),
            registry: MetricRegistry())
        #expect(first.addresses.count == 2 && first.addresses[0].port != first.addresses[1].port)
        #expect(first.urls.allSatisfy { $0.hasSuffix("/p/") } && first.url == first.urls[0])
        // One that is taken and one that is free: on an address where nobody else asks for any port. A child
        // that another test is just starting may hold the socket of the free one for a moment: then another
        // is looked for.
        var free: [ListenAddress] = []
        var error: StatusError?
        for _ in 0..<50 where error?.message.contains("\(first.addresses[1])") != true {
            let server = try await StatusServer.start(
                addresses: [ListenAddress(host: "127.0.0.7", port: 0)], pages: FakePages(),
                registry: MetricRegistry())
            free = server.addresses
            await server.stop()
            error = await #expect(throws: StatusError.self) {
                _ = try await StatusServer.start(
                    addresses: [free[0], first.addresses[1]], pages: FakePages(),
                    registry: MetricRegistry())
            }
        }
        #expect(error?.message.contains("\(first.addresses[1])") == true)
        // The free one was let go of again.
        var again: StatusServer?
        for _ in 0..<50 where again == nil {
            again = try? await StatusServer.start(
                addresses: free, pages: FakePages(), registry: MetricRegistry())
            if again == nil { try await Task.sleep(for: .milliseconds(100)) }  // Nobody tells of a free port.
        }
        #expect(again != nil)
        await again?.stop()
        await first.stop()
        let twice = await #expect(throws: StatusError.self) {
            _ = try await StatusServer.start(
                addresses: free + free, pages: FakePages(), registry: MetricRegistry())
        }
        #expect(twice?.message.contains("named twice") == true)
    }

    @Test func everyInterfaceOnlyWhenAsked() async throws {
        let server = try await StatusServer.start(
            addresses: [ListenAddress(host: nil, port: 0)], pages: FakePages(), registry: MetricRegistry())
        #expect(server.addresses[0].host == nil)
        #expect(ListenAddress.standard.host == "127.0.0.1")
        await server.stop()
    }
}
