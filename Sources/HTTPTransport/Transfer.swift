internal import Platform

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
    /// Of one line and of one response's headers, which are charged to nobody.
    static let lineBytesLimit = 16 << 10
    static let headBytesLimit = 32 << 10
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
    /// Bytes charged to the memory account: what the body may grow to without asking again.
    private(set) var heldBytes = 0
    /// The body is in line for memory.
    private(set) var isShort = false
    /// Of those, what the body decodes to.
    private var decodedBytes = 0
    private var headerLines = 0
    private var headerBytes = 0
    /// The empty line after the last response's headers was seen.
    private(set) var headersEnded = false
    private(set) var announced: Int?
    /// A Content-Encoding came with the last response's headers.
    private(set) var isCoded = false
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
    /// The body waits for a slot or for memory, and nothing more of it is to be read.
    var isWaiting: Bool { standing == .waiting || isShort }

    /// One header line, the status line and the empty last one included. False refuses the response.
    ///
    /// libcurl hands over the fields of a trailer like those of a head: they count, and change nothing.
    func receive(header line: Span<UInt8>) -> Bool {
        headerLines += 1
        headerBytes += line.count
        guard headerLines <= Self.headerLineLimit, headerBytes <= Self.headerBytesLimit,
            line.count <= Self.lineBytesLimit, headers.sizeBytes + line.count <= Self.headBytesLimit
        else {
            refusal = failure(
                .malformedResponse,
                "the headers exceed \(Self.headerLineLimit) lines, \(Self.lineBytesLimit) bytes in a line, "
                    + "\(Self.headBytesLimit) bytes in a response or \(Self.headerBytesLimit) bytes together"
            )
            return false
        }
        if body.isEmpty, line.count >= 5, line[0] == 0x48, line[1] == 0x54, line[2] == 0x54, line[3] == 0x50,
            line[4] == 0x2F
        {
            // A status line: what came before was 1xx or a redirect.
            headers.removeAll()
            headersEnded = false
            isCoded = false
        } else if headersEnded {
            return true
        } else if line[0] == 0x0D || line[0] == 0x0A {
            headersEnded = true
        } else {
            headers.append(line: line)
            if Self.isCoding(line) { isCoded = true }
        }
        return true
    }

    private static let codingField = Array("content-encoding:".utf8)

    /// Whether the line is a Content-Encoding.
    private static func isCoding(_ line: Span<UInt8>) -> Bool {
        // The hyphen first: few fields have it there.
        guard line.count >= codingField.count, line[7] == 0x2D else { return false }
        for index in codingField.indices {
            let byte = line[index]
            guard codingField[index] == (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) else {
                return false
            }
        }
        return true
    }

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
            if size > Self.waitingBytes || admission.leftWithoutSlot < bytes.count { return .pause }
            guard charge(bytes.count) else { return .refused }
        case .lostSlot:
            if admission.leftWithoutSlot < bytes.count {
                let verdict = claimAgain()
                guard verdict == .taken else { return verdict }
            } else {
                guard charge(bytes.count) else { return .refused }
            }
        }
        let verdict = hold(size)
        guard verdict == .taken else { return verdict }
        // Safety: libcurl's bytes live through its call of us, and they are copied here.
        unsafe body.append(contentsOf: bytes)
        return .taken
    }

    /// A slot came free: the bytes so far move into a pooled buffer. `.pause` when the body now waits for
    /// memory.
    func slotGranted() -> Verdict {
        standing = .holdsSlot
        discharge()
        takePooledBuffer()
        return hold(body.count)
    }

    /// What the body was in line for has been charged.
    func memoryGranted(_ bytes: Int) {
        isShort = false
        heldBytes += bytes
        body.reserveCapacity(heldBytes - decodedBytes)
    }

    /// Its sender was too slow to keep a slot while others wait. False: there is no memory for it without
    /// one.
    func slotLost() -> Bool {
        standing = .lostSlot
        letMemoryGo()
        return charge(body.count)
    }

    /// Whether this status is the answer although the rest of it could not be read: nothing but the status
    /// is required. A redirect that was to be followed is no answer, so behind another status than a 2xx only
    /// a body that is refused here makes no difference.
    func isAnswered(status: Int) -> Bool {
        guard !request.requiresBody, headersEnded, status >= 200 else { return false }
        return status < 300 || refusal != nil
    }

    /// Lets go of a body that nobody reads, and of what was charged for it.
    private func leaveBodyOut() {
        giveUp()
        standing = .unclaimed
        isCoded = false
        refusal = nil
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
        admission.ended(id)
        // A coded body takes a buffer for what it decodes to from the pool as well.
        let pool = claim == .none && heldBytes == 0 && !isCoded ? nil : admission.pool
        let whole = HTTPBody(
            body, pool: pool, claim: claim, heldBytes: heldBytes - decodedBytes, decodedBytes: decodedBytes)
        chargedBytes = 0
        heldBytes = 0
        decodedBytes = 0
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
        letMemoryGo()
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
        if limit > 0, length > limit {
            _ = refuse(.bodyTooLarge, "the body of \(length) bytes exceeds the limit of \(limit) bytes")
            return false
        }
        let memory = admission.mostOfOneBytes
        guard length > memory else { return true }
        _ = refuse(
            .overloaded,
            "the body of \(length) bytes needs more than the \(memory) bytes of memory "
                + "that all bodies may hold"
        )
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

    /// A body that has lost its slot may take no more without one. `.pause`: it waits for a slot, or for
    /// memory.
    func claimAgain() -> Verdict {
        guard admission.slots.want(id, sizeBytes: body.count, nowNs: admission.nowNs) else {
            standing = .waiting
            everWaited = true
            return .pause
        }
        return slotGranted()
    }

    private func takePooledBuffer() {
        var buffer = admission.pool.take(roomFor: max(body.count, announced ?? 0))
        buffer.append(contentsOf: body)
        body = buffer
    }

    /// Charges memory for a body of `size` bytes and gives it the room. `.pause`: it waits in line for that,
    /// and takes nothing meanwhile.
    ///
    /// Small bodies are not charged, nor those that wait for a slot or have lost it: of these each byte is
    /// charged as one without a slot. An array that grows by
    /// itself doubles, and takes three times what is in it while it does. A body that announces its length
    /// grows to that instead, and to no more than four times what has come: it may lie.
    func hold(_ size: Int) -> Verdict {
        guard size > max(BodySlots.inlineBytes, heldBytes), standing != .waiting, standing != .lostSlot
        else { return .taken }
        if isShort { return .pause }
        let most = admission.mostOfOneBytes
        guard size <= most else { return refuse(.overloaded, Self.tooLarge(most)) }
        let limit = admission.mostAskedBytes(size: size)
        let wanted: Int
        if let announced, announced >= size {
            wanted = min(announced, max(4 * size, Self.announcedBytes))
        } else {
            wanted = max(2 * size, Self.firstBytes)
        }
        return hold(more: min(wanted, limit) - heldBytes)
    }

    /// A body's first room: most bodies are no longer, and announced lengths are mostly true.
    private static let firstBytes = 128 << 10
    private static let announcedBytes = 1 << 20

    static func tooLarge(_ limit: Int) -> String {
        "the body needs more than the \(limit) bytes of memory that all bodies may hold"
    }

    /// Charges for what the whole body decodes to, before it is handed to who decodes it. A body that is not
    /// required is left out behind a 2xx, and when there can be no memory for it.
    func holdDecoded(status: Int) -> Verdict {
        // No more of it is to come: whoever gave it a slot now would never get that back.
        if standing == .waiting { admission.slots.ended(id, keepsBody: false) }
        if !request.requiresBody, (200..<300).contains(status) { leaveBodyOut() }
        let verdict = holdDecoded()
        guard verdict == .refused, !request.requiresBody else { return verdict }
        leaveBodyOut()
        return .taken
    }

    private func holdDecoded() -> Verdict {
        guard isCoded else { return .taken }
        let bytes = HTTPBody.decodedRoom(of: body, limitBytes: request.bodyLimitBytes)
        guard bytes > BodySlots.inlineBytes else { return .taken }
        decodedBytes = bytes
        return hold(more: bytes)
    }

    private func hold(more bytes: Int) -> Verdict {
        let limit = admission.mostOfOneBytes
        guard heldBytes + bytes <= limit else {
            decodedBytes = 0
            return refuse(.overloaded, Self.tooLarge(limit))
        }
        guard admission.charge(bytes, for: id, untilNs: deadlineNs) else {
            isShort = true
            everWaited = true
            return .pause
        }
        memoryGranted(bytes)
        return .taken
    }

    /// Leaves the line, and gives back what is held.
    private func letMemoryGo() {
        admission.ended(id)
        isShort = false
        admission.memory.discharge(heldBytes, from: .bodies)
        heldBytes = 0
        decodedBytes = 0
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
