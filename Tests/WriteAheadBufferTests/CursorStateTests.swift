import Testing

@testable import WriteAheadBuffer

struct CursorStateTests {
    private func at(_ offset: UInt64, _ sample: UInt32 = 0) -> BufferPosition {
        BufferPosition(segment: 1, offset: offset, sample: sample)
    }

    /// The state after a change; it must say whether the lanes of the change are there.
    private func applied(_ change: CursorChange, to state: CursorState, isKnown: Bool = true) -> CursorState {
        var state = state
        let wasKnown = state.apply(change)
        #expect(wasKnown == isKnown)
        return state
    }

    private func request(_ spans: Range<BufferPosition>...) -> SentRequest { SentRequest(spans: spans) }

    @Test func answersOutOfOrderAreRangesUntilTheMarkReachesThem() {
        var state = CursorState(name: "d", mark: at(0))
        state = applied(
            .sent([
                7: request(at(0)..<at(100)), 8: request(at(100)..<at(200)),
                9: request(at(200)..<at(300, 5)),
            ]), to: state)
        state = applied(
            .answered(
                upTo: at(0), requests: [9], ranges: [at(200)..<at(300, 5)],
                outcome: ["j": .init(delivered: 5)]), to: state)
        #expect(state.mark == at(0) && state.answered.ranges == [at(200)..<at(300, 5)])
        #expect(state.sent.keys.sorted() == [7, 8])
        state = applied(.answered(upTo: at(0), requests: [8], ranges: [at(100)..<at(200)]), to: state)
        #expect(state.answered.ranges == [at(100)..<at(300, 5)], "neighbours are one range")
        state = applied(.answered(upTo: at(100), requests: [7]), to: state)
        #expect(state.mark == at(300, 5), "the mark passes what is answered for beyond it")
        #expect(state.answered.isEmpty && state.sent.isEmpty)
        #expect(state.jobs["j"]?.outcome.delivered == 5)
    }

    @Test func thePartsOfASplitTakeThePlaceOfTheWhole() {
        var state = CursorState(name: "d", mark: at(0))
        _ = state.apply(.sent([1: request(at(0)..<at(200))]))
        let parts = [2: request(at(0)..<at(100, 3)), 3: request(at(100, 3)..<at(200))]
        _ = state.apply(
            .sent([2: request(at(0)..<at(100, 3)), 3: request(at(100, 3)..<at(200))], replacing: [1]))
        #expect(state.sent.count == 2 && state.sent[3] == parts[3])
        _ = state.apply(.sent([:], replacing: [2, 3]))
        #expect(state.sent.isEmpty)
    }

    @Test func aRequestOfALaneThatIsNotThereIsRefused() {
        let state = CursorState(name: "d", mark: at(0))
        _ = applied(.sent([2: SentRequest(lane: 2, upTo: at(1), from: at(0))]), to: state, isKnown: false)
    }

    @Test func spansThatDoNotAscendAreRefused() {
        for (spans, isRead) in [
            ([at(0)..<at(10), at(10)..<at(20)], true), ([at(0)..<at(10), at(9)..<at(20)], false),
            ([at(10)..<at(20), at(0)..<at(10)], false),
        ] {
            var buffer = RecordBuffer()
            CursorCoding.put(.sent([1: SentRequest(spans: spans)]), into: &buffer)
            let bytes = buffer.bytes
            let read = CursorCoding.change(bytes.span)
            #expect((read != nil) == isRead)
        }
    }

    /// A record alone holds no more requests than all of a cursor, and no more lanes than version 2 had.
    @Test(arguments: [0, 1]) func aRecordWithMoreThanAWindowEverHoldsIsRefused(more: Int) {
        let numbers = 0..<UInt64(InFlightSize.mostRequests + more)
        let request = SentRequest(spans: [])
        var record = RecordBuffer()
        CursorCoding.put(
            .sent(Dictionary(uniqueKeysWithValues: numbers.map { ($0, request) })), into: &record)
        let requests = record.bytes
        #expect((CursorCoding.change(requests.span) != nil) == (more == 0))
        record.removeAll()
        record.putString("d")
        for _ in 0..<4 { record.putVarint(0) }
        record.putVarint(UInt64(CursorState.mostLanes + more))
        for _ in 0..<3 * (CursorState.mostLanes + more) { record.putVarint(0) }
        for _ in 0..<2 { record.putVarint(0) }
        let lanes = record.bytes
        #expect((CursorCoding.state(lanes.span) != nil) == (more == 0))
    }

