/// One request between its start and its end. Transfer thread only.
final class Transfer {
    /// What becomes of bytes handed over.
    enum Verdict { case taken, pause, refused }

    /// How the body stands with the client's slots.
    enum Standing: Equatable {
        /// It is small, or its request takes no slot.
        case unclaimed
        /// It is in line for a slot; its bytes are charged.
        case waiting
        case holdsSlot
        /// Its slot went to another, as its sender is slow; its bytes are charged.
        case lostSlot
    }

    /// Header lines and bytes of all responses of the exchange: 1xx, redirects and the last. Generous: real
    /// servers send a few hundred bytes.
    static let headerLineLimit = 512
    static let headerBytesLimit = 128 << 10
    /// A body that waits for a slot is handed over no further than this; libcurl keeps the rest of what it
    /// read.
    static let waitingBytes = 64 << 10

    let submission: Submission
    /// libcurl's side of it; nil for one that goes the plain way.
    let easy: EasyHandle?
    let admission: BodyAdmission

    private(set) var headers = HTTPHeaders()
    var body: [UInt8] = []
    private(set) var standing = Standing.unclaimed
    /// Bytes charged to the client's budget for bodies without a slot.
    private var chargedBytes = 0
    private var headerLines = 0
    private var headerBytes = 0
    /// The empty line after the last response's headers was seen.
    private(set) var headersEnded = false
    private var announced: Int?
    /// A Content-Encoding came with the last response's headers.
    private var isCoded = false
    /// Why a callback refused; libcurl itself only says "write error".
    private(set) var refusal: HTTPError?
    private(set) var everWaited = false

    init(_ submission: Submission, easy: EasyHandle?, admission: BodyAdmission) {
        self.submission = submission
        self.easy = easy
        self.admission = admission
    }

    var id: UInt64 { submission.id }
    var request: HTTPRequest { submission.request }
    var submittedNs: UInt64 { submission.submittedNs }
    var deadlineNs: UInt64 { submission.deadlineNs }
    var receivedAnything: Bool { headerLines > 0 }
    var isWaiting: Bool { standing == .waiting }

    /// One header line, the status line and the empty last one included. False refuses the response.
    func receive(header line: Span<UInt8>) -> Bool {
        headerLines += 1
        headerBytes += line.count
        guard headerLines <= Self.headerLineLimit, headerBytes <= Self.headerBytesLimit else {
            refusal = failure(
                .malformedResponse,
                "the headers exceed \(Self.headerLineLimit) lines or \(Self.headerBytesLimit) bytes"
            )
            return false
        }
        if line.count >= 5, line[0] == 0x48, line[1] == 0x54, line[2] == 0x54, line[3] == 0x50,
            line[4] == 0x2F
        {
            // A status line: what came before was 1xx or a redirect.
            headers.removeAll()
            headersEnded = false
            isCoded = false
        } else if line[0] == 0x0D || line[0] == 0x0A {
            headersEnded = true
        } else {
            headers.append(line: line)
            if line.count > 16, line[7] == 0x2D, line[8] | 0x20 == 0x65 { noteCoding() }
        }
        return true
    }

    /// Looks closer at a header whose name has the hyphen and the letter of Content-Encoding in their places.
    private func noteCoding() { isCoded = headers["Content-Encoding"] != nil }

    /// Bytes of the body as they come over the wire, `.pause` leaves them untaken.
    func receive(body bytes: UnsafeBufferPointer<UInt8>) -> Verdict {
        if body.isEmpty, announced == nil, !admitLength() { return .refused }
        let size = body.count + bytes.count
        let limit = limitBytes
        if limit > 0, size > limit {
            return refuse(.bodyTooLarge, "the body exceeds the limit of \(limit) bytes")
        }
        if standing == .unclaimed, request.takesBodySlot, size > BodySlots.inlineBytes {
            guard claim() else { return .refused }
        }
        switch standing {
        case .unclaimed: break
        case .holdsSlot: admission.slots.received(id, bytes: bytes.count)
        case .waiting:
            if size > Self.waitingBytes { return .pause }
            guard charge(bytes.count) else { return .refused }
        case .lostSlot: guard charge(bytes.count) else { return .refused }
        }
        makeRoom(for: size)
        // Safety: libcurl's bytes live through its call of us, and they are copied here.
        unsafe body.append(contentsOf: bytes)
        return .taken
    }

