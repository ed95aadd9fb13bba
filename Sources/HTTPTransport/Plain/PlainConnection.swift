import Addresses
internal import CCurl

#if canImport(Glibc)
import Glibc
#endif

/// A connection that plain requests go over, one after the other. Transfer thread only.
final class PlainConnection {
    /// What came of an event.
    enum Event: Equatable {
        /// The answer is not whole yet.
        case wait
        /// It is, and has this status.
        case whole(status: Int)
        /// The answer sends the request elsewhere, to what its Location says.
        case redirected(to: String)
        /// The request has failed, for this reason.
        case failed(HTTPError.Code, String)
        /// The body waits for a slot or for memory; nothing is to be read until `resume`.
        case paused
        /// The connection was kept, and the server let go of it before a byte of an answer came.
        case stale
        /// The transfer has refused the answer.
        case refused
    }

    private enum State {
        case connecting
        case sending
        case head(PlainHead)
        case body(left: Int)
        case chunks(PlainChunks)
        /// A body that ends with the connection.
        case untilClose
        /// No transfer; whatever comes is the server's end of it.
        case idle
    }

    let descriptor: Int32
    let place: PlainPlace
    /// The request in flight.
    private(set) var transfer: Transfer?
    /// The request fails at this time: while the connection is being made, when it must be there; after that,
    /// when the answer must be whole.
    private(set) var deadlineNs = UInt64.max
    private(set) var idleSinceNs: UInt64 = 0
    /// It has carried an answer before.
    private(set) var isKept = false
    /// Nothing may follow on it.
    private(set) var closes = false
    private var state = State.connecting
    private var status = 0
    private var request: [UInt8] = []
    private var sentBytes = 0
    /// A line of the head whose end has not come.
    private var line: [UInt8] = []
    /// Bytes of the body, and the framing behind them, that were read before it was known that the body has
    /// to wait.
    private var heldBody: [UInt8] = []
    private var unread: [UInt8] = []
    private var isPaused = false

    /// Begins to connect; nil, and errno says why, when the kernel refuses at once.
    init?(_ address: PlainAddress, name: String? = nil) {
        let descriptor = Self.connect(address)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        place = PlainPlace(address: address, name: name)
    }

