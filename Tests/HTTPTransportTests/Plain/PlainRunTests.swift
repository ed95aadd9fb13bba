import Addresses
import Platform
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import HTTPTransport

/// A listener whose queue is full: the kernel leaves those that come without an answer.
private final class SilentListener {
    private var descriptors: [Int32] = []

    init(_ address: UInt32, port: UInt16) throws {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = address.bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        for number in 0..<4 {
            let descriptor = socket(AF_INET, kind, 0)
            descriptors.append(descriptor)
            // Safety: the address lives through the calls and is as long as said.
            let isDone = unsafe withUnsafePointer(to: &place) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    guard number == 0 else {
                        return unsafe connect(descriptor, generic, length) == 0 || errno == EINPROGRESS
                    }
                    return unsafe bind(descriptor, generic, length) == 0 && listen(descriptor, 0) == 0
                }
            }
            try #require(isDone)
        }
    }

    func close() { for descriptor in descriptors { _ = Glibc.close(descriptor) } }
}

/// Names and IPv6 on the plain way, with a resolver that says what the test wants.
@Suite(.timeLimit(.minutes(2)))
struct PlainRunTests {
    private typealias Driver = PlainPathTests.Driver
    private typealias FakeResolver = HostLookupTests.FakeResolver

    private static func resolver(_ addresses: String...) -> FakeResolver {
        let resolver = FakeResolver()
        say(addresses, resolver)
        return resolver
    }

    private static func say(_ addresses: [String], _ resolver: FakeResolver) {
        resolver.answers.withLock {
            $0["node.example"] = addresses.compactMap { IPAddress($0) }.map { HostAddress($0) }
        }
    }

    private static func url(_ server: RawServer) -> String { "http://Node.example:\(server.port)/metrics" }

