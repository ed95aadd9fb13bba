import Logging
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Agent

/// When the keeper uses its means: gives free memory back, and closes connections that idle.
struct MemoryKeeperMeansTests {
    private static let mib: UInt64 = 1 << 20
    private let process = FakeProcess()
    private let keeper: MemoryKeeper

    init() {
        keeper = MemoryKeeper(
            MemoryCeiling(bytes: 100 << 20, source: .flag), account: MemoryAccount(memoryBytes: 100 << 20),
            registry: MetricRegistry(), logger: LogLines().logger, leastSeries: 0,
            runsLog: {
                $0()
                return true
            })
    }

    /// A look at so many MiB after so many seconds.
    private func look(_ mebibytes: UInt64, _ seconds: UInt64) -> Int {
        process.set { $0.usedBytes = mebibytes * Self.mib }
        return keeper.look(process.means, nowNs: seconds * 1_000_000_000)
    }

    @Test func whatIsFreedWhileTheMemoryFallsGoesBackUntilTheStepsEnd() {
        _ = look(81, 1)
        #expect(process.givenBack == 0 && keeper.stepNumber == 1)
        for second in 2...11 { _ = look(79, UInt64(second)) }
        #expect(process.givenBack == 1)
        for second in 12...21 { _ = look(79, UInt64(second)) }
        #expect(process.givenBack == 2 && keeper.stepNumber == 1)
        for second in 22...49 { _ = look(60, UInt64(second)) }
        #expect(process.givenBack == 5 && keeper.stepNumber == 1)
        for second in 50...200 { _ = look(60, UInt64(second)) }
        // And five times when they have ended.
        #expect(process.givenBack == 10 && keeper.stepNumber == 0)
    }

    @Test func memoryThatRoseWithoutAStepGoesBackAndPagesOfTheProgramAreNone() {
        for second in 1...5 { _ = look(20, UInt64(second)) }
        process.set { $0.fileBytes = 20 * Self.mib }
        for second in 6...200 { _ = look(40, UInt64(second)) }
        #expect(process.givenBack == 0)
        for second in 201...300 { _ = look(60, UInt64(second)) }
        #expect(process.givenBack == 5 && keeper.stepNumber == 0)
    }

    @Test func idleConnectionsCloseOnceAStormIsOver() {
        _ = look(86, 1)
        for second in 2...200 { _ = look(60, UInt64(second)) }
        #expect(process.relaxed == 2 && keeper.stepNumber == 0)
    }

    /// All targets and receivers would shake hands again, whenever a large body has come.
    @Test func idleConnectionsStayWhereBodiesHadToWaitAtMost() {
        for storm in 0...9 as ClosedRange<UInt64> {
            _ = look(81, 100 * storm + 1)
            for second in 2...99 as ClosedRange<UInt64> { _ = look(60, 100 * storm + second) }
            #expect(process.relaxed == 0 && keeper.stepNumber == 0)
        }
        // Nor do they close for what was long ago.
        _ = look(86, 1_001)
        for second in 1_002...1_099 as ClosedRange<UInt64> { _ = look(60, second) }
        #expect(process.relaxed == 2)
        _ = look(81, 1_101)
        for second in 1_102...1_199 as ClosedRange<UInt64> { _ = look(60, second) }
        #expect(process.relaxed == 2 && keeper.stepNumber == 0)
    }

    @Test func memoryIsNotGivenBackTwiceAtOneLook() {
        for fall in 2...60 as ClosedRange<UInt64> {
            let other = MemoryKeeperMeansTests()
            for second in 1...200 as ClosedRange<UInt64> {
                let before = other.process.givenBack
                _ = other.look(second == 1 ? 81 : second < fall ? 79 : 60, second)
                #expect(other.process.givenBack <= before + 1, "\(fall), \(second)")
            }
            #expect(other.keeper.stepNumber == 0)
        }
    }

    /// What an agent at its ceiling gives up for nothing may not cost it for good.
    @Test func whereGivingBackWinsNothingItIsSeldom() {
        for second in 0...600 { _ = look(89, UInt64(second)) }
        #expect(process.givenBack == 7 && process.relaxed == 1 && keeper.stepNumber == 3)
        // Before something is refused it is tried again.
        _ = look(92, 601)
        #expect(process.givenBack == 8)
    }

    @Test func connectionsCloseAgainWithTheFirstMemoryThatGoesBack() {
        _ = look(86, 1)
        #expect(process.relaxed == 1 && process.givenBack == 0)
        for second in 2...20 { _ = look(89, UInt64(second)) }
        #expect(process.relaxed == 2 && process.givenBack == 2)
    }
}
