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
        _ = replay.begin(eager)
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
        _ = replay.begin(CursorState(name: "d", mark: at(0)))
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
        var areRead = [replay.begin(CursorState(name: "d", mark: at(0)))]
        areRead.append(replay.isRead(upTo: 100))
        areRead.append(replay.apply(answered([range(20, 30)])) && replay.isRead(upTo: 110))
        var second = CursorState(name: "d", mark: at(50))
        areRead.append(second.apply(answered([range(70, 80)], upTo: 50)))
        areRead.append(replay.begin(second) && replay.isRead(upTo: 200))
        let tooMany = answered((0..<2_000).map { range(100 + $0 * 10, 105 + $0 * 10) })
        areRead.append(replay.apply(tooMany) && replay.isRead(upTo: 300))
        #expect(areRead == [true, true, true, true, true, false])
        let (state, end) = replay.finish()
        #expect(state == second && end == 200)
    }

    /// As many as are in flight at the most, over any number of records: one more is damage.
    @Test func moreRequestsThanAreEverInFlightAreDamage() {
        var replay = CursorReplay()
        _ = replay.begin(CursorState(name: "d", mark: at(0)))
        let request = SentRequest(spans: [range(1, 2)])
        func sent(_ numbers: Range<UInt64>, replacing replaced: [UInt64] = []) -> CursorChange {
            .sent(Dictionary(uniqueKeysWithValues: numbers.map { ($0, request) }), replacing: replaced)
        }
        let most = UInt64(InFlightSize.mostRequests)
        var areRead: [Bool] = []
        for first in stride(from: 0, to: most, by: 1 << 14) {
            areRead.append(replay.apply(sent(first..<first + 1 << 14)) && replay.isRead(upTo: 100 + first))
        }
        // What replaces others takes no more room, and neither does what has the number of another.
        areRead.append(replay.apply(sent(most..<most + 2, replacing: [0, 1, 1])))
        areRead.append(replay.apply(sent(5..<9)))
        areRead.append(replay.apply(.answered(upTo: at(0), requests: [5, 5])))
        areRead.append(replay.apply(sent(5..<6)) && replay.isRead(upTo: 1 << 20))
        #expect(areRead == [Bool](repeating: true, count: 8))
        let isOneMoreRead = replay.apply(sent(most + 2..<most + 3))
        #expect(!isOneMoreRead)
        let (state, end) = replay.finish()
        #expect(state?.sent.count == InFlightSize.mostRequests && end == 1 << 20)
    }

    @Test func theSpansAndOmissionsOfAllRequestsTogetherAreBounded() {
        let spans = (0..<1 << 18).map { range($0 * 2, $0 * 2 + 1) }
        let omissions = spans.map { BufferOmission(start: $0.lowerBound, count: 1, reason: "r") }
        for request in [SentRequest(spans: spans), SentRequest(spans: [], omissions: omissions)] {
            var replay = CursorReplay()
            _ = replay.begin(CursorState(name: "d", mark: at(0)))
            let areRead = (0..<5).map { replay.apply(.sent([$0: request])) }
            #expect(areRead == [true, true, true, true, false])
        }
    }

    /// What is beyond every segment there may be is damage: a mark there would never be passed again.
    @Test func noRecordLeadsBeyondTheLastSegment() {
        let far = BufferPosition(segment: 6, offset: 0)
        let forged: [CursorChange] = [
            .answered(upTo: far), .answered(upTo: at(0), ranges: [at(5)..<far]),
            .sent([1: SentRequest(spans: [at(5)..<far])]),
        ]
        for (mostSegment, isRead) in [(UInt64(5), false), (6, true)] {
            for change in forged {
                var replay = CursorReplay(mostSegment: mostSegment)
                let isBegun = replay.begin(CursorState(name: "d", mark: at(0)))
                let isApplied = replay.apply(change)
                #expect(isBegun && isApplied == isRead)
                guard !isRead else { continue }
                let (state, _) = replay.finish()
                #expect(state == CursorState(name: "d", mark: at(0)))
            }
            var replay = CursorReplay(mostSegment: mostSegment)
            let isBegun = replay.begin(CursorState(name: "d", mark: far))
            #expect(isBegun == isRead)
        }
    }

    @Test func aLaterSnapshotNeverGoesBackNorToAnotherDestination() {
        var replay = CursorReplay()
        _ = replay.begin(CursorState(name: "d", mark: at(50))) && replay.isRead(upTo: 100)
        let isApplied = replay.apply(answered([range(60, 70)], upTo: 60))
        _ = replay.isRead(upTo: 110)
        var areRead = [isApplied]
        for (name, mark) in [("d", 59), ("e", 80)] {
            areRead.append(replay.begin(CursorState(name: name, mark: at(mark))))
        }
        #expect(areRead == [true, false, false])
        let (state, end) = replay.finish()
        #expect(state?.name == "d" && state?.mark == at(70) && end == 110)
    }

    @Test func nothingIsReadWithoutASnapshot() {
        var replay = CursorReplay()
        let isApplied = replay.apply(answered([range(1, 2)]))
        #expect(!isApplied)
        let (state, end) = replay.finish()
        #expect(state == nil && end == 0)
    }
}