    @Test func aNameIsLookedUpOnceForManyScrapesOverOneConnection() async throws {
        let hosts = Mutex<Set<String>>([])
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                let lines = request.head.split(separator: "\r\n").map(String.init)
                hosts.withLock { $0.formUnion(lines.filter { $0.hasPrefix("Host:") }) }
                connection.write(answer("a 1\n"))
            }
        }
        try await RawServer.with(serve) { server in
            let resolver = Self.resolver("127.0.0.1")
            let driver = try Driver(find: resolver.find)
            for _ in 0..<3 { #expect(driver.ask(Self.url(server)) == .whole("a 1\n")) }
            #expect(driver.connections == 1 && server.acceptedCount == 1)
            #expect(resolver.asked.withLock { $0 } == ["node.example"])
            #expect(hosts.withLock { $0 } == ["Host: Node.example:\(server.port)"])
            #expect(driver.path.nameCount == 1)
            driver.path.endLate(nowNs: driver.admission.nowNs + 2 * HostLookup.oldestNs)
            #expect(driver.path.nameCount == 0)
        }
    }

    @Test func aNameThatCannotBeLookedUpFailsInLibcurlsWords() throws {
        let driver = try Driver(find: Self.resolver().find)
        for _ in 0..<2 {
            let transfer = try #require(driver.begin("http://Node.example:9/metrics"))
            var message: String?
            for _ in 0..<1_000 where message == nil {
                driver.turn()
                if let end = driver.path.ended.popLast(), case .failed(let error) = end.ending {
                    #expect(error.code == .resolve)
                    message = error.message
                }
            }
            #expect(message == "GET http://Node.example:9/metrics: Could not resolve host: Node.example")
            transfer.giveUp()
        }
    }

    @Test func aSilentNameServerHoldsUpItsOwnRequestsAlone() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let resolver = Self.resolver("127.0.0.1")
            resolver.gate.withLock { $0 = false }
            let driver = try Driver(find: resolver.find)
            let waiting = try #require(driver.begin(Self.url(server), timeoutMs: 300))
            #expect(driver.ask(server.url()) == .whole("a 1\n"))
            #expect(driver.outcome(of: waiting) == .failed(.timeout))
            // What comes late is known to the next, and the request that has ended is not begun.
            resolver.gate.withLock { $0 = true }
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            #expect(resolver.asked.withLock { $0.count } == 1 && server.acceptedCount == 2)
        }
    }

    /// The name has expired, and its name server is silent since.
    @Test func anAddressServesOnWhileItsNameServerIsSilent() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let resolver = Self.resolver("127.0.0.1")
            let driver = try Driver(find: resolver.find)
            let transfer = try #require(driver.begin(Self.url(server)))
            while resolver.asked.withLock({ $0.isEmpty }) { SystemThread.pause(ms: 1) }
            SystemThread.pause(ms: 20)
            // What was found is taken as if that were longer ago than it is kept.
            let nowNs = driver.admission.nowNs
            try #require(nowNs > HostLookup.keptNs)
            driver.path.endLate(nowNs: nowNs - HostLookup.keptNs)
            #expect(driver.outcome(of: transfer) == .whole("a 1\n"))
            resolver.gate.withLock { $0 = false }
            for _ in 0..<3 { #expect(driver.ask(Self.url(server)) == .whole("a 1\n")) }
            #expect(resolver.asked.withLock { $0.count } == 2)
            resolver.gate.withLock { $0 = true }
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            #expect(driver.connections == 1)
        }
    }

    @Test func aRequestThatIsLeftWhileItsNameIsLookedUpIsNotBegun() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let resolver = Self.resolver("127.0.0.1")
            resolver.gate.withLock { $0 = false }
            let driver = try Driver(find: resolver.find)
            let transfer = try #require(driver.begin(Self.url(server)))
            driver.path.leave(transfer.id)
            resolver.gate.withLock { $0 = true }
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            #expect(driver.path.ended.isEmpty && server.acceptedCount == 1)
        }
    }

    /// Nothing listens on the first two.
    @Test func anAddressThatRefusesLeavesTheNextItsTurn() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let driver = try Driver(find: Self.resolver("127.0.0.9", "::1", "127.0.0.1").find)
            for _ in 0..<2 { #expect(driver.ask(Self.url(server)) == .whole("a 1\n")) }
            #expect(driver.connections == 1 && driver.path.connectionCount == 1)
        }
    }

    @Test func whereEveryAddressRefusesTheRequestFails() async throws {
        let port = try await RawServer.saying("") { $0.port }
        let driver = try Driver(find: Self.resolver("127.0.0.1", "127.0.0.9").find)
        #expect(driver.ask("http://node.example:\(port)/metrics") == .failed(.connect))
        #expect(driver.path.connectionCount == 0)
    }

    /// The server reads the second request, and then the address that it has is nobody's any more.
    @Test func aKeptConnectionThatEndsLeavesTheNamesOtherAddressesTheirTurns() async throws {
        let first = Mutex<RawServer?>(nil)
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(answer("a 1\n"))
            guard connection.readRequest() != nil else { return }
            first.withLock { $0 }?.stop()
        }
        try await RawServer.with(serve) { server in
            first.withLock { $0 = server }
            let second = try RawServer(isIPv6: false, address: 0x7F00_0009, port: server.port) {
                while $0.readRequest() != nil, $0.write(answer("b 1\n")) {}
            }
            defer { second.stop() }
            let driver = try Driver(find: Self.resolver("127.0.0.1", "127.0.0.9").find)
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            for _ in 0..<2 { #expect(driver.ask(Self.url(server)) == .whole("b 1\n")) }
            #expect(server.acceptedCount == 1 && second.acceptedCount == 1)
        }
    }

    @Test func aNameWhoseAddressRefusesIsLookedUpAnew() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let resolver = Self.resolver("127.0.0.9")
            let driver = try Driver(find: resolver.find)
            #expect(driver.ask(Self.url(server)) == .failed(.connect))
            Self.say(["127.0.0.1"], resolver)
            for _ in 0..<2 { #expect(driver.ask(Self.url(server)) == .whole("a 1\n")) }
            #expect(resolver.asked.withLock { $0.count } == 2)
        }
    }

    @Test func anAddressThatIsSilentHasAHeadStartAlone() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let silent = try SilentListener(0x7F00_0009, port: UInt16(server.port))
            defer { silent.close() }
            let driver = try Driver(find: Self.resolver("127.0.0.9", "127.0.0.1").find)
            let startNs = driver.admission.nowNs
            let outcome = driver.ask(Self.url(server))
            let tookNs = driver.admission.nowNs - startNs
            #expect(outcome == .whole("a 1\n"))
            #expect(tookNs >= PlainPath.headStartNs && tookNs < 5_000_000_000)
            // The attempt that lost is given up, and the next request finds the connection that won.
            #expect(driver.path.connectionCount == 1)
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            #expect(driver.connections == 1)
        }
    }

    @Test func fewConnectionsAreMadeAtOnceAndEveryAddressHasItsTurn() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            var silent: [SilentListener] = []
            defer { for listener in silent { listener.close() } }
            for last in UInt32(9)...12 {
                silent.append(try SilentListener(0x7F00_0000 + last, port: UInt16(server.port)))
            }
            let resolver = Self.resolver("127.0.0.9", "127.0.0.10", "127.0.0.11", "127.0.0.12", "127.0.0.1")
            let driver = try Driver(find: resolver.find)
            let transfer = try #require(driver.begin(Self.url(server)))
            var most = 0
            while driver.path.ended.isEmpty {
                driver.turn()
                most = max(most, driver.path.connectionCount)
            }
            #expect(driver.outcome(of: transfer) == .whole("a 1\n"))
            #expect(most == PlainPath.attemptsAtOnce)
            #expect(driver.path.connectionCount == 1)
        }
    }

    /// Another request has the last connection that may be made, until its server answers and closes.
    @Test func anAddressWaitsUntilThereMayBeAConnectionToIt() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            SystemThread.pause(ms: 3 * Int(PlainPath.headStartNs / 1_000_000))
            connection.write(answer("a 1\n", headers: ["Connection: close"]))
        }
        try await RawServer.with(serve) { server in
            let silent = try SilentListener(0x7F00_0009, port: UInt16(server.port))
            defer { silent.close() }
            let configuration = HTTPClientConfiguration(maxConnections: 2)
            let driver = try Driver(configuration, find: Self.resolver("127.0.0.9", "127.0.0.1").find)
            let other = try #require(driver.begin(server.url()))
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            #expect(driver.outcome(of: other) == .whole("a 1\n"))
        }
    }

    @Test func whereEveryAddressIsSilentTheTimeIsUp() async throws {
        let port = try await RawServer.saying("") { $0.port }
        let silent = try SilentListener(0x7F00_0009, port: UInt16(port))
        defer { silent.close() }
        let driver = try Driver(find: Self.resolver("127.0.0.9").find)
        #expect(driver.ask("http://node.example:\(port)/", timeoutMs: 300) == .failed(.timeout))
        #expect(driver.path.connectionCount == 0)
    }

    @Test func connectionsToAnAddressThatTheNameHasNoMoreAreNotUsed() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let resolver = Self.resolver("127.0.0.1")
            let configuration = HTTPClientConfiguration(idleConnectionMs: 3_600_000)
            let driver = try Driver(configuration, find: resolver.find)
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            Self.say(["127.0.0.9"], resolver)
            // As long as the look-up is kept nothing changes.
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            driver.path.endLate(nowNs: driver.admission.nowNs + HostLookup.oldestNs + 1_000_000_000)
            #expect(driver.ask(Self.url(server)) == .failed(.connect))
            Self.say(["127.0.0.1"], resolver)
            driver.path.endLate(nowNs: driver.admission.nowNs + 3 * HostLookup.oldestNs)
            #expect(driver.ask(Self.url(server)) == .whole("a 1\n"))
            #expect(server.acceptedCount == 1)
        }
    }

    /// Servers may tell names apart by more than the Host header.
    @Test func aNamesConnectionsAreItsOwn() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            let resolver = Self.resolver("127.0.0.1")
            resolver.answers.withLock { $0["other.example"] = $0["node.example"] }
            let driver = try Driver(find: resolver.find)
            for url in [Self.url(server), "http://other.example:\(server.port)/metrics", server.url()] {
                for _ in 0..<2 { #expect(driver.ask(url) == .whole("a 1\n")) }
            }
            #expect(driver.connections == 3 && server.acceptedCount == 3)
        }
    }

    @Test func aServerThatClosesBetweenRequestsCostsNothing() async throws {
        try await RawServer.sayingOnce(Array(answer("a 1\n").utf8)) { server in
            let driver = try Driver(find: Self.resolver("127.0.0.1").find)
            for _ in 0..<5 { #expect(driver.ask(Self.url(server)) == .whole("a 1\n")) }
        }
    }

    @Test func anIPv6AddressIsConnectedTo() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            while connection.readRequest() != nil, connection.write(answer("6 1\n")) {}
        }
        // A machine may be without IPv6.
        guard let server = try? RawServer(isIPv6: true, serve) else { return }
        defer { server.stop() }
        let driver = try Driver(find: Self.resolver("::1").find)
        for url in ["http://[::1]:\(server.port)/", "http://[::1%25lo]:\(server.port)/", Self.url(server)] {
            for _ in 0..<2 { #expect(driver.ask(url) == .whole("6 1\n")) }
        }
        #expect(driver.ask("http://[fe80::1%25nothere0]:\(server.port)/") == .notPlain)
        // A zone is a place of its own.
        #expect(driver.connections == 3)
    }

    @Test func theLocalHostIsReachedInTheClient() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            try await withClient { client in
                let url = "http://localhost:\(server.port)/metrics"
                for _ in 0..<3 {
                    let response = try await client.perform(HTTPRequest(url: url, takesBodySlot: true))
                    #expect(response.body.text == "a 1\n")
                }
                #expect(server.acceptedCount == 1)
                let gone = await failure(
                    of: HTTPRequest(url: "http://nowhere.invalid/", takesBodySlot: true), client)
                #expect(gone?.code == .resolve || gone?.code == .timeout, "\(gone?.message ?? "")")
            }
        }
    }
}
