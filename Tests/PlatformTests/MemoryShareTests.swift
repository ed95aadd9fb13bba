import Testing

@testable import Platform

struct MemoryShareTests {
    @Test func ownersShareHalfOfTheKindEquallyWhateverIsHeld() {
        let account = MemoryAccount(readingBytes: 1_000)
        let first = MemoryShare(account, .reading)
        #expect(first.limitBytes == 500)
        var second: MemoryShare? = MemoryShare(account, .reading, leastBytes: 300)
        #expect(first.limitBytes == 250 && second?.limitBytes == 300)
        second?.change(by: 5_000)
        let hold = MemoryHold(account, .reading)
        hold.set(5_000)
        first.change(by: 249)
        #expect(!first.isUsedUp && second?.isUsedUp == true)
        first.change(by: 1)
        #expect(first.isUsedUp && first.heldBytes == 250)
        #expect(account.usedBytes(of: .reading) == 10_250)
        second = nil
        #expect(!first.isUsedUp && first.limitBytes == 500)
        #expect(account.usedBytes(of: .reading) == 5_250)
    }
}
