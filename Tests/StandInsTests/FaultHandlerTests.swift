import HTTPServer
import Platform
import TestSupport
import Testing

@testable import StandIns

@Suite(.timeLimit(.minutes(1)))
struct FaultHandlerTests {
    private func response(_ fault: ServerFault, body: [UInt8] = []) -> ServerResponse {
        var response = ServerResponse(body: body)
        response.set(fault: fault)
        return response
    }

    private func answer(_ response: ServerResponse, readsToEnd: Bool = true) async throws -> String {
        let server = try await HTTPServer.startStandIn(port: 0, bodyLimitBytes: 0) { _ in response }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        let text = readsToEnd ? try await client.readToEnd() : try await client.read(until: "\r\n\r\n")
        await server.stop(graceMs: 0)
        #expect(!text.contains(ServerResponse.faultFieldName))
        return text
    }

    @Test func closesWithoutAnAnswer() async throws {
        #expect(try await answer(response(.closeWithoutAnswer)).isEmpty)
    }

    @Test func closesInTheMiddleOfTheBody() async throws {
        let body = [UInt8](repeating: 0x61, count: 1_000_000)
        let text = try await answer(response(.closeAfter(bodyBytes: 600_000), body: body))
        #expect(text.lowercased().contains("content-length: 1000000\r\n"))
        #expect(text.utf8.reduce(0) { $0 + ($1 == 0x61 ? 1 : 0) } >= 600_000)
        #expect(text.utf8.count < 601_000)
    }

    @Test func closesAfterTheHead() async throws {
        let text = try await answer(response(.closeAfter(bodyBytes: 0), body: [1, 2, 3]))
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test func declaresAnotherLengthThanItSends() async throws {
        let text = try await answer(response(.declareLength(bytes: 10), body: [0x61, 0x62]))
        #expect(text.lowercased().contains("content-length: 10\r\n"))
        #expect(text.hasSuffix("\r\n\r\nab"))
    }

    @Test func delaysTheFirstByte() async throws {
        let clock = SystemClock()
        let beforeNs = clock.monotonicNs
        _ = try await answer(response(.delay(ms: 30)), readsToEnd: false)
        #expect(clock.monotonicNs - beforeNs >= 30_000_000)
    }

    @Test(arguments: [ServerFault.neverAnswer, .stallAfter(bodyBytes: 1)])
    func aStalledConnectionEndsWithItsServer(fault: ServerFault) async throws {
        let stalled = response(fault, body: [0x61, 0x62])
        let server = try await HTTPServer.startStandIn(port: 0, bodyLimitBytes: 0) { _ in stalled }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        if fault != .neverAnswer { _ = try await client.read(until: "\r\n\r\na") }
        while server.statistics.requests == 0 { await Task.yield() }
        // Far more than the test's limit: a stalled connection must not wait for the grace to pass.
        await server.stop(graceMs: 600_000)
        #expect(server.statistics.connections == 0)
        #expect(try await client.readToEnd().isEmpty)
    }

    @Test func aPeerThatGoesDuringADelayLeavesNothingBehind() async throws {
        let late = response(.delay(ms: 600_000), body: [0x61])
        let server = try await HTTPServer.startStandIn(port: 0, bodyLimitBytes: 0) { _ in late }
        var client: RawClient? = try await RawClient.connect(port: server.port)
        try await client?.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        while server.statistics.requests == 0 { await Task.yield() }
        client = nil
        while server.statistics.connections > 0 { await Task.yield() }
        await server.stop(graceMs: 0)
    }

    @Test func theNextAnswerOfAConnectionIsWhole() async throws {
        let late = response(.delay(ms: 1), body: Array("late".utf8))
        let server = try await HTTPServer.startStandIn(port: 0, bodyLimitBytes: 0) {
            $0.path == "/late" ? late : ServerResponse(text: "whole")
        }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
        let text = try await client.read(until: "whole")
        #expect(text.contains("\r\n\r\nlateHTTP/1.1 200 OK\r\n"))
        await server.stop(graceMs: 0)
    }
}
