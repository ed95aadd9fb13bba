import StatusServer
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StatusServerTests {
    @Test func listensOnLoopbackAndStops() async throws {
        let server = try await StatusServer.start(
            address: ListenAddress(host: "127.0.0.1", port: 0), pages: FakePages(), registry: MetricRegistry()
        )
        #expect(server.address.port > 0)
        #expect(server.url == "http://127.0.0.1:\(server.address.port)/")
        let error = await #expect(throws: StatusError.self) {
            _ = try await StatusServer.start(
                address: server.address, pages: FakePages(), registry: MetricRegistry())
        }
        #expect(error?.code == .listen)
        #expect(error?.message.contains("127.0.0.1:\(server.address.port)") == true)
        #expect(error?.message.contains("--web.listen-address") == true)
        await server.stop()
    }

    @Test func everyInterfaceOnlyWhenAsked() async throws {
        let server = try await StatusServer.start(
            address: ListenAddress(host: nil, port: 0), pages: FakePages(), registry: MetricRegistry())
        #expect(server.address.host == nil)
        #expect(ListenAddress.standard.host == "127.0.0.1")
        await server.stop()
    }
}
