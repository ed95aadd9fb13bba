import Testing

@testable import HTTPTransport

/// The slots behind a reference, so that events can stand inside `#expect`.
private final class Line {
    private var slots: BodySlots

    init(capacity: Int) { slots = BodySlots(capacity: capacity, bytesLimit: 1_000) }

    var state: BodySlots { slots }
    func want(_ id: UInt64, _ sizeBytes: Int = 0, at nowNs: UInt64 = 0) -> Bool {
        slots.want(id, sizeBytes: sizeBytes, nowNs: nowNs)
    }
    func grant(at nowNs: UInt64 = 0) -> [UInt64] { slots.grant(nowNs: nowNs) { _ in 0 } }
    func ended(_ id: UInt64, keepsBody: Bool = false) { slots.ended(id, keepsBody: keepsBody) }
    func received(_ id: UInt64, bytes: Int) { slots.received(id, bytes: bytes) }
    func waitsForMemory(_ id: UInt64) { slots.waitsForMemory(id) }
    func released(_ count: Int) { slots.releasedByConsumers(count) }
    func charge(_ bytes: Int) -> Bool { slots.charge(bytes) }
    func discharge(_ bytes: Int) { slots.discharge(bytes) }
    func slow(at nowNs: UInt64, leftBytes: Int = .max) -> [(id: UInt64, sizeBytes: Int)] {
        slots.takeSlotsOfSlowSenders(nowNs: nowNs, leftBytes: leftBytes)
    }
    /// Each holds 40 bytes and its number of them.
    func stalled(atMost count: Int = 3, beyondBytes bytes: Int = 0) -> [UInt64] {
        slots.stalled(atMost: count, beyondBytes: bytes) { 40 + Int($0) }
    }
}

struct BodySlotsTests {
    /// While memory is scarce a slow sender keeps its slot when there is no room for its body without one.
    @Test func slowSendersKeepTheirSlotsWhereNothingIsLeft() {
        let line = Line(capacity: 3)
        for id in UInt64(1)...3 { #expect(line.want(id, 40)) }
        #expect(!line.want(4))
        #expect(line.slow(at: BodySlots.slowWindowNs, leftBytes: 39).isEmpty)
        #expect(line.slow(at: 3 * BodySlots.slowWindowNs, leftBytes: 80).map(\.sizeBytes) == [40, 40])
        #expect(line.state.slotsInUse == 1)
    }

    /// One that keeps its slot, as there is no room without one, has stalled after four slow windows in turn.
    @Test func slowSendersStallWhereNothingIsLeft() {
        let line = Line(capacity: 3)
        for id in UInt64(1)...3 { #expect(line.want(id, 40 + Int(id))) }
        #expect(!line.want(4))
        for window in UInt64(1)...4 {
            #expect(line.stalled() == [])
            line.received(3, bytes: window == 3 ? BodySlots.slowBytes : 1)
            #expect(line.slow(at: window * BodySlots.slowWindowNs, leftBytes: 0).isEmpty)
        }
        #expect(line.stalled() == [2, 1], "the one that holds most first")
        #expect(line.stalled(atMost: 1) == [2])
        #expect(line.stalled(beyondBytes: 41) == [2])
        // It is as fast as it has to be, although the window is not over.
        line.received(2, bytes: BodySlots.slowBytes)
        #expect(line.stalled() == [1])
        line.waitsForMemory(1)
        #expect(line.stalled() == [])
    }

    /// However often it is looked at, a body that waits for memory has received no more than came.
    @Test func whatWaitsForMemoryHasNotReceivedMore() {
        let line = Line(capacity: 1)
        #expect(line.want(1, 40))
        #expect(!line.want(2))
        for _ in 0..<100 { line.waitsForMemory(1) }
        #expect(line.slow(at: BodySlots.slowWindowNs, leftBytes: 40).isEmpty, "it is not slow")
        #expect(line.slow(at: 2 * BodySlots.slowWindowNs, leftBytes: 40).map(\.sizeBytes) == [40])
    }

    @Test func slotsAreGivenInTheOrderTheyWereWanted() {
        let line = Line(capacity: 2)
        #expect(line.want(1))
        #expect(line.want(2))
        #expect(!line.want(3))
        #expect(!line.want(4))
        #expect(line.state.waiterCount == 2)
        #expect(line.grant() == [])
        line.ended(2)
        #expect(line.grant() == [3])
        line.ended(1, keepsBody: true)
        #expect(line.grant() == [])
        #expect(line.state.slotsInUse == 2)
        line.released(1)
        #expect(line.grant() == [4])
        #expect(!line.state.hasWaiters)
    }

    @Test func nobodyOvertakesThoseInLine() {
        let line = Line(capacity: 1)
        #expect(line.want(1))
        #expect(!line.want(2))
        line.ended(1)
        #expect(!line.want(3))
        #expect(line.grant() == [2])
    }

    @Test func whoLeavesTheLineIsForgotten() {
        let line = Line(capacity: 1)
        #expect(line.want(1))
        #expect(!line.want(2))
        line.ended(2)
        line.ended(1)
        #expect(line.grant() == [])
        #expect(line.state.slotsInUse == 0)
    }

    @Test func slowSendersLoseTheirSlotOnlyWhileOthersWait() {
        let line = Line(capacity: 2)
        #expect(line.want(1, 500))
        #expect(line.want(2))
        let later = BodySlots.slowWindowNs
        #expect(line.slow(at: later).isEmpty)
        #expect(!line.want(3, at: later))
        line.received(1, bytes: BodySlots.slowBytes - 1)
        line.received(2, bytes: BodySlots.slowBytes)
        let slow = line.slow(at: later)
        #expect(slow.map(\.id) == [1])
        #expect(slow.map(\.sizeBytes) == [500 + BodySlots.slowBytes - 1])
        #expect(line.grant(at: later) == [3])
        // The second kept its slot and is measured anew.
        #expect(!line.want(4, at: later))
        #expect(line.slow(at: later + 1).isEmpty)
        #expect(line.slow(at: later * 2).map(\.id).sorted() == [2, 3])
    }

    @Test func bytesWithoutASlotAreBounded() {
        let line = Line(capacity: 1)
        #expect(line.charge(600))
        #expect(!line.charge(401))
        #expect(line.charge(400))
        line.discharge(1_000)
        #expect(line.state.unslottedBytes == 0)
        #expect(!line.charge(1_001))
    }

    @Test func consumersAreBehindWhenTheyHoldEverySlot() {
        let line = Line(capacity: 2)
        for id: UInt64 in 1...2 {
            #expect(line.want(id))
            #expect(!line.state.consumersAreBehind)
            line.ended(id, keepsBody: true)
        }
        #expect(line.state.consumersAreBehind)
        line.released(1)
        #expect(!line.state.consumersAreBehind)
    }
}
