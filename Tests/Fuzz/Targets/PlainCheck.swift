import Compression
import Glibc

@testable import HTTPTransport

/// Answers to plain requests, over a real connection: in whatever pieces the bytes come, they say the same,
/// and nothing traps.
enum PlainCheck {
    /// What an answer came to.
    enum Outcome: Equatable {
        case whole(status: Int, body: [UInt8], contentType: String?, isCoded: Bool)
        case redirected(String)
        case failed(HTTPError.Code)
        case stale, refused
    }

    /// The first byte says how things stand: bit 0 bounds the body, bit 1 makes it wait for a slot, bit 2
    /// lets the connection have carried an answer before, bit 3 follows redirects. The second makes the
    /// pieces.
    static func run(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let answer = Array(bytes[2...])
        var first = Exchange(standing: bytes[0])
        let atOnce = first.outcome(of: answer) { $0 }
        var seed = UInt64(bytes[1])
        var second = Exchange(standing: bytes[0])
        let inPieces = second.outcome(of: answer) { left in
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Mostly small ones: where they meet is what matters.
            let most = seed >> 63 == 0 ? 3 : 300
            return min(left, 1 + Int(seed >> 33) % most)
        }
        precondition(atOnce == inPieces, "pieces change nothing: \(atOnce), \(inPieces)")
        if case .whole(let status, let body, _, let isCoded) = atOnce {
            precondition(status >= 200 && status <= 999, "an interim answer is not the last")
            let limit = isCoded ? Exchange.codedLimit : Exchange.bodyLimit
            precondition(bytes[0] & 1 == 0 || body.count <= limit, "the limit holds")
            precondition(body.count <= answer.count, "a body is part of its answer")
        }
        checkGzip(answer)
    }

    /// Anything may be announced as gzip: what is read of it keeps to the limit.
    private static func checkGzip(_ bytes: [UInt8]) {
        let limit = 10_000
        for packed in [bytes, [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF] + bytes] {
            var output: [UInt8] = []
            do throws(CompressionError) {
                try Gzip.decode(packed.span, into: &output, limitBytes: limit) { capacity in
                    precondition(capacity <= limit, "no more room is asked for than is allowed")
                    return true
                }
            } catch {
                precondition(!error.message.isEmpty, "a refusal says why")
            }
            precondition(output.count <= limit, "the limit holds")
        }
    }
}

/// A connection whose other end plays the server.
private struct Exchange {
    static let bodyLimit = 1_000
    /// A coded body may be a little longer on the wire: the limit counts what it decodes to.
    static let codedLimit = bodyLimit + bodyLimit / 64 + 1_024
    /// Another transfer, which holds the only slot.
    private static let holder: UInt64 = 7

    private final class Nobody: HTTPExchange {
        func begin() -> HTTPRequest? { nil }
        func end(_ result: Result<HTTPResponse, HTTPError>) {}
    }