    /// A slot came free: the bytes so far move into a pooled buffer.
    func slotGranted() {
        standing = .holdsSlot
        discharge()
        takePooledBuffer()
    }

    /// Its sender was too slow to keep a slot while others wait. False: there is no memory for it without
    /// one.
    func slotLost() -> Bool {
        standing = .lostSlot
        return charge(body.count)
    }

    /// Ends the request with a response.
    func succeed(status: Int, nowNs: UInt64) {
        // The body takes exactly what was charged for it along, and gives that back when it is let go.
        let claim: BodyClaim =
            switch standing {
            case .holdsSlot: .slot
            case .waiting, .lostSlot: .bytes(chargedBytes)
            case .unclaimed: .none
            }
        admission.slots.ended(id, keepsBody: true)
        chargedBytes = 0
        // A coded body takes a buffer for what it decodes to from the pool as well.
        let pool = claim == .none && !isCoded ? nil : admission.pool
        let whole = HTTPBody(body, pool: pool, claim: claim)
        body = []
        submission.reply.end(
            .success(
                HTTPResponse(
                    status: status, headers: headers, body: whole, durationNs: nowNs - submittedNs,
                    coded: isCoded ? request : nil)))
    }

    /// Lets go of what was received: another transfer makes the request again.
    func giveUp() {
        admission.slots.ended(id, keepsBody: false)
        discharge()
        body = []
    }

    /// Ends the request without one.
    func fail(_ error: HTTPError) {
        giveUp()
        submission.reply.end(.failure(error))
    }

    /// An error that names this request.
    func failure(_ code: HTTPError.Code, _ what: String) -> HTTPError { request.failure(code, what) }

    /// Bytes that may come over the wire; 0 is no limit. The request's limit counts decoded bytes, and what
    /// does not compress becomes a little longer by it.
    private var limitBytes: Int {
        let limit = request.bodyLimitBytes
        return isCoded && limit > 0 ? limit + limit >> 6 + 1_024 : limit
    }

    /// Looks at what the headers announce, before the first byte is kept.
    private func admitLength() -> Bool {
        guard let text = headers["Content-Length"], let length = Int(text) else { return true }
        return admit(length: length)
    }

    /// Whether a body of this length is within the limit.
    func admit(length: Int) -> Bool {
        announced = length
        let limit = limitBytes
        guard limit > 0, length > limit else { return true }
        _ = refuse(.bodyTooLarge, "the body of \(length) bytes exceeds the limit of \(limit) bytes")
        return false
    }

    /// Takes a slot or goes in line for one. False when the body can do neither, as it is refused the charge
    /// for what it has received so far.
    func claim() -> Bool {
        if admission.slots.want(id, sizeBytes: body.count, nowNs: admission.nowNs) {
            standing = .holdsSlot
            takePooledBuffer()
            return true
        }
        standing = .waiting
        everWaited = true
        admission.toPause.append(id)
        return charge(body.count)
    }

    private func takePooledBuffer() {
        var buffer = admission.pool.take()
        // An announced length saves regrowing; a false one costs a megabyte at most.
        buffer.reserveCapacity(max(body.count, min(announced ?? 0, 1 << 20)))
        buffer.append(contentsOf: body)
        body = buffer
    }

    /// An array that grows by itself doubles, and while it does takes three times what is in it. A body that
    /// announces its length grows to that instead, and to no more than four times what has come: it may lie.
    func makeRoom(for size: Int) {
        guard size > body.capacity, let announced, announced >= size else { return }
        body.reserveCapacity(min(announced, 4 * size))
    }

    func charge(_ bytes: Int) -> Bool {
        guard admission.slots.charge(bytes) else {
            _ = refuse(.overloaded, "bodies that wait for a slot or come slowly hold all the memory they may")
            return false
        }
        chargedBytes += bytes
        return true
    }

    private func discharge() {
        admission.slots.discharge(chargedBytes)
        chargedBytes = 0
    }

    private func refuse(_ code: HTTPError.Code, _ what: String) -> Verdict {
        refusal = failure(code, what)
        return .refused
    }
}
