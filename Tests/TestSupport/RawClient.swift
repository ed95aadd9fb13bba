import Glibc
import Platform

/// A plain socket, so that tests say every byte themselves. Blocking calls run on a thread of their own.
public final class RawClient: Sendable {
    private static let pool = WorkerPool(name: "raw-client", threads: 8)
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    public struct Failure: Error { public let message: String }

    /// Connects to loopback; reads give up after thirty seconds.
    public static func connect(port: Int) async throws -> RawClient {
        let opened = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard opened >= 0 else { throw Failure(message: "socket: errno \(errno)") }
        let client = RawClient(descriptor: opened)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        // Safety: both structs live through their calls and their sizes are given.
        _ = unsafe setsockopt(
            opened, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(opened, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(message: "connect: errno \(errno)") }
        return client
    }

    public func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) async throws {
        try await Self.pool.run { [descriptor] in
            var done = 0
            while done < bytes.count {
                // Safety: the pointer is used inside the closure for the rest of the array.
                let count = unsafe bytes.withUnsafeBytes { raw in
                    unsafe Glibc.send(
                        descriptor, raw.baseAddress.map { unsafe $0 + done }, bytes.count - done,
                        Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure(message: "send: errno \(errno)") }
                done += count
            }
        }
    }

    /// The next bytes, or none at the peer's end.
    public func read() async throws -> [UInt8] {
        try await Self.pool.run { [descriptor] in
            var chunk = [UInt8](repeating: 0, count: 65_536)
            // Safety: the array lives through the call and its length is given.
            let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
            guard count >= 0 else { throw Failure(message: "recv: errno \(errno)") }
            return Array(chunk[..<count])
        }
    }

    /// Everything until the peer closes.
    public func readToEnd() async throws -> String {
        var all: [UInt8] = []
        while true {
            let bytes = try await read()
            if bytes.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += bytes
        }
    }

    /// Reads until `text` has come.
    public func read(until text: String) async throws -> String {
        var all = ""
        while !all.contains(text) {
            let bytes = try await read()
            if bytes.isEmpty { throw Failure(message: "closed after: \(all)") }
            all += String(decoding: bytes, as: UTF8.self)
        }
        return all
    }
}
