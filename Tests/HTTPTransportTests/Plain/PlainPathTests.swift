import Platform
import Synchronization
import Telemetry
import Testing

@testable import HTTPTransport

/// The plain way against a server of raw sockets, turn by turn, and what the client makes of it.
@Suite(.timeLimit(.minutes(2)))
struct PlainPathTests {
    /// How a request ended on the plain way.
    enum Outcome: Equatable {
        case whole(String, status: Int = 200)
        case redirected(String)
        case givenBack
        case failed(HTTPError.Code)
        /// It was not taken at all.
        case notPlain
        case still
    }

    /// The path and what it needs of a client, driven by the test.
    final class Driver {
        private final class Nobody: HTTPExchange {
            func begin() -> HTTPRequest? { nil }
            func end(_ result: Result<HTTPResponse, HTTPError>) {}
        }

        let watch: SocketWatch
        let admission: BodyAdmission
        let path: PlainPath
        var connections = 0
        private var nextID: UInt64 = 1

        init(
            slots: Int = 4, _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
            find: @escaping @Sendable (String) -> [HostAddress] = { _ in [] }
        ) throws {
            watch = try #require(SocketWatch())
            admission = BodyAdmission(
                slots: BodySlots(capacity: slots, bytesLimit: 1 << 20),
                pool: BodyPool(keptCount: slots) { _, _ in })
            path = PlainPath(watch: watch, configuration: configuration, find: find)
        }

        func begin(_ url: String, timeoutMs: Int64 = 20_000, limit: Int = 64 << 20) -> Transfer? {
            nextID += 1
            let request = HTTPRequest(
                url: url, timeoutMs: timeoutMs, bodyLimitBytes: limit, followRedirects: true,
                takesBodySlot: true)
            let submission = Submission(
                id: nextID, request: request, nowNs: admission.nowNs, reply: .exchange(Nobody()))
            return path.begin(submission, admission)
        }

        /// Turns until the transfer has ended, or `ms` are over.
        func outcome(of transfer: Transfer?, withinMs ms: UInt64 = 70_000) -> Outcome {
            guard let transfer else { return .notPlain }
            let untilNs = admission.nowNs + ms * 1_000_000
            repeat {
                if let index = path.ended.firstIndex(where: { $0.transfer === transfer }) {
                    let end = path.ended.remove(at: index)
                    connections += end.connections
                    defer { transfer.giveUp() }
                    switch end.ending {
                    case .whole(let status):
                        return .whole(String(decoding: transfer.body, as: UTF8.self), status: status)
                    case .redirected(let location): return .redirected(location)
                    case .givenBack: return .givenBack
                    case .failed(let error): return .failed(error.code)
                    }
                }
                turn()
            } while admission.nowNs < untilNs
            return .still
        }

        func turn() {
            let problem = watch.wait(timeoutMs: 10) {
                _ = path.ready($0, isReadable: $1, isWritable: $2, nowNs: admission.nowNs)
            }
            #expect(problem == nil)
            path.endLate(nowNs: admission.nowNs)
        }

        func ask(_ url: String, timeoutMs: Int64 = 20_000, limit: Int = 64 << 20) -> Outcome {
            outcome(of: begin(url, timeoutMs: timeoutMs, limit: limit))
        }
    }

    static func chunked(_ body: String, size: Int) -> String {
        var text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        var rest = Substring(body)
        while !rest.isEmpty {
            let piece = rest.prefix(size)
            text += String(piece.utf8.count, radix: 16) + "\r\n" + piece + "\r\n"
            rest = rest.dropFirst(size)
        }
        return text + "0\r\n\r\n"
    }

    static func text(_ count: Int) -> String {
        String(String(repeating: "narthex 1\n", count: count / 10 + 1).prefix(count))
    }

