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
        let way = admission.wayOn(
            heldBytes: { id in transfers.first { $0.id == id }?.heldBytes ?? 0 }, takesPart: { _ in true })
        switch way {
        case .goesOn(let id, let bytes): transfers.first { $0.id == id }?.memoryGranted(bytes)
        case .givesWay(let id): if let index = transfers.firstIndex(where: { $0.id == id }) { fail(index) }
        case nil: break
        }
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
                case 9 where random.number(0...9) == 0:
                    budget.admission.memory.setLimit(
                        of: .bodies, toBytes: random.number(50_000...1_000_000))
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

    /// Of whole grants alone.
    private func way(_ admission: BodyAdmission, _ held: [UInt64: Int]) -> BodyAdmission.WayOn? {
        admission.wayOn(heldBytes: { held[$0] ?? 0 }, takesPart: { _ in false })
    }

    /// Two bodies that wait hold more than the limit is now: one after the other grows to its end.
    @Test func aNarrowedLimitLetsOneBodyAfterTheOtherFinish() {
        let memory = MemoryAccount(bodiesBytes: 100)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        var held: [UInt64: Int] = [1: 20, 2: 20]
        #expect(admission.charge(20, for: 1) && admission.charge(20, for: 2))
        memory.setLimit(of: .bodies, toBytes: 30)
        #expect(!admission.charge(5, for: 3), "it is new, so it waits")
        #expect(!admission.charge(10, for: 1))
        #expect(admission.nextGranted() == nil)
        #expect(way(admission, held) == nil, "the second may give its memory back")
        #expect(!admission.charge(10, for: 2))
        #expect(way(admission, held) == .goesOn(1, bytes: 10))
        held[1] = 30
        #expect(memory.usedBytes(of: .bodies) == 50)
        #expect(way(admission, held) == nil, "the first does not wait any more")
        admission.ended(1)
        memory.discharge(30, from: .bodies)
        held[1] = nil
        // Ten are left of the limit.
        #expect(admission.nextGranted().map { $0.id == 3 && $0.bytes == 5 } == true)
        held[3] = 5
        admission.ended(3)
        memory.discharge(5, from: .bodies)
        #expect(admission.nextGranted().map { $0.id == 2 && $0.bytes == 10 } == true)
    }

    /// Whoever needs more than the narrowed limit by itself gives way, before one that is longer now.
    @Test func aBodyThatCannotFitAnyMoreGivesWayFirst() {
        let memory = MemoryAccount(bodiesBytes: 100)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        let held: [UInt64: Int] = [1: 40, 2: 15]
        #expect(admission.charge(40, for: 1) && admission.charge(5, for: 2))
        // From here on it alone may grow.
        #expect(admission.charge(10, for: 2))
        memory.setLimit(of: .bodies, toBytes: 45)
        #expect(!admission.charge(3, for: 1) && !admission.charge(60, for: 2))
        #expect(way(admission, held) == .givesWay(2))
    }

    /// Bodies that wait for a slot take no more while the limit is narrowed, and do not fail by it.
    @Test func bodiesInLineForASlotTakeLessUnderANarrowedLimit() {
        let budget = Budget(slots: 1, bytesLimit: 100_000, memoryBytes: 1_000_000)
        budget.start()
        budget.receive(0, 20_000)
        budget.start()
        budget.receive(1, 8_000)
        budget.receive(1, 20_000)
        budget.admission.memory.setLimit(of: .bodies, toBytes: 300_000)
        budget.receive(1, 20_000)
        #expect(budget.transfers.count == 2)
        #expect(budget.transfers[1].body.count == 28_000)
        budget.admission.memory.setLimit(of: .bodies, toBytes: 1_000_000)
        budget.receive(1, 20_000)
        #expect(budget.transfers[1].body.count == 48_000)
        budget.end()
        #expect(budget.admission.slots.unslottedBytes == 0)
    }

    /// Bodies whose length is not known ask for twice what has come. The last of them is not that long.
    @Test func whatIsLeftOfTheLimitIsOfUseToOneThatAsksForMore() {
        let memory = MemoryAccount(bodiesBytes: 1_000_000)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        var held: [UInt64: Int] = [1: 300_000, 2: 200_000]
        #expect(admission.charge(300_000, for: 1) && admission.charge(200_000, for: 2))
        #expect(!admission.charge(600_000, for: 1) && !admission.charge(800_000, for: 2))
        #expect(way(admission, held) == .givesWay(1), "nothing less would do")
        let part = admission.wayOn(heldBytes: { held[$0] ?? 0 }, takesPart: { _ in true })
        #expect(part == .goesOn(1, bytes: 500_000))
        #expect(memory.usedBytes(of: .bodies) == 1_000_000)
        held[1] = 800_000
        #expect(!admission.charge(100_000, for: 1))
        #expect(way(admission, held) == .givesWay(1), "there is nothing left")
    }
}
