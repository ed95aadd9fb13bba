import Glibc
import Platform

/// Asks the status server of an agent over a plain socket.
enum PageClient {
    struct Failure: Error { let message: String }

    /// The answer to GET, its head included. Throws when none comes within ten seconds.
    static func get(_ path: String, from statusURL: String) async throws -> String {
        let parts = statusURL.dropFirst("http://127.0.0.1:".count).dropLast()
        guard let port = UInt16(parts) else { throw Failure(message: "no port in \(statusURL)") }
        return try await WorkerPool(name: "page-client", threads: 1).run {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw Failure(message: "socket: errno \(errno)") }
            defer { close(descriptor) }
            try connect(descriptor, port)
            let request = Array("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
            // Safety: the array lives through the call and its length is given.
            guard unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                throw Failure(message: "send: errno \(errno)")
            }
            var all: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                // Safety: as above.
                let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
                guard count >= 0 else { throw Failure(message: "\(path) does not answer: errno \(errno)") }
                if count == 0 { return String(decoding: all, as: UTF8.self) }
                all += chunk[..<count]
            }
        }
    }

    private static func connect(_ descriptor: Int32, _ port: UInt16) throws {
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        // Safety: both structs live through their calls and their sizes are given.
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(message: "connect: errno \(errno)") }
    }
}
