import Testing

@testable import WriteAheadBuffer

struct CursorReplayTests {
    private func at(_ offset: Int) -> BufferPosition { BufferPosition(segment: 1, offset: UInt64(offset)) }

    private func range(_ from: Int, _ to: Int) -> Range<BufferPosition> { at(from)..<at(to) }

    private func answered(_ ranges: [Range<BufferPosition>], upTo mark: Int = 0) -> CursorChange {
        .answered(upTo: at(mark), ranges: ranges)
    }

    /// What is joined late is what is joined change by change.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func joiningLateChangesNothing(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var eager = CursorState(name: "d", mark: at(0))
        var replay = CursorReplay()
        replay.begin(eager)
        var end: UInt64 = 100
        for number in 0..<2_000 as Range<UInt64> {
            let change: CursorChange
            if generator.chance(30) {
                let from = generator.below(100_000)
                change = .sent([number: SentRequest(spans: [range(from, from + 5)])])
            } else {
                let ranges = (0..<generator.below(5)).map { _ in
                    let from = generator.below(100_000)
                    return range(from, from + 1 + generator.below(40))
                }
                change = .answered(
                    upTo: at(generator.chance(1) ? generator.below(20_000) : 0),
                    requests: number > 0 ? [UInt64(generator.below(Int(number)))] : [], ranges: ranges,
                    outcome: ["j": JobOutcome(delivered: 1)])
            }
            let areKnown = (eager.apply(change), replay.apply(change))
            end += 10
            let isRead = replay.isRead(upTo: end)
            #expect(areKnown == (true, true) && isRead)
        }
        let (state, readEnd) = replay.finish()
        #expect(state == eager && readEnd == end, "seed \(seed)")
    }

    /// More ranges than any writer leaves are damage: what stood before counts.
    @Test func whatLeavesTooManyRangesIsDamage() {
        var replay = CursorReplay(mostRanges: 1_500)
        replay.begin(CursorState(name: "d", mark: at(0)))
        var isWhole = replay.isRead(upTo: 100)
        var records = 0
        while isWhole, records < 1_000 {
            let first = 10 + records * 160
            let change = answered((0..<16).map { range(first + $0 * 10, first + $0 * 10 + 5) })
            records += 1
            isWhole = replay.apply(change) && replay.isRead(upTo: UInt64(100 + records))
        }
        #expect(!isWhole && records == 128)
        let (state, end) = replay.finish()
        #expect(state?.answered.count == 1_024 && end == 164)
    }

    @Test func aSnapshotReplacesWhatStoodBeforeAndIsKept() {
        var replay = CursorReplay(mostRanges: 1_500)
        replay.begin(CursorState(name: "d", mark: at(0)))
        var areRead = [replay.isRead(upTo: 100)]
        areRead.append(replay.apply(answered([range(20, 30)])) && replay.isRead(upTo: 110))
        var second = CursorState(name: "d", mark: at(50))
        areRead.append(second.apply(answered([range(70, 80)], upTo: 50)))
        replay.begin(second)
        areRead.append(replay.isRead(upTo: 200))
        let tooMany = answered((0..<2_000).map { range(100 + $0 * 10, 105 + $0 * 10) })
        areRead.append(replay.apply(tooMany) && replay.isRead(upTo: 300))
        #expect(areRead == [true, true, true, true, false])
        let (state, end) = replay.finish()
        #expect(state == second && end == 200)
    }

    @Test func nothingIsReadWithoutASnapshot() {
        var replay = CursorReplay()
        let isApplied = replay.apply(answered([range(1, 2)]))
        #expect(!isApplied)
        let (state, end) = replay.finish()
        #expect(state == nil && end == 0)
    }
}
