import Testing

@testable import Platform

struct MemoryHoldTests {
    @Test func whatIsHeldIsChargedThoughItDoesNotFitAndGivenBackWithTheOwner() {
        let account = MemoryAccount(readingBytes: 100)
        var first: MemoryHold? = MemoryHold(account, .reading)
        let second = MemoryHold(account, .reading)
        first?.set(60)
        second.set(30)
        #expect(account.usedBytes(of: .reading) == 90)
        second.set(80)
        #expect(account.usedBytes(of: .reading) == 140 && account.usedBytes(of: .bodies) == 0)
        first = nil
        #expect(account.usedBytes(of: .reading) == 80)
        second.set(0)
        #expect(account.usedBytes(of: .reading) == 0)
    }
}
