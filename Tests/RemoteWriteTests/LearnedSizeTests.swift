import Platform
import Testing

@testable import RemoteWrite

@Suite struct LearnedSizeTests {
    private static let minuteNs: UInt64 = 60_000_000_000

    /// A size with a generator of its own, and a clock in minutes.
    private struct Learner {
        var size = LearnedSize(fullBytes: 800_000)
        var random = SplitMix64(seed: 7)
        var minute: Double = 1

        var nowNs: UInt64 { UInt64(minute * Double(LearnedSizeTests.minuteNs)) }

        mutating func refused(_ bytes: Int, samples: Int = 100) -> LearnedSize.Change? {
            size.refused(bytes: bytes, samples: samples, nowNs, &random)
        }

        mutating func stored(_ bytes: Int) -> LearnedSize.Change? { size.stored(bytes: bytes, nowNs) }
    }

    @Test func aRefusalHalvesTheSize() {
        var learner = Learner()
        #expect(learner.size.limitBytes == nil)
        #expect(learner.refused(800_000) == .limited(toBytes: 400_000))
        #expect(learner.refused(400_000) == .limited(toBytes: 200_000))
        #expect(learner.refused(800_000) == nil, "a request cut before the limit was known teaches nothing")
        #expect(learner.size.limitBytes == 200_000)
    }

    @Test func aSizeThatWasStoredIsKept() {
        var learner = Learner()
        _ = learner.stored(500_000)
        #expect(learner.refused(800_000) == .limited(toBytes: 500_000))
        #expect(learner.refused(500_000) == .limited(toBytes: 250_000), "the receiver takes less than before")
    }

    @Test func theSizeIsRaisedOnceAMinuteWhileRequestsComeNearIt() {
        var learner = Learner()
        _ = learner.refused(800_000)
        learner.minute += 0.9
        _ = learner.stored(400_000)
        #expect(learner.size.limitBytes == 400_000)
        learner.minute += 0.1
        _ = learner.stored(100_000)
        #expect(learner.size.limitBytes == 400_000, "a small request tells nothing about the limit")
        _ = learner.stored(399_000)
        #expect(learner.size.limitBytes == 450_000)
        learner.minute += 5
        _ = learner.stored(400_000)
        #expect(learner.size.limitBytes == 450_000, "a raise is proved before the next")
        _ = learner.stored(449_000)
        learner.minute += 1
        _ = learner.stored(449_000)
        #expect(learner.size.limitBytes == 506_250)
    }

    @Test func aRefusedRaiseIsTakenBackAndTriedAgainAfterTwiceTheTime() {
        var learner = Learner()
        _ = learner.refused(800_000)
        var raises: [Double] = []
        for _ in 0..<4_000 {
            learner.minute += 0.1
            _ = learner.stored(min(399_999, learner.size.limitBytes ?? 0))
            if let limit = learner.size.limitBytes, limit > 400_000 {
                raises.append(learner.minute)
                #expect(learner.refused(limit) == .limited(toBytes: 400_000))
            }
        }
        let gaps = zip(raises.dropFirst(), raises).map { Int(($0 - $1).rounded()) }
        #expect(gaps.prefix(8) == [2, 4, 8, 16, 32, 60, 60, 60])
    }

    @Test func aSizeThatGrewToTheFullOneIsForgotten() {
        var learner = Learner()
        _ = learner.refused(800_000)
        var changes: [LearnedSize.Change] = []
        for _ in 0..<20 {
            learner.minute += 1
            if let change = learner.stored((learner.size.limitBytes ?? 800_000) - 1) {
                changes.append(change)
            }
        }
        #expect(changes == [.unlimited])
        #expect(learner.size.limitBytes == nil)
    }

    @Test func aSingleSampleTeachesNothingAboutTheSize() {
        var learner = Learner()
        _ = learner.stored(300_000)
        for bytes in [300_000, 150_000, 75_000, 37_500] { _ = learner.refused(bytes) }
        #expect(learner.refused(200, samples: 1) == nil)
        #expect(!learner.size.refusesEverything)
        #expect(learner.stored(18_000) == .unlimited)
        #expect(learner.size.limitBytes == nil)
    }

    @Test func aSampleTooLargeByItselfDoesNotUndoASizeThatWasProved() {
        var learner = Learner()
        for bytes in [800_000, 400_000, 200_000, 100_000] { _ = learner.refused(bytes) }
        _ = learner.stored(49_000)
        _ = learner.refused(80_000, samples: 1)
        #expect(learner.stored(49_000) == nil)
        #expect(learner.size.limitBytes == 50_000)
        for _ in 0..<3 {
            learner.minute += 1
            _ = learner.stored((learner.size.limitBytes ?? 0) - 1)
        }
        let raised = learner.size.limitBytes
        #expect((raised ?? 0) > 60_000)
        _ = learner.refused(80_000, samples: 1)
        _ = learner.stored(1_000)
        #expect(learner.size.limitBytes == raised, "raises after the descent stay, too")
    }

    @Test func aSampleFarAboveTheLimitLeavesItAsItIs() {
        var learner = Learner()
        _ = learner.refused(100_000)
        _ = learner.refused(600_000, samples: 1)
        _ = learner.stored(49_000)
        #expect(learner.size.limitBytes == 50_000)
    }

    @Test func singleSamplesRefusedOneAfterTheOtherAreWaitedForLongerAndLonger() {
        var learner = Learner()
        _ = learner.refused(400, samples: 2)
        _ = learner.refused(200, samples: 1)
        #expect(learner.size.notBeforeNs == 0)
        var waits: [Int] = []
        for _ in 0..<7 {
            _ = learner.refused(200, samples: 1)
            waits.append(Int((learner.size.notBeforeNs - learner.nowNs) / 1_000_000))
            learner.minute += 2
        }
        for (wait, most) in zip(waits, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]) {
            #expect(wait >= most / 2 && wait <= most)
        }
        #expect(learner.size.refusesEverything)
        _ = learner.stored(200)
        #expect(!learner.size.refusesEverything && learner.size.notBeforeNs == 0)
        #expect(learner.size.limitBytes == nil, "the limit does not stay at one sample")
    }
}
