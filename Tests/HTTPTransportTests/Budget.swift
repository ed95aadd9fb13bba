import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTPTransport

#if canImport(Glibc)
import Glibc
#endif

/// Transfers and their bodies against one budget. The test plays sockets, consumers and the loop.
final class Budget {
    /// Keeps the body that its transfer ends with.
    private final class Consumer: HTTPExchange {
        let body = Mutex<HTTPBody?>(nil)
        func begin() -> HTTPRequest? { nil }
        func end(_ result: Result<HTTPResponse, HTTPError>) {
            if case .success(let response) = result { body.withLock { $0 = response.body } }
        }
    }

    /// What consumers have let go of and the loop has not taken yet.
    private final class Released: Sendable {
        let claims = Mutex<[BodyClaim]>([])
    }

    let admission: BodyAdmission
    private let clock = ManualClock()
    private let released = Released()
    private var nextID: UInt64 = 0
    private(set) var transfers: [Transfer] = []
    /// The numbers of transfers that have failed; the first to begin is 1.
    private(set) var failed: [UInt64] = []
    private var bodies: [HTTPBody] = []
    /// What is written to the second is read from the first.
    private let sockets: [Int32]

    init(slots: Int, bytesLimit: Int, memoryBytes: Int = 1 << 30) {
        let released = released
        let memory = MemoryAccount(bodiesBytes: memoryBytes)
        admission = BodyAdmission(
            slots: BodySlots(capacity: slots, bytesLimit: bytesLimit),
            pool: BodyPool(keptCount: slots, memory: memory) { claim, _ in
                released.claims.withLock { $0.append(claim) }
            }, memory: memory, clock: clock)
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        // Safety: the kernel writes two descriptors.
        let made = unsafe pair.withUnsafeMutableBufferPointer {
            unsafe socketpair(AF_UNIX, kind, 0, $0.baseAddress)
        }
        precondition(made == 0, "a pair of sockets can be had")
        sockets = pair
    }

    deinit { for descriptor in sockets { _ = close(descriptor) } }

    /// A transfer begins whose head announces a body of so many bytes; nil announces none.
    func start(limitBytes: Int = 0, announcing length: Int? = nil) {
        nextID += 1
        let request = HTTPRequest(
            url: "http://127.0.0.1/metrics", bodyLimitBytes: limitBytes, takesBodySlot: true)
        let submission = Submission(
            id: nextID, request: request, nowNs: admission.nowNs, reply: .exchange(Consumer()))
        let transfer = Transfer(submission, easy: nil, admission: admission)
        transfers.append(transfer)
        if let length, !transfer.announce(length) { fail(transfers.count - 1) }
    }

    /// Bytes of a body arrive; an announced one is read as the plain way does, and no further than to its
    /// end. A transfer that refuses them fails, and one that waits for memory is sent none.
    func receive(_ index: Int, _ count: Int) {
        let transfer = transfers[index]
        if transfer.isShort { return }
        guard let announced = transfer.announced else {
            let piece = [UInt8](repeating: 0x23, count: count)
            if transfer.receive(body: piece.span) == .refused { fail(index) }
            return
        }
        write(min(count, announced - transfer.body.count))
        while transfer.body.count < announced {
            switch transfer.receiveBody(from: sockets[0], atMost: announced - transfer.body.count) {
            case .took: continue
            case .refused: fail(index)
            case .nothing, .pause: break
            case .ended(let code): Issue.record("the socket has ended: \(code)")
            }
            break
        }
        drain()
    }

    /// Of each body whose length is announced 40,000 bytes arrive, or what is left of as many as are sent.
    /// One that is whole then is read and let go at once.
    func receiveAll(_ sentBytes: [UInt64: Int]) {
        for transfer in transfers {
            let count = min(40_000, (sentBytes[transfer.id] ?? 0) - transfer.body.count)
            guard count > 0, let place = index(of: transfer.id) else { continue }
            receive(place, count)
            guard transfer.body.count == transfer.announced, let place = index(of: transfer.id) else {
                continue
            }
            succeed(place)
            letGo(bodyCount - 1)
        }
    }

