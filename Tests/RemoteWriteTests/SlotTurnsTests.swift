import Platform
import Testing

@testable import RemoteWrite

struct SlotTurnsTests {
    @Test func aTurnWakesOneSlotAndNotAll() {
        let turns = SlotTurns(DestinationLessons(WindowSize(least: 2, most: 2)))
        let slots = (0..<4).map { _ in Event() }
        for _ in slots { turns.began() }
        #expect(turns.take(slots[0]) == .mine)
        for slot in slots[1...] { #expect(turns.take(slot) == .wait) }
        #expect(!turns.claimed(), "three slots wait")
        #expect(slots.map(\.count) == [0, 0, 0, 1])
        #expect(turns.take(slots[3]) == .mine)
        _ = turns.claimed()
        #expect(slots.map(\.count) == [0, 0, 0, 1] && turns.flying == 2, "as many fly as may")
        turns.released()
        #expect(slots.map(\.count) == [0, 0, 0, 1], "the slot of the request that is over asks next")
        #expect(turns.take(slots[0]) == .mine)
        turns.give()
        #expect(slots.map(\.count) == [0, 0, 1, 1])
        // It ends instead of asking.
        turns.ended(slots[2], isIdle: true)
        #expect(slots.map(\.count) == [0, 1, 1, 1] && turns.slots == 3)
        #expect(turns.take(slots[1]) == .mine)
        #expect(turns.take(slots[0]) == .wait)
        turns.give(isFinished: true)
        #expect(slots.map(\.count) == [1, 1, 1, 1])
        #expect(turns.take(slots[0]) == .stop)
    }

    @Test func aSlotThatEndsIsNotWoken() {
        let turns = SlotTurns(DestinationLessons(WindowSize(least: 2, most: 2)))
        let slots = (0..<3).map { _ in Event() }
        for _ in slots { turns.began() }
        #expect(turns.take(slots[0]) == .mine)
        for slot in slots[1...] { #expect(turns.take(slot) == .wait) }
        turns.ended(slots[2], isIdle: true)
        turns.give()
        #expect(slots.map(\.count) == [0, 1, 0])
    }

    /// Under a drain a slot ends with its claim: its place in the window is another's.
    @Test func aClaimWhoseSlotHasEndedKeepsNobodyWaiting() {
        let turns = SlotTurns(DestinationLessons(WindowSize(least: 1, most: 1)))
        let (first, second) = (Event(), Event())
        for _ in 0..<2 { turns.began() }
        #expect(turns.take(first) == .mine)
        _ = turns.claimed()
        #expect(turns.take(second) == .wait && turns.flying == 1)
        turns.ended(first, isIdle: false)
        #expect(second.count == 1 && turns.flying == 0, "no answer will come")
        #expect(turns.take(second) == .mine)
    }

    @Test func anotherSlotIsOfUseWhileAllHaveClaims() {
        let turns = SlotTurns(DestinationLessons(WindowSize(least: 2, most: 2)))
        turns.began()
        #expect(turns.take(Event()) == .mine)
        #expect(turns.claimed())
        turns.began()
        #expect(turns.take(Event()) == .mine)
        #expect(!turns.claimed(), "no more may fly")
    }
}