    private static func connect(_ address: PlainAddress) -> Int32 {
        if let four = address.address.ipv4 { return narthex_connect_ipv4(four, address.port) }
        let bytes = address.address.bytes
        // Safety: an address that is not an IPv4 one has the 16 bytes that are read.
        return unsafe bytes.withUnsafeBufferPointer {
            unsafe narthex_connect_ipv6($0.baseAddress, address.port, address.scope)
        }
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

    /// Bytes that were read before it was known that the body has to wait.
    var setAsideBytes: Int { heldBody.count + unread.count }

    /// Nothing has come on an idle connection: no bytes that were not asked for, as may follow a body that
    /// was read to its own end, and not the server's end of the connection either.
    var isQuiet: Bool {
        var byte: UInt8 = 0
        // Safety: the kernel writes at most the one byte, which lives through the call.
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return count < 0 && errno == EAGAIN
    }

    /// Takes a request, on a connection that is new or idle.
    func begin(_ transfer: Transfer, _ bytes: [UInt8], deadlineNs: UInt64) -> Event {
        self.transfer = transfer
        self.deadlineNs = deadlineNs
        request = bytes
        sentBytes = 0
        closes = false
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
        if isPaused { return .failed(.connectionReset, "the connection broke while the body had to wait") }
        if case .connecting = state {
            let problem = narthex_connect_error(descriptor)
            guard problem == 0 else { return .failed(.connect, "no connection: \(Self.text(problem))") }
            // Woken for something else: the kernel says once more when it is connected.
            guard isWritable else { return .wait }
            self.deadlineNs = deadlineNs
            state = .sending
        }
        if case .sending = state, isWritable {
            let event = send()
            guard event == .wait else { return event }
        }
        return isReadable ? receive(&scratch) : .wait
    }

    /// Goes on reading: the transfer has its slot and its memory.
    func resume() -> Event {
        isPaused = false
        let held = heldBody
        heldBody = []
        if let event = hand(over: held.span) { return event }
        if case .body(left: 0) = state { return .whole(status: status) }
        let bytes = unread
        unread = []
        return bytes.isEmpty ? .wait : takeChunks(bytes.span, from: 0)
    }

    private func send() -> Event {
        while sentBytes < request.count {
            // Safety: the pointer is used in the closure alone, for as many bytes as the array has.
            let count = unsafe request.withUnsafeBytes { bytes in
                unsafe narthex_send(descriptor, bytes.baseAddress, sentBytes, bytes.count)
            }
            if count < 0 { return errno == EAGAIN ? .wait : end(errno) }
            sentBytes += count
        }
        request = []
        state = .head(PlainHead())
        return .wait
    }

    private func receive(_ scratch: inout [UInt8]) -> Event {
        for _ in 0..<Self.readsAtOnce {
            if case .body(let left) = state {
                guard let transfer else { return Self.notAsked }
                switch transfer.receiveBody(from: descriptor, atMost: left) {
                case .took(let count):
                    state = .body(left: left - count)
                    if count == left { return .whole(status: status) }
                    continue
                case .nothing: return .wait
                case .ended(let problem): return end(problem)
                case .pause:
                    isPaused = true
                    return .paused
                case .refused: return .refused
                }
            }
            // Safety: the kernel writes at most the array's length.
            let count = unsafe scratch.withUnsafeMutableBytes { bytes in
                unsafe recv(descriptor, bytes.baseAddress, min(bytes.count, readBytes), 0)
            }
            if count < 0, errno == EAGAIN { return .wait }
            guard count > 0 else { return end(count < 0 ? errno : 0) }
            let event = take(scratch.span.extracting(first: count))
            if event != .wait { return event }
        }
        return .wait
    }

    /// Then others have their turn, and epoll tells of the rest once more.
    private static let readsAtOnce = 16
    /// A head, and of a body what is copied at little cost: the rest goes straight to where it stays.
    private static let headBytes = 4 << 10

    /// What is read at once. A body that has no slot may have to wait, and what was read of it by then is
    /// charged to nobody: no more than a body without a slot may hold.
    private var readBytes: Int {
        switch state {
        case .sending, .head: Self.headBytes
        default: transfer?.standing == .holdsSlot ? .max : BodySlots.inlineBytes
        }
    }

    private static let notAsked = Event.failed(.malformedResponse, "an answer came that was not asked for")

    /// The server has closed the connection, or `problem` has ended it.
    private func end(_ problem: Int32) -> Event {
        let received = transfer?.body.count ?? 0
        let isAnswered = transfer?.receivedAnything ?? false || !line.isEmpty
        if isKept, !isAnswered { return .stale }
        if problem != 0 {
            let place = isAnswered ? "after \(received) bytes of body" : "before an answer came"
            return .failed(.connectionReset, "the connection broke \(place): \(Self.text(problem))")
        }
        switch state {
        case .untilClose: return .whole(status: status)
        case .body(let left):
            return .failed(.truncated, "the body was cut: \(left) of \(received + left) bytes are missing")
        case .chunks:
            return .failed(.truncated, "the body was cut after \(received) bytes: its last chunk is missing")
        case .head where isAnswered: return .failed(.truncated, "the response's headers were cut")
        default: return .failed(.connectionReset, "the server closed the connection without an answer")
        }
    }

    /// The kernel's words for an errno.
    static func text(_ problem: Int32) -> String {
        // Safety: the text is the library's own and is copied at once.
        unsafe strerror(problem).map { unsafe String(cString: $0) } ?? "error \(problem)"
    }

    /// Bytes of an answer as they come from the socket.
    func take(_ bytes: Span<UInt8>) -> Event {
        switch state {
        case .sending:
            // The answer to a request that the server did not want to read whole.
            closes = true
            state = .head(PlainHead())
            return take(bytes)
        case .head(var head):
            var start = 0
            guard !line.isEmpty else {
                if let event = takeLines(&head, bytes, searchedTo: 0, &start) { return event }
                for index in start..<bytes.count { line.append(bytes[index]) }
                state = .head(head)
                return .wait
            }
            let searched = line.count
            // The only reference to its bytes, so that they are not copied for each piece that drips in.
            var all = line
            line = []
            for index in bytes.indices { all.append(bytes[index]) }
            if let event = takeLines(&head, all.span, searchedTo: searched, &start) { return event }
            line = start == 0 ? all : Array(all[start...])
            state = .head(head)
            return .wait
        case .chunks: return takeChunks(bytes, from: 0)
        case .untilClose: return hand(over: bytes) ?? .wait
        case .idle, .connecting, .body: return Self.notAsked
        }
    }

    /// Takes the lines in `bytes`, of which the first `searched` bytes hold no line end, and moves `start`
    /// behind them. Nil when the head goes on.
    private func takeLines(
        _ head: inout PlainHead, _ bytes: Span<UInt8>, searchedTo searched: Int, _ start: inout Int
    ) -> Event? {
        guard let transfer else { return Self.notAsked }
        for index in searched..<bytes.count where bytes[index] == 0x0A {
            guard transfer.receive(header: bytes.extracting(start..<index + 1)) else { return .refused }
            let end = index > start && bytes[index - 1] == 0x0D ? index - 1 : index
            let step = head.take(bytes.extracting(start..<end))
            start = index + 1
            switch step {
            case .more: continue
            case .malformed(let what): return .failed(.malformedResponse, what)
            case .whole(let whole): return begin(whole, bytes.extracting(start..<bytes.count))
            }
        }
        let rest = bytes.extracting(start..<bytes.count)
        guard head.canBegin(rest) else {
            return .failed(.malformedResponse, "the answer does not begin as HTTP/1 does")
        }
        guard rest.count <= Transfer.lineBytesLimit else {
            return .failed(.malformedResponse, "a header line exceeds \(Transfer.lineBytesLimit) bytes")
        }
        return nil
    }

    /// The head is whole, and `rest` came behind it.
    private func begin(_ whole: PlainHead.Whole, _ rest: Span<UInt8>) -> Event {
        guard let transfer else { return Self.notAsked }
        if whole.closes { closes = true }
        status = whole.status
        if let location = transfer.redirection(status) {
            let length = whole.body == .none ? 0 : whole.body == .length(rest.count) ? rest.count : -1
            // What the redirect says besides is of no use, and reading it to its end is not worth the time.
            if rest.count != length { closes = true }
            return .redirected(to: location)
        }
        switch whole.body {
        case .none:
            if !rest.isEmpty { closes = true }
            return .whole(status: status)
        case .chunks:
            state = .chunks(PlainChunks())
            return takeChunks(rest, from: 0)
        case .untilClose:
            state = .untilClose
            return hand(over: rest) ?? .wait
        case .length(let length):
            guard transfer.announce(length) else { return .refused }
            // What follows the answer is not asked for: the connection is not used again.
            if rest.count > length { closes = true }
            let have = min(length, rest.count)
            state = .body(left: length - have)
            if let event = hand(over: rest.extracting(first: have)) { return event }
            return have == length ? .whole(status: status) : .wait
        }
    }

    /// Gives bytes of the body to the transfer. Nil when reading goes on.
    private func hand(over bytes: Span<UInt8>) -> Event? {
        guard let transfer else { return Self.notAsked }
        let verdict = transfer.receive(body: bytes)
        if verdict == .refused { return .refused }
        if verdict == .pause { for index in bytes.indices { heldBody.append(bytes[index]) } }
        guard verdict == .pause || transfer.isWaiting else { return nil }
        isPaused = true
        return .paused
    }

    private func takeChunks(_ bytes: Span<UInt8>, from start: Int) -> Event {
        guard case .chunks(var chunks) = state else { return Self.notAsked }
        var place = start
        while true {
            switch chunks.next(bytes, &place) {
            case .data(let range):
                guard let event = hand(over: bytes.extracting(range)) else { continue }
                state = .chunks(chunks)
                for index in place..<bytes.count { unread.append(bytes[index]) }
                return event
            case .more:
                state = .chunks(chunks)
                return .wait
            case .end(let end):
                if end < bytes.count { closes = true }
                return .whole(status: status)
            case .malformed(let what): return .failed(.malformedResponse, what)
            }
        }
    }
}
