internal import CCurl

#if canImport(Glibc)
import Glibc
#endif

/// A connection that plain requests go over, one after the other. Transfer thread only.
final class PlainConnection {
    /// What came of an event.
    enum Event {
        /// The answer is not whole yet.
        case wait
        /// It is.
        case whole
        /// Something that libcurl is to judge, and that such a server will do again.
        case unusual
        /// The connection did not come about, or broke.
        case broken
        /// The body waits for a slot; nothing is to be read until `resume`.
        case paused
        /// The connection was kept, and the server had let go of it before the request came.
        case stale
        /// The transfer has refused the answer.
        case refused
    }

    private enum State {
        case connecting
        case sending
        case head
        case body(left: Int)
        case chunks(PlainChunks)
        /// No transfer; whatever comes is the server's end of it.
        case idle
    }

    let descriptor: Int32
    let address: PlainAddress
    /// The request in flight.
    private(set) var transfer: Transfer?
    /// Up to when the answer must be whole, or while connecting the connection there.
    private(set) var deadlineNs = UInt64.max
    private(set) var idleSinceNs: UInt64 = 0
    /// It has carried an answer before.
    private(set) var isKept = false
    /// Nothing may follow on it.
    private(set) var closes = false
    private var state = State.connecting
    private var request: [UInt8] = []
    private var sentBytes = 0
    /// The head so far, when it came in more than one piece.
    private var head: [UInt8] = []
    /// Chunks that were read before it was known that the body has to wait.
    private var unread: [UInt8] = []
    private var isPaused = false

    /// Begins to connect; nil when the kernel refuses at once.
    init?(_ address: PlainAddress) {
        let descriptor = narthex_connect_ipv4(address.address, address.port)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        self.address = address
    }

    deinit { _ = close(descriptor) }

    var isConnecting: Bool { if case .connecting = state { true } else { false } }
    /// The request has not gone out whole.
    var wantsToWrite: Bool {
        switch state {
        case .connecting, .sending: true
        default: false
        }
    }

    /// Takes a request, on a connection that is new or idle.
    func begin(_ transfer: Transfer, _ bytes: [UInt8], deadlineNs: UInt64) -> Event {
        self.transfer = transfer
        self.deadlineNs = deadlineNs
        request = bytes
        sentBytes = 0
        if isConnecting { return .wait }
        state = .sending
        return send()
    }

    /// Ready for the next request.
    func finish(nowNs: UInt64) {
        transfer = nil
        deadlineNs = .max
        idleSinceNs = nowNs
        isKept = true
        state = .idle
    }

    /// The kernel says that something can be done. `deadlineNs` is the transfer's own. `scratch` is for what
    /// is read here and copied.
    func ready(isReadable: Bool, isWritable: Bool, deadlineNs: UInt64, _ scratch: inout [UInt8]) -> Event {
        // Nothing is waited for but the connection's end.
        if isPaused { return .broken }
        if case .connecting = state {
            guard narthex_connect_error(descriptor) == 0 else { return .broken }
            // Woken for something else: the kernel says once more when it is connected.
            guard isWritable else { return .wait }
            self.deadlineNs = deadlineNs
            state = .sending
        }
        if case .sending = state, isWritable {
            let event = send()
            if case .wait = event {} else { return event }
        }
        return isReadable ? receive(&scratch) : .wait
    }

    /// Goes on reading: the transfer has its slot.
    func resume() -> Event {
        isPaused = false
        guard !unread.isEmpty else { return .wait }
        let bytes = unread
        unread = []
        return takeChunks(bytes.span, from: 0)
    }

    private func send() -> Event {
        while sentBytes < request.count {
            // Safety: the pointer is used in the closure alone, for as many bytes as the array has.
            let count = unsafe request.withUnsafeBytes { bytes in
                unsafe narthex_send(descriptor, bytes.baseAddress, sentBytes, bytes.count)
            }
            if count < 0 { return errno == EAGAIN ? .wait : end }
            sentBytes += count
        }
        request = []
        state = .head
        return .wait
    }

