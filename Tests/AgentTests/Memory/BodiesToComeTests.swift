import Platform
import Telemetry
import TestSupport
import Testing

@testable import Agent

struct BodiesToComeTests {
    private static let second: UInt64 = 1_000_000_000
    private static let mib: UInt64 = 1 << 20

    @Test func whatBodiesHeldIsExpectedForTwentySecondsAtTheMost() {
        var bodies = BodiesToCome()
        func look(_ peak: Int, _ used: Int, at second: UInt64) -> UInt64 {
            bodies.observed(peakBytes: peak, usedBytes: used, nowNs: second * Self.second)
        }
        #expect(look(0, 0, at: 1) == 0)
        #expect(look(30, 10, at: 2) == 20)
        #expect(look(10, 5, at: 8) == 25)
        #expect(look(40, 40, at: 9) == 0)
        #expect(look(40, 0, at: 11) == 40)
        #expect(look(0, 0, at: 20) == 40)
        // The window that began at 11 had 40 in it as well.
        #expect(look(7, 0, at: 21) == 40)
        #expect(look(1, 0, at: 31) == 7)
        #expect(look(0, 0, at: 41) == 1)
        #expect(look(0, 0, at: 51) == 0)
        #expect(look(9, 0, at: 55) == 9)
        #expect(look(0, 0, at: 200) == 0)
    }

    /// Series do not fill the memory that large bodies need every few seconds.
    @Test func theyCountAsUsed() {
        let process = FakeProcess()
        let account = MemoryAccount(memoryBytes: 100 << 20)
        let lines = LogLines()
        let keeper = MemoryKeeper(
            MemoryCeiling(bytes: 100 << 20, source: .flag), account: account, registry: MetricRegistry(),
            logger: lines.logger, leastSeries: 0,
            runsLog: {
                $0()
                return true
            })
        func look(_ mebibytes: UInt64, at second: UInt64) {
            process.set { $0.usedBytes = mebibytes * Self.mib }
            _ = keeper.look(process.means, nowNs: second * Self.second)
        }
        look(50, at: 1)
        #expect(keeper.room.leftBytes == 43 << 20)
        #expect(account.charge(20 << 20, to: .bodies))
        look(70, at: 2)
        #expect(keeper.room.leftBytes == 23 << 20 && keeper.stepNumber == 0)
        account.discharge(20 << 20, from: .bodies)
        look(50, at: 3)
        #expect(keeper.room.leftBytes == 23 << 20)
        look(64, at: 4)
        #expect(keeper.stepNumber == 1)
        // They are not counted against themselves.
        #expect(account.limitBytes(of: .bodies) == 18 << 20)
        let line = lines.all("fewer response bodies").first ?? ""
        #expect(line.contains("bodies_to_come_bytes=\(20 << 20) "))
        #expect(line.contains("resident_bytes=\(64 << 20) "))
        look(50, at: 40)
        #expect(keeper.room.leftBytes == 43 << 20)
        look(50, at: 71)
        #expect(keeper.stepNumber == 0)
    }
}