    @Test(arguments: [0, 1, 3_900, 4_096, 9_000, 98_000, 3_000_000])
    func bodiesArriveWholeOverOneConnection(size: Int) async throws {
        let body = Self.text(size)
        for said in [answer(body), Self.chunked(body, size: 777), Self.chunked(body, size: 100_000)] {
            try await RawServer.saying(said) { server in
                let driver = try Driver()
                for _ in 0..<3 { #expect(driver.ask(server.url()) == .whole(body)) }
                #expect(driver.connections == 1 && server.acceptedCount == 1)
                #expect(driver.admission.slots.slotsInUse == 0)
            }
        }
    }

    @Test(arguments: ["Connection: close", "connection:  CLOSE "])
    func aConnectionThatTheServerClosesIsNotUsedAgain(field: String) async throws {
        try await RawServer.saying(answer("a 1\n", headers: [field])) { server in
            let driver = try Driver()
            for _ in 0..<3 { #expect(driver.ask(server.url()) == .whole("a 1\n")) }
            #expect(driver.connections == 3)
        }
    }

    @Test func whatFollowsAnAnswerIsNotTakenForTheNext() async throws {
        let evil = answer("evil 1\n")
        for said in [answer("a 1\n") + evil, Self.chunked("a 1\n", size: 2) + evil] {
            try await RawServer.saying(said) { server in
                let driver = try Driver()
                for _ in 0..<3 { #expect(driver.ask(server.url()) == .whole("a 1\n")) }
                #expect(driver.connections == 3)
            }
        }
    }

    /// A longer body is read straight to where it stays, and what follows it is left in the socket.
    @Test func whatFollowsALongBodyIsNotTakenForTheNext() async throws {
        let body = Self.text(9_000)
        try await RawServer.saying(answer(body) + answer("evil 1\n")) { server in
            let driver = try Driver()
            for _ in 0..<3 { #expect(driver.ask(server.url()) == .whole(body)) }
            #expect(driver.connections == 3)
        }
    }

    @Test func connectionsOfATargetThatIsGoneAreClosed() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let driver = try Driver()
            #expect(driver.ask(server.url()) == .whole("a 1\n"))
            #expect(driver.path.connectionCount == 1)
            // Half of the time that a connection may idle, then more than all of it.
            driver.path.endLate(nowNs: driver.admission.nowNs + 150_000_000_000)
            #expect(driver.path.connectionCount == 1)
            driver.path.endLate(nowNs: driver.admission.nowNs + 301_000_000_000)
            #expect(driver.path.connectionCount == 0)
        }
    }

    @Test func aServerThatClosesBetweenRequestsCostsNothing() async throws {
        try await RawServer.sayingOnce(Array(answer("a 1\n").utf8)) { server in
            let driver = try Driver()
            for _ in 0..<5 { #expect(driver.ask(server.url()) == .whole("a 1\n")) }
        }
    }

    /// The server reads the second request of a connection and closes without a byte: it may not have acted.
    @Test(arguments: [false, true])
    func aKeptConnectionThatEndsBeforeAnyByteIsReplacedOnce(resets: Bool) async throws {
        let requests = Atomic<Int>(0)
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            requests.add(1, ordering: .relaxed)
            connection.write(answer("a 1\n"))
            guard connection.readRequest() != nil else { return }
            requests.add(1, ordering: .relaxed)
            if resets { connection.reset() }
        }
        try await RawServer.with(serve) { server in
            let driver = try Driver()
            #expect(driver.ask(server.url()) == .whole("a 1\n"))
            #expect(driver.ask(server.url()) == .whole("a 1\n"))
            let count = requests.load(ordering: .relaxed)
            #expect(count == 3 && driver.connections == 2)
        }
    }

    /// One byte is enough for the request to have been acted upon.
    @Test func aKeptConnectionThatEndsWithinItsAnswerIsNotReplaced() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(answer("a 1\n"))
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n")
        }
        try await RawServer.with(serve) { server in
            let driver = try Driver()
            #expect(driver.ask(server.url()) == .whole("a 1\n"))
            #expect(driver.ask(server.url()) == .failed(.truncated))
            #expect(server.acceptedCount == 1)
        }
    }