    /// What is known of the receiver stands behind everything else, or not at all.
    @Test func theReceiverIsKnownAgain() throws {
        var state = CursorState(name: "d", mark: at(7))
        #expect(state.receiver == nil)
        var plain = RecordBuffer()
        CursorCoding.put(state, into: &plain)
        for version in [UInt8(0), 1, 2] {
            let note = ReceiverNote(receiver: 0x0102, protocolVersion: version, foundMs: 1_700_000_000_000)
            state = applied(.receiver(note), to: state)
            #expect(state.receiver == note)
            var buffer = RecordBuffer()
            CursorCoding.put(state, into: &buffer)
            let bytes = buffer.bytes
            #expect(bytes.count == plain.bytes.count + 17 && bytes.starts(with: plain.bytes))
            #expect(CursorCoding.state(bytes.span) == state)
            for length in plain.bytes.count + 1..<bytes.count {
                let cut = Array(bytes[..<length])
                #expect(CursorCoding.state(cut.span) == nil)
            }
        }
        _ = state.apply(.sent([:], replacing: []))
        #expect(state.receiver != nil)
    }

    /// Whatever a cursor holds is read as it was written, and no beginning of it is taken for another.
    @Test(arguments: 1...10 as ClosedRange<UInt64>) func whatIsWrittenIsRead(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func span() -> Range<BufferPosition> {
            let from = at(UInt64(generator.below(1 << 20)), UInt32(generator.below(3)))
            return
                from..<BufferPosition(
                    segment: from.segment + UInt64(generator.below(3)), offset: from.offset + 1, sample: 0)
        }
        func sent() -> [UInt64: SentRequest] {
            var requests: [UInt64: SentRequest] = [:]
            for _ in 0..<generator.below(5) {
                requests[generator.next()] = SentRequest(
                    spans: (0..<generator.below(4)).map { number in
                        var (from, to) = (span().lowerBound, span().upperBound)
                        // Each behind the one before.
                        from.segment += UInt64(number) * 8
                        to.segment = from.segment + 4
                        return from..<to
                    },
                    omissions: (0..<generator.below(3)).map { _ in
                        BufferOmission(
                            start: span().lowerBound, count: UInt32(generator.below(9)), reason: "r")
                    }, protocolVersion: UInt8(1 + generator.below(2)), options: generator.next())
            }
            return requests
        }
        var ranges = AnsweredRanges()
        for _ in 0..<20 { ranges.insert(span()) }
        let lanes = (0..<generator.below(3)).map { _ in span().lowerBound }
        let jobs = [
            "a": CursorState.Job(
                baseAppended: -7, baseFailed: 3, outcome: JobOutcome(delivered: 9, dropped: ["x": 1, "y": 2]))
        ]
        let mark = ranges.pass(at(0))
        guard
            let state = CursorState(
                name: "d", mark: mark, answered: ranges, lanes: lanes, sent: sent(), jobs: jobs)
        else {
            Issue.record("a cursor that may be")
            return
        }
        var buffer = RecordBuffer()
        CursorCoding.put(state, into: &buffer)
        let whole = buffer.bytes
        let read = CursorCoding.state(whole.span)
        #expect(read == state)
        for length in 0..<whole.count {
            let cut = Array(whole[..<length])
            let read = CursorCoding.state(cut.span)
            #expect(read == nil)
        }
        let changes: [CursorChange] = [
            .sent(sent(), replacing: [1, generator.next()]),
            .answered(
                upTo: span().lowerBound, requests: [2], ranges: [span()], outcome: ["j": .init(delivered: 1)]
            ),
            .receiver(ReceiverNote(receiver: generator.next(), protocolVersion: 1, foundMs: -1)),
            .renamed(to: "name of another"),
        ]
        for change in changes {
            var buffer = RecordBuffer()
            CursorCoding.put(change, into: &buffer)
            let whole = buffer.bytes
            let read = CursorCoding.change(whole.span)
            #expect(read == change)
            for length in 0..<whole.count {
                let cut = Array(whole[..<length])
                let read = CursorCoding.change(cut.span)
                #expect(read == nil)
            }
        }
    }
}
