import Platform
import Testing

@testable import RemoteWrite

struct ParkedSlotsTests {
    @Test func theLastIsWokenFirstAndOnce() {
        var parked = ParkedSlots()
        let slots = (0..<3).map { _ in Event() }
        for slot in slots { parked.park(slot) }
        parked.leave(slots[1])
        #expect(parked.next() === slots[2])
        #expect(parked.next() === slots[0])
        #expect(parked.next() == nil)
    }

    @Test func allLeaveAtTheEnd() {
        var parked = ParkedSlots()
        let slots = (0..<3).map { _ in Event() }
        for slot in slots { parked.park(slot) }
        #expect(parked.leaveAll().count == 3)
        #expect(parked.leaveAll().isEmpty && parked.next() == nil)
    }
}
