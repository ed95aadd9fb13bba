#if canImport(Glibc)
import Glibc
#endif

/// What a plain connection tells its transfer; the rules about bodies are the same as for libcurl's.
extension Transfer {
    /// What came of reading from a socket.
    enum Arrival: Equatable {
        case took(Int)
        /// There is nothing to be read now.
        case nothing
        /// The server has closed the connection, or this error has ended it; 0 is none.
        case ended(Int32)
        /// The body has to wait, for a slot or for memory.
        case pause
        case refused
    }

    /// A body grows by this much at least, and doubles: an announced length may be a lie.
    private static let growBytes = 256 << 10
    /// Room worth a call of the kernel.
    private static let spareBytes = 16 << 10

    /// Where an answer of this status sends the request instead; nil when it is the answer itself. Statuses
    /// as in Go, so not 300; an empty Location leads nowhere, as for libcurl.
    func redirection(_ status: Int) -> String? {
        guard request.followRedirects, [301, 302, 303, 307, 308].contains(status) else { return nil }
        guard let location = headers["Location"], !location.isEmpty else { return nil }
        return location
    }

    /// Called when the head has said that the body has `length` bytes. A body that needs a slot takes one
    /// here, or begins to wait for one. False when the response is refused.
    func announce(_ length: Int) -> Bool {
        guard admit(length: length) else { return false }
        guard standing == .unclaimed, request.takesBodySlot, length > BodySlots.inlineBytes else {
            return true
        }
        return claim()
    }

    /// Bytes of the body that were read elsewhere.
    func receive(body bytes: Span<UInt8>) -> Verdict {
        if bytes.isEmpty { return .taken }
        // Safety: the pointer is used in the closure alone.
        return unsafe bytes.withUnsafeBufferPointer { unsafe receive(body: $0) }
    }

    /// Reads bytes of an announced body straight to where they stay.
    func receiveBody(from descriptor: Int32, atMost count: Int) -> Arrival {
        // What there is room for, or else as much again, whatever small pieces the body comes in.
        // A pooled buffer may have room beyond what was charged: that is asked for like any other.
        let spare = min(body.capacity, heldBytes > 0 ? max(heldBytes, body.count) : .max) - body.count
        let room = min(count, spare >= Self.spareBytes ? spare : max(Self.growBytes, body.count))
        if standing == .waiting { return .pause }
        if standing == .lostSlot, admission.leftWithoutSlot < Self.spareBytes {
            let verdict = claimAgain()
            guard verdict == .taken else { return verdict == .pause ? .pause : .refused }
        }
        switch hold(body.count + room) {
        case .taken: break
        case .pause: return .pause
        case .refused: return .refused
        }
        var got = 0
        // Safety: the kernel writes at most `room` bytes, for which the closure's buffer has been made; as
        // many as it says are initialised then.
        body.append(addingCapacity: room) { output in
            unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
                guard let start = buffer.baseAddress else { return }
                got = unsafe recv(descriptor, start + initialized, room, 0)
                if got > 0 { initialized += got }
            }
        }
        guard got > 0 else {
            return got < 0 && errno == EAGAIN ? .nothing : .ended(got < 0 ? errno : 0)
        }
        switch standing {
        case .holdsSlot: admission.slots.received(id, bytes: got)
        case .lostSlot, .waiting: guard charge(got) else { return .refused }
        case .unclaimed: break
        }
        return .took(got)
    }
}
