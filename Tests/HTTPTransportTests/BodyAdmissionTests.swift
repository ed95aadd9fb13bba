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
        let slow = admission.slots.takeSlotsOfSlowSenders(
            nowNs: nowNs, leftBytes: admission.leftWithoutSlot)
        for (id, _) in slow {
            guard let index = transfers.firstIndex(where: { $0.id == id }), !transfers[index].slotLost()
            else { continue }
            fail(index)
        }
        for id in admission.stalled() {
            if let index = transfers.firstIndex(where: { $0.id == id }) { fail(index) }
        }
        let granted = admission.slots.grant(nowNs: nowNs) { id in
            transfers.first { $0.id == id }?.body.count ?? 0
        }
        for id in granted {
            guard let index = transfers.firstIndex(where: { $0.id == id }) else { continue }
            if transfers[index].slotGranted() == .refused { fail(index) }
        }
        var rounds = 0
        repeat {
            while let (id, bytes) = admission.nextGranted() {
                transfers.first { $0.id == id }?.memoryGranted(bytes)
            }
            rounds += 1
        } while goOn() && rounds <= 1_000
        #expect(rounds <= 1_000, "each round lets one end, or gives it what it asks for")
    }

    private func goOn() -> Bool {
        let way = admission.wayOn(
            heldBytes: { id in transfers.first { $0.id == id }?.heldBytes ?? 0 },
            takesPart: { !$0.isMultiple(of: 3) })
        switch way {
        case .goesOn(let id, let bytes): transfers.first { $0.id == id }?.memoryGranted(bytes)
        case .givesWay(let id, _):
            guard let index = transfers.firstIndex(where: { $0.id == id }) else { return false }
            fail(index)
        case nil: return false
        }
        return true
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

    /// Two bodies hold more than the limit is now, and each needs more than that by itself.
    @Test func bodiesLargerThanTheNarrowedLimitFinishOneAfterTheOther() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        var held: [UInt64: Int] = [1: 5, 2: 5]
        #expect(admission.charge(5, for: 1) && admission.charge(5, for: 2))
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(admission.charge(7, for: 1, holding: 5), "it stands beside the limit")
        held[1] = 12
        #expect(!admission.charge(7, for: 2, holding: 5), "there is room, but one at a time may")
        #expect(admission.nextGranted() == nil)
        #expect(way(admission, held) == nil)
        admission.ended(1)
        memory.discharge(12, from: .bodies)
        held[1] = nil
        #expect(admission.nextGranted().map { $0.id == 2 && $0.bytes == 7 } == true)
        #expect(memory.usedBytes(of: .bodies) == 12)
    }

    /// Both would come to more than the whole limit with what the other holds.
    @Test func theLongestGivesWayWhereNoneCanGoOnWithinTheWholeLimit() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        let held: [UInt64: Int] = [1: 10, 2: 12]
        #expect(admission.charge(10, for: 1) && admission.charge(12, for: 2))
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(!admission.charge(9, for: 1, holding: 10) && !admission.charge(8, for: 2, holding: 12))
        #expect(way(admission, held) == .givesWay(2, cannotFit: false))
    }

    /// A body that needs most of the whole limit gets it once others hold little. So that this comes, those
    /// that hold nothing yet let it go first.
    @Test func aLargeBodyDoesNotWaitForSmallOnesThatComeLater() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(admission.charge(2, for: 1))
        #expect(!admission.charge(24, for: 2), "another holds memory")
        #expect(!admission.charge(1, for: 3), "there is room for it, but a large one waits")
        #expect(!admission.charge(24, for: 4))
        #expect(admission.charge(1, for: 1, holding: 2), "what is under way goes on")
        #expect(admission.nextGranted() == nil)
        admission.ended(1)
        memory.discharge(3, from: .bodies)
        #expect(admission.nextGranted().map { $0.id == 2 && $0.bytes == 24 } == true)
        #expect(admission.nextGranted().map { $0.id == 3 && $0.bytes == 1 } == true, "it fits beside")
        #expect(admission.nextGranted() == nil)
        admission.ended(2)
        memory.discharge(24, from: .bodies)
        admission.ended(3)
        memory.discharge(1, from: .bodies)
        #expect(admission.nextGranted().map { $0.id == 4 && $0.bytes == 24 } == true)
        admission.ended(4)
        memory.discharge(24, from: .bodies)
        #expect(admission.charge(25, for: 5), "nobody holds anything")
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
        #expect(way(admission, held) == .givesWay(1, cannotFit: false), "nothing less would do")
        let part = admission.wayOn(heldBytes: { held[$0] ?? 0 }, takesPart: { _ in true })
        #expect(part == .goesOn(1, bytes: 500_000))
        #expect(memory.usedBytes(of: .bodies) == 1_000_000)
        held[1] = 800_000
        #expect(!admission.charge(100_000, for: 1))
        #expect(way(admission, held) == .givesWay(1, cannotFit: false), "there is nothing left")
    }

    /// While the limit is narrowed, slow bodies do not grow without a slot beyond their part of it.
    @Test func bodiesWithoutASlotStayWithinTheNarrowedLimit() {
        let budget = Budget(slots: 2, bytesLimit: 100_000, memoryBytes: 10_000_000)
        for index in 0..<2 {
            budget.start()
            budget.receive(index, 20_000)
        }
        budget.start()
        budget.receive(2, 10_000)
        // Bodies without a slot may hold 40,000 bytes now, of which the third has 10,000.
        budget.admission.memory.setLimit(of: .bodies, toBytes: 4_000_000)
        budget.turn(nowNs: .max / 2)
        let standings = budget.transfers.map(\.standing)
        #expect(standings.filter { $0 == .lostSlot }.count == 1, "there is room for one of the slow ones")
        #expect(standings.filter { $0 == .holdsSlot }.count == 2)
        guard let slow = standings.firstIndex(of: .lostSlot) else { return }
        for _ in 0..<10 { budget.receive(slow, 5_000) }
        #expect(budget.transfers[slow].standing == .waiting)
        #expect(budget.admission.slots.unslottedBytes == 40_000)
        #expect(budget.transfers[slow].body.count == 40_000)
        // A slot comes free, and it goes on.
        budget.fail(slow == 0 ? 1 : 0)
        budget.turn(nowNs: .max / 2)
        #expect(budget.transfers.count == 2)
        for index in 0..<2 { budget.receive(index, 5_000) }
        #expect(budget.transfers.map(\.body.count).sorted() == [15_000, 45_000])
        #expect(budget.admission.slots.unslottedBytes == 0)
        budget.end()
        #expect(budget.memoryBytes == 0)
    }
}