    /// Listens on loopback for as long as the program runs.
    private static let listener: (descriptor: Int32, address: PlainAddress) = {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Safety: the address lives through the calls, which are told its size.
        let port = unsafe withUnsafeMutablePointer(to: &place) { place -> UInt16? in
            unsafe place.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe bind(descriptor, address, size) == 0, listen(descriptor, 8) == 0,
                    unsafe getsockname(descriptor, address, &size) == 0
                else { return false }
                return true
            } ? UInt16(bigEndian: unsafe place.pointee.sin_port) : nil
        }
        guard descriptor >= 0, let port else { preconditionFailure("loopback cannot be listened on") }
        return (descriptor, PlainAddress(address: 0x7F00_0001, port: port))
    }()

    private let connection: PlainConnection
    private let server: Int32
    private let admission: BodyAdmission
    private let standing: UInt8
    private var scratch = [UInt8](repeating: 0, count: 32 << 10)

    init(standing: UInt8) {
        guard let connection = PlainConnection(Self.listener.address) else {
            preconditionFailure("loopback cannot be connected to")
        }
        self.connection = connection
        self.standing = standing
        server = accept(Self.listener.descriptor, nil, nil)
        precondition(server >= 0, "the connection comes about")
        var one: Int32 = 1
        // Safety: the value lives through the call, which is told its size. Small pieces go out at once.
        _ = unsafe setsockopt(
            server, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout.size(ofValue: one)))
        admission = BodyAdmission(
            slots: BodySlots(capacity: 1, bytesLimit: 1 << 20), pool: BodyPool(keptCount: 1) { _, _ in })
    }

    private func transfer() -> Transfer {
        let request = HTTPRequest(
            url: "http://127.0.0.1/metrics", bodyLimitBytes: standing & 1 != 0 ? Self.bodyLimit : 0,
            followRedirects: standing & 8 != 0, takesBodySlot: true)
        return Transfer(
            Submission(id: 1, request: request, nowNs: 0, reply: .exchange(Nobody())), easy: nil,
            admission: admission)
    }

    /// Answers with `bytes`, of which `piece` says how many of those left go out next, and then closes.
    mutating func outcome(of bytes: [UInt8], piece: (Int) -> Int) -> PlainCheck.Outcome {
        defer {
            // A reset leaves no port behind that cannot be used for a minute.
            var linger = linger(l_onoff: 1, l_linger: 0)
            // Safety: the value lives through the call, which is told its size.
            _ = unsafe setsockopt(
                server, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
            close(server)
        }
        if standing & 4 != 0 {
            let good = Array("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".utf8)
            guard case .whole = exchange(good, { $0 }) else { preconditionFailure("a good answer is whole") }
            connection.finish(nowNs: 0)
        }
        if standing & 2 != 0 { _ = admission.slots.want(Self.holder, sizeBytes: 0, nowNs: 0) }
        return exchange(bytes, piece)
    }

    private mutating func exchange(_ bytes: [UInt8], _ piece: (Int) -> Int) -> PlainCheck.Outcome {
        let transfer = transfer()
        defer { transfer.giveUp() }
        var event = connection.begin(transfer, Array("GET /metrics HTTP/1.1\r\n\r\n".utf8), deadlineNs: .max)
        while case .wait = event, connection.wantsToWrite {
            wait(for: POLLOUT)
            event = connection.ready(isReadable: false, isWritable: true, deadlineNs: .max, &scratch)
        }
        if let end = ending(event, transfer) { return end }
        var sent = 0
        while sent < bytes.count {
            let count = piece(bytes.count - sent)
            let range = sent..<sent + count
            // Safety: the pointer is used in the closure alone, for the bytes of the slice.
            let wrote = unsafe bytes[range].withUnsafeBytes {
                unsafe send(server, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            precondition(wrote == count, "what libFuzzer makes up fits a socket's buffer")
            sent += count
            if let end = read(transfer) { return end }
        }
        shutdown(server, Int32(SHUT_WR))
        while true {
            if let end = read(transfer) { return end }
        }
    }

    /// Reads until nothing is left to be read; nil when the answer goes on.
    private mutating func read(_ transfer: Transfer) -> PlainCheck.Outcome? {
        wait(for: POLLIN)
        while isReady(POLLIN, ms: 0) {
            let event = connection.ready(isReadable: true, isWritable: false, deadlineNs: .max, &scratch)
            if let end = ending(event, transfer) { return end }
        }
        return nil
    }

    /// Nil when the answer goes on. One that waits gets its slot.
    private func ending(_ event: PlainConnection.Event, _ transfer: Transfer) -> PlainCheck.Outcome? {
        switch event {
        case .wait: return nil
        case .whole(let status):
            return .whole(
                status: status, body: transfer.body, contentType: transfer.headers["Content-Type"],
                isCoded: transfer.isCoded)
        case .redirected(let location): return .redirected(location)
        case .failed(let code, _): return .failed(code)
        case .stale: return .stale
        case .refused: return .refused
        case .paused:
            precondition(transfer.isWaiting, "only a body that waits for its slot pauses")
            admission.slots.ended(Self.holder, keepsBody: false)
            let granted = admission.slots.grant(nowNs: 0) { _ in transfer.body.count }
            precondition(granted == [1], "the slot is its own now")
            precondition(transfer.slotGranted() == .taken, "there is memory for it")
            return ending(connection.resume(), transfer)
        }
    }

    private func wait(for events: Int32) {
        precondition(isReady(events, ms: 10_000), "what was sent arrives")
    }

    private func isReady(_ events: Int32, ms: Int32) -> Bool {
        var entry = pollfd(fd: connection.descriptor, events: Int16(events), revents: 0)
        // Safety: one entry is passed, and it lives through the call.
        return unsafe poll(&entry, 1, ms) > 0
    }
}
