import Platform
import Testing

@testable import HTTPTransport

#if canImport(Glibc)
import Glibc
#endif

@Suite(.timeLimit(.minutes(1)))
struct PlainConnectionTests {
    private final class Nobody: HTTPExchange {
        func begin() -> HTTPRequest? { nil }
        func end(_ result: Result<HTTPResponse, HTTPError>) {}
    }

    /// Processor time of this thread.
    private var spentMs: Int {
        var time = timespec()
        // Safety: the time lives through the call.
        guard unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    /// Each byte is looked at once: a server that drips must not hold up the thread of all transfers.
    @Test func aLineThatDripsInCostsNoMoreThanItsBytes() async throws {
        let serve: @Sendable (Connection) -> Void = { $0.waitForClose() }
        try await RawServer.with(serve) { server in
            let admission = BodyAdmission(
                slots: BodySlots(capacity: 1, bytesLimit: 0), pool: BodyPool(keptCount: 1) { _, _ in })
            let request = HTTPRequest(url: server.url(), takesBodySlot: true)
            let submission = Submission(
                id: 1, request: request, nowNs: admission.nowNs, reply: .exchange(Nobody()))
            let transfer = Transfer(submission, easy: nil, admission: admission)
            let address = PlainAddress(address: 0x7F00_0001, port: UInt16(server.port))
            let connection = try #require(PlainConnection(address))
            #expect(connection.begin(transfer, Array("GET".utf8), deadlineNs: .max) == .wait)
            var scratch: [UInt8] = []
            let ready = connection.ready(
                isReadable: false, isWritable: true, deadlineNs: .max, &scratch)
            #expect(ready == .wait && !connection.wantsToWrite)
            let head = "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 15_000) + "\r\nY: y\r\n"
            let bytes = Array(head.utf8)
            let startMs = spentMs
            let waits = bytes.count { connection.take([$0].span) == .wait }
            let tookMs = spentMs - startMs
            #expect(waits == bytes.count)
            // Copied whole for each byte it takes several seconds.
            #expect(tookMs < 1_000)
            #expect(connection.take(Array("Content-Length: 0\r\n\r\n".utf8).span) == .whole(status: 200))
            #expect(transfer.headers["X"]?.utf8.count == 15_000 && transfer.headers["Y"] == "y")
        }
    }
}
