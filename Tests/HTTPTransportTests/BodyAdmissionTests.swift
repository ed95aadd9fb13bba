import Platform
import Synchronization
import Testing

@testable import HTTPTransport

/// Transfers and their bodies against one budget. The test plays sockets, consumers and the loop.
private final class Budget {
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
    private let released = Released()
    private var nextID: UInt64 = 0
    private(set) var transfers: [Transfer] = []
    private var bodies: [HTTPBody] = []

    init(slots: Int, bytesLimit: Int, memoryBytes: Int = 1 << 30) {
        let released = released
        let memory = MemoryAccount(bodiesBytes: memoryBytes)
        admission = BodyAdmission(
            slots: BodySlots(capacity: slots, bytesLimit: bytesLimit),
            pool: BodyPool(keptCount: slots, memory: memory) { claim, _ in
                released.claims.withLock { $0.append(claim) }
            }, memory: memory)
    }

    func start(limitBytes: Int = 0) {
        nextID += 1
        let request = HTTPRequest(
            url: "http://127.0.0.1/metrics", bodyLimitBytes: limitBytes, takesBodySlot: true)
        let submission = Submission(id: nextID, request: request, nowNs: 0, reply: .exchange(Consumer()))
        transfers.append(Transfer(submission, easy: nil, admission: admission))
    }

    /// Bytes of a body arrive. A transfer that refuses them fails, and one that waits for memory is sent
    /// none.
    func receive(_ index: Int, _ count: Int) {
        if transfers[index].isShort { return }
        let piece = [UInt8](repeating: 0x23, count: count)
        if transfers[index].receive(body: piece.span) == .refused { fail(index) }
    }

    func fail(_ index: Int) {
        let transfer = transfers.remove(at: index)
        transfer.fail(transfer.refusal ?? transfer.failure(.other, "the test ends it"))
    }

    func succeed(_ index: Int) {
        let transfer = transfers.remove(at: index)
        transfer.succeed(status: 200, nowNs: 0)
        guard case .exchange(let exchange) = transfer.submission.reply, let consumer = exchange as? Consumer
        else { return }
        if let body = consumer.body.withLock({ $0 }) { bodies.append(body) }
    }

    func letGo(_ index: Int) { bodies.remove(at: index).letGo() }
    var bodyCount: Int { bodies.count }

    /// What the loop does between two turns.
    func turn(nowNs: UInt64) {
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
        for (id, _) in admission.slots.takeSlotsOfSlowSenders(nowNs: nowNs) {
            guard let index = transfers.firstIndex(where: { $0.id == id }), !transfers[index].slotLost()
            else { continue }
            fail(index)
        }
        let granted = admission.slots.grant(nowNs: nowNs) { id in
            transfers.first { $0.id == id }?.body.count ?? 0
        }
        for id in granted {
            guard let index = transfers.firstIndex(where: { $0.id == id }) else { continue }
            if transfers[index].slotGranted() == .refused { fail(index) }
        }
        while let (id, bytes) = admission.nextGranted() {
            transfers.first { $0.id == id }?.memoryGranted(bytes)
        }
        let victim = admission.line.victim(usedBytes: memoryBytes) { id in
            transfers.first { $0.id == id }?.heldBytes ?? 0
        }
        if let index = transfers.firstIndex(where: { $0.id == victim }) { fail(index) }
    }

    var memoryBytes: Int { admission.memory.usedBytes(of: .bodies) }

    func end() {
        while !transfers.isEmpty { fail(0) }
        while bodyCount > 0 { letGo(0) }
        turn(nowNs: .max)
    }
}

struct BodyAdmissionTests {
    @Test func aBodyThatIsRefusedItsChargeFailsItsTransfer() {
        let budget = Budget(slots: 1, bytesLimit: 100_000)
        budget.start()
        budget.receive(0, 20_000)
        budget.start()
        // Waits for the slot that the first holds, and takes most of what waiting bodies may have.
        budget.receive(1, 8_000)
        budget.receive(1, 52_000)
        budget.start()
        budget.receive(2, 8_000)
        budget.receive(2, 30_000)
        #expect(budget.transfers.count == 3)
        budget.start()
        budget.receive(3, 8_000)
        // Eight thousand more are not left, though these few bytes are.
        budget.receive(3, 1_000)
        #expect(budget.transfers.count == 3, "the body has no charge, so it must not be received")
        budget.end()
        #expect(budget.admission.slots.unslottedBytes == 0)
        #expect(budget.admission.slots.slotsInUse == 0)
    }

    /// What is charged equals what is given back, whatever happens in whatever order.
    @Test func whatIsChargedIsGivenBack() {
        var random = SeededRandom()
        for _ in 0..<200 {
            let budget = Budget(
                slots: random.number(1...3), bytesLimit: random.number(0...200_000),
                memoryBytes: random.number(100_000...1_000_000))
            var nowNs: UInt64 = 0
            for _ in 0..<200 {
                let count = budget.transfers.count
                switch random.number(0...9) {
                case 0, 1: budget.start(limitBytes: random.number(0...1) * random.number(1...100_000))
                case 2...5 where count > 0:
                    // Small pieces too: where a body begins to wait, its charge may just not fit.
                    let most = random.number(0...1) == 0 ? 3_000 : 40_000
                    budget.receive(random.number(0...count - 1), random.number(1...most))
                case 6 where count > 0: budget.succeed(random.number(0...count - 1))
                case 7 where count > 0: budget.fail(random.number(0...count - 1))
                case 8 where budget.bodyCount > 0: budget.letGo(random.number(0...budget.bodyCount - 1))
                default:
                    nowNs += UInt64(random.number(0...300_000_000))
                    budget.turn(nowNs: nowNs)
                }
            }
            budget.end()
            #expect(budget.admission.slots.unslottedBytes == 0)
            #expect(budget.admission.slots.slotsInUse == 0)
            #expect(budget.memoryBytes == 0)
            #expect(!budget.admission.hasWaiters)
        }
    }
}