    private func receive(_ scratch: inout [UInt8]) -> Event {
        for _ in 0..<Self.readsAtOnce {
            if case .body(let left) = state {
                guard let transfer else { return .unusual }
                switch transfer.receiveBody(from: descriptor, atMost: left) {
                case .took(let count):
                    if count == left { return .whole }
                    state = .body(left: left - count)
                    continue
                case .nothing: return .wait
                case .ended: return .broken
                case .refused: return .refused
                }
            }
            // Safety: the kernel writes at most the array's length.
            let count = unsafe scratch.withUnsafeMutableBytes { bytes in
                unsafe recv(descriptor, bytes.baseAddress, isReadingHead ? Self.headBytes : bytes.count, 0)
            }
            if count < 0, errno == EAGAIN { return .wait }
            guard count > 0 else { return end }
            let event = take(scratch.span.extracting(first: count))
            if case .wait = event { continue }
            return event
        }
        return .wait
    }

    /// Then others have their turn, and epoll tells of the rest once more.
    private static let readsAtOnce = 16
    /// A head, and of a body what is copied at little cost: the rest goes straight to where it stays.
    private static let headBytes = 4 << 10

    private var isReadingHead: Bool { if case .head = state { true } else { false } }

    /// The server has closed or reset the connection.
    private var end: Event {
        switch state {
        case .sending where isKept: return .stale
        case .head where isKept && head.isEmpty: return .stale
        default: return .broken
        }
    }

    private func take(_ bytes: Span<UInt8>) -> Event {
        switch state {
        case .head:
            if head.isEmpty { return takeHead(bytes) }
            for index in bytes.indices { head.append(bytes[index]) }
            let all = head
            head = []
            return takeHead(all.span)
        case .chunks: return takeChunks(bytes, from: 0)
        // An answer nobody asked for, or before the question was out.
        case .idle, .connecting, .sending, .body: return .unusual
        }
    }

    private func takeHead(_ bytes: Span<UInt8>) -> Event {
        guard let transfer else { return .unusual }
        let whole: PlainHead.Whole
        switch PlainHead.read(bytes) {
        case .unusual: return .unusual
        case .incomplete:
            head.reserveCapacity(bytes.count)
            for index in bytes.indices { head.append(bytes[index]) }
            return .wait
        case .whole(let found): whole = found
        }
        closes = whole.closes
        guard transfer.receive(head: bytes.extracting(0..<whole.byteCount)) else { return .refused }
        guard let length = whole.length else {
            state = .chunks(PlainChunks())
            return takeChunks(bytes, from: whole.byteCount)
        }
        let verdict = transfer.announce(length)
        if verdict == .refused { return .refused }
        let have = min(length, bytes.count - whole.byteCount)
        // What follows the answer is not asked for: the connection is not used again.
        if bytes.count - whole.byteCount > have { closes = true }
        guard transfer.receive(body: bytes.extracting(whole.byteCount..<whole.byteCount + have)) == .taken
        else { return .refused }
        if have == length { return .whole }
        state = .body(left: length - have)
        isPaused = verdict == .pause
        return isPaused ? .paused : .wait
    }

    private func takeChunks(_ bytes: Span<UInt8>, from start: Int) -> Event {
        guard case .chunks(var chunks) = state, let transfer else { return .unusual }
        var place = start
        while true {
            switch chunks.next(bytes, &place) {
            case .data(let range):
                // The first that waits is still taken: a body may hold that much without a slot.
                guard transfer.receive(body: bytes.extracting(range)) == .taken else { return .refused }
                guard transfer.isWaiting else { continue }
                state = .chunks(chunks)
                for index in place..<bytes.count { unread.append(bytes[index]) }
                isPaused = true
                return .paused
            case .more:
                state = .chunks(chunks)
                return .wait
            case .end(let end):
                if end < bytes.count { closes = true }
                return .whole
            case .unusual: return .unusual
            }
        }
    }
}