    @Test(
        arguments: [
            ("", .connectionReset), ("HTTP/1.1 200 OK\r\nContent-Len", .truncated),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", .truncated),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell", .truncated),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", .truncated),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", .malformedResponse),
            ("\u{0}\u{1}\u{2}", .malformedResponse),
            ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 200_000), .malformedResponse),
            (
                "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Many: value\r\n", count: 20_000),
                .malformedResponse
            ),
            (String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 20_000), .malformedResponse),
        ] as [(String, HTTPError.Code)])
    func whatIsBrokenFails(said: String, code: HTTPError.Code) async throws {
        try await RawServer.sayingOnce(Array(said.utf8)) { server in
            let driver = try Driver()
            // Again and again: the server stays with the plain way.
            for _ in 0..<2 { #expect(driver.ask(server.url()) == .failed(code)) }
            #expect(driver.admission.slots.slotsInUse == 0)
            #expect(server.acceptedCount == 2)
        }
    }

    @Test(arguments: [200, 200_000])
    func aBodyMayEndWithItsConnection(size: Int) async throws {
        let body = Self.text(size)
        try await RawServer.sayingOnce(Array(("HTTP/1.1 200 OK\r\n\r\n" + body).utf8)) { server in
            let driver = try Driver()
            for _ in 0..<2 { #expect(driver.ask(server.url()) == .whole(body)) }
        }
    }

    @Test func aBodyUntilCloseThatBreaksOffFails() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n\r\n" + Self.text(20_000))
            connection.reset()
        }
        try await RawServer.with(serve) { server in
            let driver = try Driver()
            #expect(driver.ask(server.url()) == .failed(.connectionReset))
        }
    }

    @Test func headsThatDripInAreRead() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            while connection.readRequest() != nil {
                for byte in answer("a 1\n", headers: ["X: y"]).utf8 { connection.write([byte]) }
            }
        }
        try await RawServer.with(serve) { server in
            let driver = try Driver()
            for _ in 0..<2 { #expect(driver.ask(server.url()) == .whole("a 1\n")) }
            #expect(driver.connections == 1)
        }
    }

    @Test func aRedirectKeepsItsConnectionAndItsBodyIsNotRead() async throws {
        let redirect = answer("moved", status: "302 Found", headers: ["Location: /other"])
        try await RawServer.saying(redirect) { server in
            let driver = try Driver()
            for _ in 0..<2 { #expect(driver.ask(server.url()) == .redirected("/other")) }
            #expect(driver.connections == 1)
        }
        for headers in [[], ["Location:"], ["Location:  "]] {
            try await RawServer.saying(answer("x", status: "302 Found", headers: headers)) { server in
                let driver = try Driver()
                #expect(driver.ask(server.url()) == .whole("x", status: 302))
            }
        }
    }

    @Test func aConnectionThatIsRefusedOrResetFails() async throws {
        let url = try await RawServer.saying("") { $0.url() }
        let driver = try Driver()
        #expect(driver.ask(url) == .failed(.connect))
        let serve: @Sendable (Connection) -> Void = { connection in
            while connection.readRequest() != nil {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + Self.text(20_000))
                connection.reset()
            }
        }
        try await RawServer.with(serve) { #expect(driver.ask($0.url()) == .failed(.connectionReset)) }
    }

    @Test func tooLargeABodyFails() async throws {
        for said in [answer(Self.text(9_000)), Self.chunked(Self.text(9_000), size: 1_000)] {
            try await RawServer.saying(said) { server in
                let driver = try Driver()
                #expect(driver.ask(server.url(), limit: 8_999) == .failed(.bodyTooLarge))
                #expect(driver.ask(server.url(), limit: 9_000) == .whole(Self.text(9_000)))
            }
        }
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc"])
    func aServerThatFallsSilentMeetsTheTimeout(said: String) async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(said)
            connection.waitForClose()
        }
        try await RawServer.with(serve) { server in
            let driver = try Driver()
            #expect(driver.ask(server.url(), timeoutMs: 50) == .failed(.timeout))
            // Its connection is gone: an answer that comes late is no answer to the next.
            #expect(driver.ask(server.url(), timeoutMs: 50) == .failed(.timeout))
            #expect(driver.connections == 2)
        }
    }

    @Test func aBodyWaitsForItsSlot() async throws {
        let body = Self.text(200_000)
        for said in [answer(body), Self.chunked(body, size: 5_000), Self.chunked(body, size: 200_000)] {
            try await RawServer.saying(said) { server in
                let driver = try Driver(slots: 1)
                let isTaken = driver.admission.slots.want(999, sizeBytes: 0, nowNs: driver.admission.nowNs)
                #expect(isTaken)
                let transfer = try #require(driver.begin(server.url()))
                for _ in 0..<100 where !transfer.isWaiting {
                    #expect(driver.outcome(of: transfer, withinMs: 200) == .still)
                }
                #expect(driver.outcome(of: transfer, withinMs: 200) == .still)
                #expect(transfer.isWaiting && transfer.body.count < 64 << 10)
                #expect(driver.path.setAsideBytes <= BodySlots.inlineBytes)
                driver.admission.slots.ended(999, keepsBody: false)
                let nowNs = driver.admission.nowNs
                let granted = driver.admission.slots.grant(nowNs: nowNs) { _ in 0 }
                #expect(granted == [transfer.id])
                #expect(transfer.slotGranted() == .taken)
                driver.path.resume(transfer.id, nowNs: driver.admission.nowNs)
                #expect(driver.outcome(of: transfer) == .whole(body))
                #expect(driver.admission.slots.unslottedBytes == 0)
            }
        }
    }

    @Test func aTransferThatIsLeftEndsItsConnection() async throws {
        let closed = Atomic<Bool>(false)
        let serve: @Sendable (Connection) -> Void = { connection in
            connection.waitForClose()
            closed.store(true, ordering: .relaxed)
        }
        try await RawServer.with(serve) { server in
            let driver = try Driver()
            let transfer = try #require(driver.begin(server.url()))
            for _ in 0..<5 { driver.turn() }
            driver.path.leave(transfer.id)
            let untilNs = driver.admission.nowNs + 20_000_000_000
            while !closed.load(ordering: .relaxed), driver.admission.nowNs < untilNs { driver.turn() }
            let isClosed = closed.load(ordering: .relaxed)
            #expect(isClosed)
            #expect(driver.path.ended.isEmpty)
        }
    }

    @Test func aLargeRequestGoesOutWhole() async throws {
        let path = "/" + String(repeating: "p", count: 600_000)
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                let line = request.head.prefix { $0 != "\r\n" }
                connection.write(answer("\(line.utf8.count)"))
            }
        }
        try await RawServer.with(serve) { server in
            let driver = try Driver()
            let count = "GET \(path) HTTP/1.1".utf8.count
            for _ in 0..<2 {
                #expect(driver.ask(server.url(path), timeoutMs: 60_000) == .whole("\(count)"))
            }
        }
    }

    // MARK: - In the client

    @Test func connectionsAreCountedOnce() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let registry = MetricRegistry()
            try await withClient(registry: registry) { client in
                for _ in 0..<3 {
                    _ = try await client.perform(HTTPRequest(url: server.url(), takesBodySlot: true))
                }
            }
            let name = "net_conntrack_dialer_conn_established_total{dialer_name=\"test\"}"
            #expect(registry.render().contains("\(name) 1\n"))
            #expect(server.acceptedCount == 1)
        }
    }
}