    private func write(_ count: Int) {
        let piece = [UInt8](repeating: 0x23, count: count)
        // Safety: the pointer is used in the closure alone, for as many bytes as the array has.
        let wrote = unsafe piece.withUnsafeBytes { unsafe send(sockets[1], $0.baseAddress, $0.count, 0) }
        #expect(wrote == count, "a piece fits into a socket's buffer")
    }

    /// What a body that has to wait leaves in the socket is not sent again.
    private func drain() {
        var rest = [UInt8](repeating: 0, count: 4_096)
        var count = 0
        repeat {
            // Safety: the kernel writes at most the array's length.
            count = unsafe rest.withUnsafeMutableBytes {
                unsafe recv(sockets[0], $0.baseAddress, $0.count, 0)
            }
        } while count > 0
    }

    func fail(_ index: Int) {
        let transfer = transfers.remove(at: index)
        failed.append(transfer.id)
        transfer.fail(transfer.refusal ?? transfer.failure(.other, "the test ends it"))
    }

    func succeed(_ index: Int) {
        let transfer = transfers.remove(at: index)
        transfer.succeed(status: 200, nowNs: admission.nowNs)
        guard case .exchange(let exchange) = transfer.submission.reply, let consumer = exchange as? Consumer
        else { return }
        if let body = consumer.body.withLock({ $0 }) { bodies.append(body) }
    }

    func letGo(_ index: Int) { bodies.remove(at: index).letGo() }
    var bodyCount: Int { bodies.count }

    /// What the loop does between two turns, the second of them `ms` milliseconds later.
    func turn(afterMs ms: Int64 = 0) {
        clock.advance(ms: ms)
        takeReleased()
        for id in admission.takeSlotsOfSlowSenders() {
            if let index = index(of: id), !transfers[index].slotLost() { fail(index) }
        }
        for id in admission.stalled() { _ = end(id) }
        let granted = admission.slots.grant(nowNs: admission.nowNs) { id in
            transfers.first { $0.id == id }?.body.count ?? 0
        }
        for id in granted {
            if let index = index(of: id), transfers[index].slotGranted() == .refused { fail(index) }
        }
        var rounds = 0
        repeat {
            while let (id, bytes) = admission.nextGranted() {
                transfers.first { $0.id == id }?.memoryGranted(bytes)
            }
            rounds += 1
        } while (goOn() || endHoldUp()) && rounds <= 1_000
        #expect(rounds <= 1_000, "each round lets one end, or gives it what it asks for")
        check()
    }

    private func takeReleased() {
        let claims = released.claims.withLock { claims in
            defer { claims = [] }
            return claims
        }
        for claim in claims {
            switch claim {
            case .none: break
            case .slot: admission.slots.releasedByConsumers(1)
            case .bytes(let count): admission.slots.discharge(count)
            }
        }
    }

    private func goOn() -> Bool {
        switch admission.wayOn(takesPart: { !$0.isMultiple(of: 3) }) {
        case .goesOn(let id, let bytes): transfers.first { $0.id == id }?.memoryGranted(bytes)
        case .givesWay(let id, _): return end(id)
        case nil: return false
        }
        return true
    }

    private func endHoldUp() -> Bool { admission.holdsUpTooLong().map(end) ?? false }

    private func index(of id: UInt64) -> Int? { transfers.firstIndex { $0.id == id } }

    private func end(_ id: UInt64) -> Bool {
        guard let index = index(of: id) else { return false }
        fail(index)
        return true
    }

    /// A body is charged to the memory account or by the byte, as one without a slot, and the admission knows
    /// what it holds.
    private func check() {
        for transfer in transfers {
            #expect(admission.heldBytes(transfer.id) == transfer.heldBytes)
            if transfer.standing == .waiting || transfer.standing == .lostSlot {
                #expect(transfer.heldBytes == 0)
            }
        }
    }

    var memoryBytes: Int { admission.memory.usedBytes(of: .bodies) }

    func end() {
        while !transfers.isEmpty { fail(0) }
        while bodyCount > 0 { letGo(0) }
        turn(afterMs: 3_600_000)
    }
}
