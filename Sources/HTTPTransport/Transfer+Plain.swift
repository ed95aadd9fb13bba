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
        /// The server has ended the connection.
        case ended
        case refused
    }

    /// A body grows by this much at least, and doubles: an announced length may be a lie.
    private static let growBytes = 256 << 10
    /// Room worth a call of the kernel.
    private static let spareBytes = 16 << 10

    /// The head, line by line, whose lines end with CR LF. False refuses the response.
    func receive(head: Span<UInt8>) -> Bool {
        var start = 0
        for index in head.indices where head[index] == 0x0A {
            guard receive(header: head.extracting(start..<index + 1)) else { return false }
            start = index + 1
        }
        return true
    }

    /// The body will have `length` bytes. It has its slot after this, if it needs one, or `.pause`.
    func announce(_ length: Int) -> Verdict {
        guard admit(length: length) else { return .refused }
        if standing == .unclaimed, request.takesBodySlot, length > BodySlots.inlineBytes {
            guard claim() else { return .refused }
        }
        return isWaiting ? .pause : .taken
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
        let spare = body.capacity - body.count
        let room = min(count, spare >= Self.spareBytes ? spare : max(Self.growBytes, body.count))
        makeRoom(for: body.count + room)
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
        guard got > 0 else { return got < 0 && errno == EAGAIN ? .nothing : .ended }
        switch standing {
        case .holdsSlot: admission.slots.received(id, bytes: got)
        case .lostSlot, .waiting: guard charge(got) else { return .refused }
        case .unclaimed: break
        }
        return .took(got)
    }
}
