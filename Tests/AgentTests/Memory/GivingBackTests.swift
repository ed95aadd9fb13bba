import Testing

@testable import Agent

struct GivingBackTests {
    private static let second: UInt64 = 1_000_000_000

    /// The seconds at which memory is given back of an agent that uses `used` and has `left` then, of a
    /// ceiling of a thousand.
    private func times(
        _ seconds: Range<UInt64>, used: (UInt64) -> UInt64, left: (UInt64) -> UInt64
    ) -> [UInt64] {
        var givingBack = GivingBack()
        return seconds.filter { second in
            let (used, left) = (used(second), left(second))
            let nowNs = second * Self.second
            guard givingBack.isDue(usedBytes: used, ceilingBytes: 1_000, isUrgent: false, nowNs: nowNs)
            else { return false }
            givingBack.done(fromBytes: used, toBytes: left, ceilingBytes: 1_000, nowNs: nowNs)
            return true
        }
    }

    @Test func thePauseGrowsWhereNothingIsWon() {
        let times = times(0..<1_300, used: { _ in 890 }, left: { _ in 881 })
        #expect(times == [0, 10, 20, 40, 80, 160, 320, 620, 920, 1_220])
    }

    @Test func whereMuchIsWonItStaysShort() {
        #expect(times(0..<50, used: { _ in 890 }, left: { _ in 880 }) == [0, 10, 20, 30, 40])
    }

    @Test func aChangeOfTheMemoryMakesItShortAgain() {
        let times = times(0..<400, used: { $0 < 350 ? 890 : 910 }, left: { $0 < 350 ? 890 : 910 })
        #expect(times == [0, 10, 20, 40, 80, 160, 320, 350, 360, 370, 390])
    }

    /// Bodies come and go.
    @Test func memoryThatGoesUpAndDownIsNotTriedForEver() {
        let used: (UInt64) -> UInt64 = { $0 % 7 < 4 ? 880 : 915 }
        #expect(times(0..<1_000, used: used, left: used).count <= 14)
    }

    @Test func beforeSomethingIsRefusedItIsDueAfterTenSeconds() {
        var givingBack = GivingBack()
        for second in [0, 10, 20, 40, 80] as [UInt64] {
            givingBack.done(
                fromBytes: 890, toBytes: 890, ceilingBytes: 1_000, nowNs: second * Self.second)
        }
        func isDue(_ second: UInt64, isUrgent: Bool) -> Bool {
            givingBack.isDue(
                usedBytes: 891, ceilingBytes: 1_000, isUrgent: isUrgent, nowNs: second * Self.second)
        }
        #expect(!isDue(89, isUrgent: true) && isDue(90, isUrgent: true) && !isDue(90, isUrgent: false))
    }
}
