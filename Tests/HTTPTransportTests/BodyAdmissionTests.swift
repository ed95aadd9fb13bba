import Platform
import TestSupport
import Testing

@testable import HTTPTransport

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

    /// A coded body that is whole before its turn for a slot comes is charged by the byte to its end.
    @Test func aWholeBodyThatWaitsToBeDecodedTakesNoSlot() {
        let budget = Budget(slots: 1, bytesLimit: 100_000, memoryBytes: 100_000)
        let admission = budget.admission
        #expect(admission.slots.want(98, sizeBytes: 0, nowNs: 0) && admission.charge(90_000, for: 98))
        budget.start()
        let transfer = budget.transfers[0]
        for line in ["HTTP/1.1 200 OK\r\n", "Content-Encoding: gzip\r\n", "\r\n"] {
            let isTaken = transfer.receive(header: Array(line.utf8).span)
            #expect(isTaken)
        }
        // The last four bytes say what it decodes to: 64 KiB.
        let verdict = transfer.receive(body: ([UInt8](repeating: 0, count: 12_000) + [0, 0, 1, 0]).span)
        #expect(verdict == .taken)
        #expect(transfer.standing == .waiting && transfer.holdDecoded(status: 200) == .pause)
        admission.slots.ended(98, keepsBody: false)
        admission.ended(98)
        admission.memory.discharge(90_000, from: .bodies)
        let (slots, memory) = (admission.slots.grant(nowNs: 0) { _ in 0 }, admission.nextGranted())
        #expect(slots.isEmpty && memory?.id == transfer.id)
        transfer.memoryGranted(memory?.bytes ?? 0)
        budget.succeed(0)
        budget.end()
        #expect(admission.slots.slotsInUse == 0 && admission.slots.unslottedBytes == 0)
    }

    /// A body whose slot goes to another before its first byte comes is counted by the byte, like any other
    /// that has lost its slot.
    @Test func aBodyThatLostItsSlotWithoutAByteTakesNoMemoryOfTheOthers() {
        let budget = Budget(slots: 1, bytesLimit: 100_000, memoryBytes: 1_000_000)
        budget.start(announcing: 500_000)
        budget.start(announcing: 20_000)
        budget.turn(afterMs: 250)
        #expect(budget.transfers.map(\.standing) == [.lostSlot, .holdsSlot])
        budget.receive(0, 1)
        #expect(budget.transfers[0].body.count == 1)
        #expect(budget.admission.slots.unslottedBytes == 1)
        #expect(budget.memoryBytes == 0)
        budget.end()
    }

    /// What is charged equals what is given back, whatever happens in whatever order.
    @Test func whatIsChargedIsGivenBack() {
        var random = SeededRandom()
        for _ in 0..<200 {
            let budget = Budget(
                slots: random.number(1...3), bytesLimit: random.number(0...200_000),
                memoryBytes: random.number(100_000...1_000_000))
            for _ in 0..<200 {
                let count = budget.transfers.count
                switch random.number(0...9) {
                case 0: budget.start(limitBytes: random.number(0...1) * random.number(1...100_000))
                case 1: budget.start(announcing: random.number(1...300_000))
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
                    let mostMs = random.number(0...9) == 0 ? 3_000 : 300
                    budget.turn(afterMs: Int64(random.number(0...mostMs)))
                }
            }
            budget.end()
            #expect(budget.admission.slots.unslottedBytes == 0)
            #expect(budget.admission.slots.slotsInUse == 0)
            #expect(budget.memoryBytes == 0)
            #expect(!budget.admission.hasWaiters)
        }
    }

    /// While the limit is narrowed, senders that stall, and large bodies, leave room for the others: each
    /// body whose sender goes on comes to its end, and none of those fails that are not large.
    @Test func whateverStallsOthersGoOn() {
        var random = SeededRandom()
        for _ in 0..<20 {
            let budget = Budget(slots: random.number(2...6), bytesLimit: 250_000, memoryBytes: 1_000_000)
            let limit = random.number(200_000...400_000)
            let narrowedAt = random.number(0...30)
            /// What comes of the body of each transfer.
            var sentBytes: [UInt64: Int] = [:]
            var small: Set<UInt64> = []
            for step in 0..<1_000 {
                if step == narrowedAt { budget.admission.memory.setLimit(of: .bodies, toBytes: limit) }
                if step < 300, random.number(0...3) == 0 {
                    let isLarge = random.number(0...4) == 0
                    let size = random.number(isLarge ? limit / 2 + 1...900_000 : 9_000...limit / 3)
                    let id = UInt64(sentBytes.count + 1)
                    sentBytes[id] = random.number(0...4) == 0 ? random.number(0...size - 1) : size
                    if !isLarge, sentBytes[id] == size { small.insert(id) }
                    budget.start(announcing: size)
                }
                budget.receiveAll(sentBytes)
                budget.turn(afterMs: 100)
            }
            let left = budget.transfers.filter { sentBytes[$0.id] == $0.announced }
            #expect(left.map(\.id) == [])
            #expect(budget.failed.filter { small.contains($0) } == [])
            budget.end()
            #expect(budget.memoryBytes == 0)
        }
    }

    /// Of whole grants alone.
    private func way(_ admission: BodyAdmission) -> BodyAdmission.WayOn? {
        admission.wayOn(takesPart: { _ in false })
    }

    /// Bodies that wait hold more than the limit is now, each of them half of it: one after the other grows
    /// to its end.
    @Test func aNarrowedLimitLetsOneBodyAfterTheOtherFinish() {
        let memory = MemoryAccount(bodiesBytes: 100)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        for id in UInt64(1)...4 { #expect(admission.charge(15, for: id)) }
        memory.setLimit(of: .bodies, toBytes: 30)
        #expect(!admission.charge(5, for: 5), "it is new, so it waits")
        for id in UInt64(1)...3 { #expect(!admission.charge(10, for: id)) }
        #expect(admission.nextGranted() == nil)
        #expect(way(admission) == nil, "the fourth may give its memory back")
        #expect(!admission.charge(10, for: 4))
        #expect(way(admission) == .goesOn(1, bytes: 10))
        #expect(memory.usedBytes(of: .bodies) == 70)
        #expect(way(admission) == nil, "the first does not wait any more")
        for id in UInt64(1)...2 {
            admission.ended(id)
            memory.discharge(25, from: .bodies)
            #expect(admission.nextGranted().map { $0.id == id + 1 && $0.bytes == 10 } == true)
        }
        #expect(admission.nextGranted().map { $0.id == 5 && $0.bytes == 5 } == true)
        #expect(admission.nextGranted() == nil, "one at a time has more than half of the limit")
    }

    /// Two bodies hold more than the limit is now, and each needs more than that by itself.
    @Test func bodiesLargerThanTheNarrowedLimitFinishOneAfterTheOther() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        #expect(admission.charge(5, for: 1) && admission.charge(5, for: 2))
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(admission.charge(7, for: 1), "it stands beside the limit")
        #expect(!admission.charge(7, for: 2), "there is room, but one at a time may")
        #expect(admission.nextGranted() == nil)
        #expect(way(admission) == nil)
        admission.ended(1)
        memory.discharge(12, from: .bodies)
        #expect(admission.nextGranted().map { $0.id == 2 && $0.bytes == 7 } == true)
        #expect(memory.usedBytes(of: .bodies) == 12)
    }

    /// Both would come to more than the whole limit with what the other holds.
    @Test func theLongestGivesWayWhereNoneCanGoOnWithinTheWholeLimit() {
        let memory = MemoryAccount(bodiesBytes: 25)
        let admission = BodyAdmission(
            slots: BodySlots(capacity: 4, bytesLimit: 0),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory)
        #expect(admission.charge(10, for: 1) && admission.charge(12, for: 2))
        memory.setLimit(of: .bodies, toBytes: 8)
        #expect(!admission.charge(9, for: 1) && !admission.charge(8, for: 2))
        #expect(way(admission) == .givesWay(2, cannotFit: false))
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
        #expect(admission.charge(1, for: 1), "what is under way goes on")
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
        #expect(admission.charge(300_000, for: 1) && admission.charge(200_000, for: 2))
        #expect(!admission.charge(600_000, for: 1) && !admission.charge(800_000, for: 2))
        #expect(way(admission) == .givesWay(1, cannotFit: false), "nothing less would do")
        #expect(admission.wayOn(takesPart: { _ in true }) == .goesOn(1, bytes: 500_000))
        #expect(memory.usedBytes(of: .bodies) == 1_000_000)
        #expect(!admission.charge(100_000, for: 1))
        #expect(way(admission) == .givesWay(1, cannotFit: false), "there is nothing left")
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
        budget.turn(afterMs: 1_000)
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
        budget.turn()
        #expect(budget.transfers.count == 2)
        for index in 0..<2 { budget.receive(index, 5_000) }
        #expect(budget.transfers.map(\.body.count).sorted() == [15_000, 45_000])
        #expect(budget.admission.slots.unslottedBytes == 0)
        budget.end()
        #expect(budget.memoryBytes == 0)
    }

    // MARK: - Stalled senders

    /// It holds a slot for which others wait, and there is no room for more bodies without one.
    @Test func oneOfWhichNothingHasComeStalls() {
        let bodies = NarrowedBodies(slots: 1, withoutSlot: 10)
        let admission = bodies.admission
        #expect(bodies.chargeWithoutSlot(10))
        bodies.narrow()
        #expect(admission.leftWithoutSlot < 0)
        #expect(bodies.wantSlot(1) && !bodies.wantSlot(2))
        #expect(bodies.stall() == [])
        #expect(admission.stalled() == [1])
    }

    /// Little of it has come, but it holds more of the memory for which others wait than its part of the half
    /// that is for all.
    @Test func aStalledSenderGivesWayByWhatItsBodyHolds() {
        let bodies = NarrowedBodies(slots: 16, unitBytes: 1 << 20)
        let admission = bodies.admission
        bodies.narrow(toBytes: 8 << 20)
        for id in UInt64(1)...2 { #expect(bodies.wantSlot(id, sizeBytes: 9_000)) }
        #expect(admission.charge(256 << 10 + 1, for: 1), "one byte more than its part")
        #expect(admission.charge(256 << 10, for: 2))
        #expect(admission.charge(3 << 20, for: 3) && admission.charge(4 << 20, for: 4))
        #expect(!admission.charge(1 << 20, for: 5))
        #expect(bodies.stall() == [])
        #expect(admission.stalled() == [1])
    }

    /// One that grows into the upper half of the limit stalls, and has no more than its part. It may stay,
    /// but another one may grow.
    @Test func aStalledSenderDoesNotKeepTheUpperHalf() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(4, for: 1) && admission.charge(1, for: 2))
        #expect(bodies.wantSlot(2, sizeBytes: 1))
        bodies.end(1)
        #expect(!admission.charge(4, for: 3))
        #expect(bodies.stall() == [])
        #expect(bodies.granted() == [])
        #expect(admission.stalled() == [])
        #expect(bodies.granted() == [3])
    }

    /// What it holds is no more than its part, but nobody else would give anything back.
    @Test func aStalledSenderGivesWayWhenAllOthersWait() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(1, for: 1) && admission.charge(2, for: 2) && admission.charge(20, for: 3))
        #expect(bodies.wantSlot(1, sizeBytes: 1))
        #expect(!admission.charge(5, for: 3), "it stands beside the limit, and the whole one is full")
        #expect(bodies.stall() == [])
        #expect(admission.stalled() == [], "the second will give its memory back")
        bodies.end(2)
        #expect(bodies.granted() == [])
        #expect(admission.stalled() == [1])
    }

    /// A body that waits for memory is not slow, and however often that is looked at, it has not grown.
    @Test func aBodyThatHasWaitedForMemoryGoesOnWithoutASlot() {
        let bodies = NarrowedBodies(slots: 2, withoutSlot: 25)
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(4, for: 1) && admission.charge(4, for: 3))
        #expect(bodies.wantSlot(2, sizeBytes: 8))
        #expect(!admission.charge(4, for: 2))
        for _ in 0..<20 {
            bodies.clock.advance(ms: 100)
            for _ in 0..<100 { #expect(admission.takeSlotsOfSlowSenders() == []) }
            #expect(admission.stalled() == [])
        }
        bodies.end(3)
        #expect(bodies.granted() == [2])
        #expect(!admission.charge(4, for: 4))
        bodies.clock.advance(ms: 250)
        #expect(admission.takeSlotsOfSlowSenders() == [], "it was waiting in this window")
        bodies.clock.advance(ms: 250)
        #expect(admission.takeSlotsOfSlowSenders() == [2], "there is room for eight bytes without a slot")
    }

    /// A large body waits for the place of another large one. A small one that has stalled keeps nothing from
    /// it.
    @Test func aStalledSenderStaysWhereThatHelpsNobody() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(admission.charge(12, for: 1) && admission.charge(3, for: 2))
        #expect(bodies.wantSlot(2, sizeBytes: 3))
        #expect(!admission.charge(12, for: 3))
        #expect(bodies.stall() == [])
        #expect(admission.stalled() == [])
        #expect(admission.charge(4, for: 4) && !admission.charge(4, for: 5))
        #expect(admission.stalled() == [2], "a small one waits now")
    }

    /// The large body that others wait for has stalled.
    @Test func aStalledLargeBodyGivesWayToAnother() {
        let bodies = NarrowedBodies()
        let admission = bodies.admission
        bodies.narrow()
        #expect(bodies.wantSlot(1, sizeBytes: 3))
        #expect(admission.charge(12, for: 1) && !admission.charge(12, for: 2))
        #expect(bodies.stall() == [])
        #expect(admission.stalled() == [1])
    }
}
