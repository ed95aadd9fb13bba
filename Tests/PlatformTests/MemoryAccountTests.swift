import Testing

@testable import Platform

struct MemoryAccountTests {
    @Test func aChargeThatDoesNotFitChangesNothing() {
        let account = MemoryAccount(bodiesBytes: 100)
        #expect(account.charge(60, to: .bodies))
        #expect(!account.charge(41, to: .bodies))
        #expect(account.usedBytes(of: .bodies) == 60)
        #expect(account.charge(40, to: .bodies))
        account.discharge(100, from: .bodies)
        #expect(account.usedBytes(of: .bodies) == 0)
        #expect(!account.charge(101, to: .bodies))
    }

    @Test(
        arguments: [
            (512 << 20, 128 << 20), (16 << 20, 8 << 20), (64 << 30, 4 << 30), (nil, 1 << 30),
            (.max, 4 << 30),
        ] as [(UInt64?, Int)])
    func eachKindHasAQuarterWithinBounds(memoryBytes: UInt64?, bytes: Int) {
        let account = MemoryAccount(memoryBytes: memoryBytes)
        #expect(account.limitBytes(of: .bodies) == bytes)
        #expect(account.limitBytes(of: .reading) == bytes)
    }

    @Test func aLimitThatIsMadeLowerHoldsForWhatComes() {
        let account = MemoryAccount(bodiesBytes: 100, readingBytes: 100)
        #expect(account.charge(80, to: .bodies))
        account.setLimit(of: .bodies, toBytes: 50)
        #expect(account.limitBytes(of: .bodies) == 50)
        #expect(account.limitBytes(of: .reading) == 100)
        #expect(!account.charge(1, to: .bodies))
        account.discharge(40, from: .bodies)
        #expect(account.charge(10, to: .bodies))
        #expect(account.usedBytes(of: .bodies) == 50)
        #expect(!account.charge(1, to: .bodies))
        #expect(account.wholeLimitBytes(of: .bodies) == 100)
        #expect(account.charge(50, to: .bodies, withinWhole: true))
        #expect(!account.charge(1, to: .bodies, withinWhole: true))
    }

    @Test func thePeakIsThatSinceItWasLastAskedFor() {
        let account = MemoryAccount(bodiesBytes: 100, readingBytes: 100)
        #expect(account.charge(60, to: .bodies))
        account.discharge(60, from: .bodies)
        account.change(.bodies, by: 10)
        var peak = account.takePeakBytes(of: .bodies)
        #expect(peak.peak == 60 && peak.used == 10)
        peak = account.takePeakBytes(of: .bodies)
        #expect(peak.peak == 10 && peak.used == 10)
        account.change(.bodies, by: 5)
        account.change(.bodies, by: -15)
        #expect(!account.charge(200, to: .bodies))
        peak = account.takePeakBytes(of: .bodies)
        #expect(peak.peak == 15 && peak.used == 0)
        #expect(account.takePeakBytes(of: .reading).peak == 0)
    }
}
