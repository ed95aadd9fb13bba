import Platform
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A server of plain sockets on loopback that says exactly the bytes it is told, one thread a connection. It
/// can do what no decent server does: stop in the middle, reset, say garbage, never end.
final class RawServer: Sendable {
    let port: Int
    private let listener: Int32
    private let connections: Mutex<[Connection]>
    private let accepted = Atomic<Int>(0)

    /// Serves until `stop`; `serve` runs for every connection, which is closed when it returns.
    convenience init(_ serve: @escaping @Sendable (Connection) -> Void) throws {
        try self.init(isIPv6: false, serve)
    }

    /// The same, on the IPv6 loopback address where that is wanted, else on an IPv4 one, and on the port that
    /// is given; 0 is any.
    init(
        isIPv6: Bool, address four: UInt32 = 0x7F00_0001, port wanted: Int = 0,
        _ serve: @escaping @Sendable (Connection) -> Void
    ) throws {
        let socketType = Int32(SOCK_STREAM.rawValue)
        let listener = socket(isIPv6 ? AF_INET6 : AF_INET, socketType, 0)
        self.listener = listener
        guard listener >= 0 else { throw RawServerError(step: "socket") }
        // Both kinds of address have family and port at the same place. An IPv4 address stands where the
        // other kind has its flow.
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(isIPv6 ? AF_INET6 : AF_INET)
        address.sin6_port = UInt16(wanted).bigEndian
        if isIPv6 {
            address.sin6_addr = in6addr_loopback
        } else {
            address.sin6_flowinfo = four.bigEndian
        }
        var length = socklen_t(
            isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        // Safety: the address lives through the calls and is as long as said.
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(listener, generic, length) == 0 && listen(listener, 4_096) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard bound else { throw RawServerError(step: "bind") }
        port = Int(UInt16(bigEndian: address.sin6_port))
        connections = Mutex([])
        SystemThread.startOrExit(name: "raw-server") { [self] in
            // The thread that accepts closes: closed elsewhere, the number could already be another
            // server's listener when it is asked again.
            defer { _ = close(listener) }
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                accepted.add(1, ordering: .relaxed)
                let connection = Connection(descriptor: descriptor)
                connections.withLock { $0.append(connection) }
                SystemThread.startOrExit(name: "raw-conn", stackSizeBytes: 256 * 1024) {
                    serve(connection)
                    connection.close()
                }
            }
        }
    }

    /// Connections accepted so far.
    var acceptedCount: Int { accepted.load(ordering: .relaxed) }

    func url(_ path: String = "/metrics") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Closes everything; threads end by themselves.
    func stop() {
        _ = shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections.withLock({ $0 }) { connection.hangUp() }
    }

    /// Runs `body` with a server, which is stopped afterwards.
    static func with<R>(
        _ serve: @escaping @Sendable (Connection) -> Void, _ body: (RawServer) async throws -> R
    ) async throws -> R {
        let server = try RawServer(serve)
        defer { server.stop() }
        return try await body(server)
    }

    /// Answers each request of each connection with the same bytes.
    static func saying<R>(_ text: String, _ body: (RawServer) async throws -> R) async throws -> R {
        try await with({ while $0.readRequest() != nil, $0.write(text) {} }, body)
    }

    /// Says these bytes once, then closes.
    static func sayingOnce<R>(_ bytes: [UInt8], _ body: (RawServer) async throws -> R) async throws -> R {
        try await with(
            { connection in
                guard connection.readRequest() != nil else { return }
                _ = connection.write(bytes)
            }, body)
    }
}

struct RawServerError: Error {
    let step: String
}

/// One accepted connection.
final class Connection: Sendable {
    struct Request: Sendable {
        let head: String
        let body: [UInt8]

        /// The first value of a header, case-insensitively.
        func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.first?.lowercased() == name.lowercased() else { continue }
                return parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
            }
            return nil
        }
    }

    private let descriptor: Int32
    private let closed = Mutex(false)
    private let pending = Mutex<[UInt8]>([])

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// The next request, or nil when the other side is gone.
    func readRequest() -> Request? {
        var bytes = pending.withLock { pending in
            defer { pending = [] }
            return pending
        }
        let end = Array("\r\n\r\n".utf8)
        var searched = 0
        while true {
            if let head = firstRange(of: end, in: bytes, from: max(0, searched - end.count)) {
                let text = String(decoding: bytes[..<head], as: UTF8.self)
                let length = Request(head: text, body: []).header("Content-Length").flatMap { Int($0) } ?? 0
                let total = head + end.count + length
                while bytes.count < total {
                    guard let more = read() else { return nil }
                    bytes += more
                }
                let rest = Array(bytes[total...])
                pending.withLock { $0 = rest }
                return Request(head: text, body: Array(bytes[(head + end.count)..<total]))
            }
            searched = bytes.count
            guard let more = read() else { return nil }
            bytes += more
        }
    }

    @discardableResult
    func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    /// False when the other side is gone, or this one.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        guard !isClosed else { return false }
        var done = 0
        while done < bytes.count {
            // Safety: the pointer stays in the closure and the range inside the array.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe send(
                    descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// Waits until the other side closes.
    func waitForClose() { while read() != nil {} }

    /// Closes with a reset instead of a proper end.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        // Safety: the option lives through the call.
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    func close() {
        closed.withLock { closed in
            if !closed { _ = Glibc.close(descriptor) }
            closed = true
        }
    }

    /// The number may be another connection's already.
    private var isClosed: Bool { closed.withLock { $0 } }

    /// Ends both directions; the descriptor stays its thread's.
    func hangUp() {
        closed.withLock { closed in
            if !closed { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private func read() -> [UInt8]? {
        guard !isClosed else { return nil }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        // Safety: the kernel writes at most the buffer's length.
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private func firstRange(of pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= start + pattern.count else { return nil }
        return (start...(bytes.count - pattern.count)).first {
            bytes[$0..<($0 + pattern.count)].elementsEqual(pattern)
        }
    }
}
