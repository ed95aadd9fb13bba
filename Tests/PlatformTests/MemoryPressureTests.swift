import Testing

@testable import Platform

struct MemoryPressureTests {
    private typealias Step = MemoryPressure.Step

    /// Looks at a process under a ceiling of 1,000 bytes: seconds, bytes in use, what begins and ends then.
    private struct Look {
        let seconds: UInt64
        let used: UInt64
        var begins: [Int] = []
        var ends: [Int] = []
        var isOver = false
    }

    private func run(_ looks: [Look], sourceLocation: SourceLocation = #_sourceLocation) {
        var pressure = MemoryPressure()
        for look in looks {
            let actions = pressure.observed(
                usedBytes: look.used, ceilingBytes: 1_000, nowNs: look.seconds * 1_000_000_000)
            var (begins, ends): ([Int], [Int]) = ([], [])
            for action in actions {
                switch action {
                case .begins(let step, _): begins.append(step.rawValue)
                case .ends(let step): ends.append(step.rawValue)
                case .isOver: break
                }
            }
            #expect(begins == look.begins, "after \(look.seconds) s", sourceLocation: sourceLocation)
            #expect(ends == look.ends, "after \(look.seconds) s", sourceLocation: sourceLocation)
            #expect(
                actions.contains(.isOver) == look.isOver, "after \(look.seconds) s",
                sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: [(1, 800), (2, 850), (3, 880), (4, 920), (5, 950)] as [(Int, UInt64)])
    func aStepBeginsAtItsMark(step: Int, mark: UInt64) {
        let below = Array(1..<step)
        run([Look(seconds: 1, used: mark - 1, begins: below), Look(seconds: 2, used: mark, begins: [step])])
    }

    @Test func allStepsBeginAtOneLookInTheirOrder() {
        run([Look(seconds: 1, used: 5_000, begins: [1, 2, 3, 4, 5])])
    }

    @Test func aStepEndsOnceTheMemoryWasFarBelowItsMarkForHalfAMinute() {
        run([
            Look(seconds: 0, used: 800, begins: [1]),
            // Below the mark, but not by so much.
            Look(seconds: 100, used: 750),
            Look(seconds: 101, used: 749), Look(seconds: 129, used: 749),
            Look(seconds: 130, used: 749, ends: [1], isOver: true),
        ])
    }

    @Test func theHalfMinuteBeginsAnewWithEachLookAbove() {
        run([
            Look(seconds: 0, used: 850, begins: [1, 2]), Look(seconds: 29, used: 700),
            Look(seconds: 30, used: 800), Look(seconds: 59, used: 700),
            Look(seconds: 60, used: 700, ends: [2, 1], isOver: true),
        ])
    }

    @Test func stepsEndInTheReverseOrderEachByItsOwnMark() {
        run([
            Look(seconds: 0, used: 950, begins: [1, 2, 3, 4, 5]),
            Look(seconds: 10, used: 899), Look(seconds: 30, used: 880, ends: [5]),
            // At 87 % or above for the last time at 30 s, at 83 % or above at 60 s.
            Look(seconds: 59, used: 840), Look(seconds: 60, used: 840, ends: [4]),
            Look(seconds: 89, used: 100), Look(seconds: 90, used: 100, ends: [3, 2, 1], isOver: true),
        ])
    }

    @Test func whatBeginsAgainIsNotSaidAgainUntilAllWasOver() {
        var pressure = MemoryPressure()
        func begins(_ used: UInt64, _ seconds: UInt64) -> [Bool] {
            pressure.observed(usedBytes: used, ceilingBytes: 1_000, nowNs: seconds * 1_000_000_000)
                .compactMap { action -> Bool? in
                    guard case .begins(_, let isFirst) = action else { return nil }
                    return isFirst
                }
        }
        #expect(begins(850, 0) == [true, true])
        #expect(begins(760, 31).isEmpty && pressure.step == .bodiesWait)
        #expect(begins(850, 32) == [false])
        #expect(begins(0, 80).isEmpty && pressure.step == nil)
        #expect(begins(800, 81) == [true])
    }

    @Test func roomReachesBeyondTheFourthMarkThenToTheFifthThenNowhere() {
        var pressure = MemoryPressure()
        #expect(pressure.leftBytes(usedBytes: 0, ceilingBytes: 1_000) == 930)
        // What takes all of it is above the mark at the next look.
        #expect(pressure.leftBytes(usedBytes: 919, ceilingBytes: 1_000) == 11)
        #expect(pressure.leftBytes(usedBytes: 2_000, ceilingBytes: 1_000) == 0)
        // Int.max would stand for no ceiling.
        #expect(pressure.leftBytes(usedBytes: 0, ceilingBytes: .max) == .max - 1)
        _ = pressure.observed(usedBytes: 920, ceilingBytes: 1_000, nowNs: 0)
        #expect(pressure.leftBytes(usedBytes: 920, ceilingBytes: 1_000) == 30)
        _ = pressure.observed(usedBytes: 950, ceilingBytes: 1_000, nowNs: 0)
        // Until the step ends there is none, though memory became free.
        #expect(pressure.leftBytes(usedBytes: 100, ceilingBytes: 1_000) == 0)
    }

    @Test func looksAreSeldomWhereTheCeilingIsFar() {
        #expect(MemoryPressure.nextLookMs(usedBytes: 499, ceilingBytes: 1_000) == 1_000)
        #expect(MemoryPressure.nextLookMs(usedBytes: 500, ceilingBytes: 1_000) == 250)
    }

    /// Whatever the memory does: steps begin one above the other and end from the top.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func stepsAreAStack(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var pressure = MemoryPressure()
        var last = 0
        var nowNs: UInt64 = 0
        for _ in 0..<20_000 {
            nowNs += random.next() % 20_000_000_000
            let used = random.next() % 1_100
            for action in pressure.observed(usedBytes: used, ceilingBytes: 1_000, nowNs: nowNs) {
                switch action {
                case .begins(let step, _):
                    last += 1
                    #expect(step.rawValue == last)
                case .ends(let step):
                    #expect(step.rawValue == last)
                    last -= 1
                case .isOver: #expect(last == 0)
                }
            }
            #expect(pressure.step?.rawValue ?? 0 == last)
        }
    }
}
