import Platform

#if canImport(Glibc)
import Glibc
#endif

/// An HTTP server for one connection on loopback, on the caller's thread: every request gets the same page,
/// head and body in one write.
struct PageServer: ~Copyable {
    private let listener: Int32
    private let port: UInt16
    private let answer: [UInt8]

    init(page: [UInt8]) throws(BenchError) {
        let head = """
            HTTP/1.1 200 OK\r
            Content-Type: text/plain; version=0.0.4; charset=utf-8\r
            Date: Thu, 01 Jan 2026 00:00:00 GMT\r
            Content-Length: \(page.count)\r
            \r

            """
        answer = Array(head.utf8) + page
        let (socket, port) = try FreePort.bound()
        guard listen(socket, 1) == 0 else {
            let problem = errno
            close(socket)
            throw BenchError("no socket that listens: errno \(problem)")
        }
        listener = socket
        self.port = port
    }

    deinit { close(listener) }

    var url: String { "http://127.0.0.1:\(port)/metrics" }

    /// Takes a connection and answers `count` requests that come over it one after the other. Throws when the
    /// connection ends before.
    func answer(_ count: Int) throws(BenchError) {
        // A client that has gone is an error that a write tells of.
        SystemThread.blockPipeSignal()
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { throw BenchError("no connection: errno \(errno)") }
        defer { close(connection) }
        for _ in 0..<count {
            try readRequest(connection)
            try write(connection)
        }
    }

    /// Reads up to the empty line behind the headers: a scrape has no body.
    private func readRequest(_ connection: Int32) throws(BenchError) {
        var end: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 4_096)
        repeat {
            // Safety: the kernel writes at most the array's length.
            let count = unsafe recv(connection, &bytes, bytes.count, 0)
            guard count > 0 else { throw BenchError("the client closed the connection") }
            end = Array((end + bytes[..<count]).suffix(4))
        } while end != Array("\r\n\r\n".utf8)
    }

    private func write(_ connection: Int32) throws(BenchError) {
        var sent = 0
        while sent < answer.count {
            // Safety: the pointer is used in the closure alone, for as many bytes as the array has.
            let count = unsafe answer.withUnsafeBytes { bytes in
                unsafe send(connection, bytes.baseAddress.map { unsafe $0 + sent }, bytes.count - sent, 0)
            }
            guard count > 0 else { throw BenchError("the client does not take the page: errno \(errno)") }
            sent += count
        }
    }
}
