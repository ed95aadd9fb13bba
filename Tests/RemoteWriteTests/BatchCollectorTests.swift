import MetricModel
import Platform
import Relabel
import Synchronization
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite struct BatchCollectorTests {
    private let clock = ManualClock(wallMs: 10_000_000)
    private let scratch = RequestScratch()

    private func collector(
        bytes: Int = BatchCollector.maxRequestBytes, ageMs: Int64 = 0
    ) -> BatchCollector {
        BatchCollector(
            limits: .init(bytes: bytes, age: SampleAge(configuredMs: ageMs, url: "http://receiver/")),
            isSigned: false)
    }

    /// Cuts with nothing left out.
    private func cut(
        _ collector: inout BatchCollector, samples: Int, agingMs: Int64? = nil
    ) -> BatchCollector.Cut {
        var leftOut = LeftOutSeries()
        return collector.cut(
            samples: samples, leftOut: &leftOut, agingMs: agingMs ?? clock.wallMs, scratch: scratch)
    }

    /// Cuts and delivers all that is there.
    private func requests(
        _ store: BufferedDestination, samples: Int, _ collector: inout BatchCollector
    ) throws -> [PreparedRequest] {
        if collector.isEmpty { collector.load(try store.slices()) }
        var result: [PreparedRequest] = []
        while true {
            switch cut(&collector, samples: samples) {
            case .nothing: return result
            case .dropped(let batch):
                try store.reader.answered([], ranges: batch.covers, outcome: batch.outcome)
            case .request(let request):
                result.append(request)
                try store.deliver(request)
            }
        }
    }

    /// After a crash: the request that was in flight, made again; nil when there was none.
    private func resent(
        _ store: BufferedDestination, _ collector: inout BatchCollector, agingMs: Int64 = .max
    ) throws -> PreparedRequest? {
        guard let request = store.reader.sent[1] else { return nil }
        collector.load(try store.slices(of: request), asBefore: request.omissions)
        guard case .request(let resent) = cut(&collector, samples: 3, agingMs: agingMs) else { return nil }
        return resent
    }

    private func note(_ request: PreparedRequest, _ store: BufferedDestination) throws {
        try store.reader.willSend([1: SentRequest(spans: request.covers, omissions: request.omissions)])
    }

    @Test(arguments: [1, 2, 3, 7, 100]) func framesAreCutAtAnySampleAndNothingIsLost(samples: Int) throws {
        let store = BufferedDestination(clock: clock)
        var frames: [Frame] = []
        for number in 0..<9 {
            let absent: [UInt32] = number % 3 == 0 ? [0, 4] : []
            let departed = number % 4 == 0 ? ["x", "y"] : []
            frames.append(
                TestFrames.frame(
                    count: 5, timestampMs: 9_000_000 + Int64(number), absent: absent, departed: departed))
        }
        store.append(frames)
        var collector = collector()
        let cut = try requests(store, samples: samples, &collector)
        #expect(cut.allSatisfy { $0.sampleCount <= samples })
        #expect(try cut.flatMap { try ReferenceCodec.samples(ofBody: $0.body) } == frames.flatMap(\.samples))
        #expect(store.delivered == UInt64(frames.reduce(0) { $0 + $1.sampleCount }))
        #expect(store.isAnswered)
        #expect(store.isBalanced)
    }

    @Test func bytesBoundABatch() throws {
        let store = BufferedDestination(clock: clock)
        store.append([TestFrames.frame(count: 100, timestampMs: 9_000_000)])
        var collector = collector(bytes: 500)
        let cut = try requests(store, samples: 2_000, &collector)
        #expect(cut.count > 10)
        #expect(cut.allSatisfy { $0.uncompressedBytes <= 500 })
        #expect(store.isBalanced)
    }

    /// Whatever limits, batches before it and the time are: the same bytes as before the crash.
    @Test func requestInFlightIsMadeAgainByteForByte() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        for _ in 0..<60 {
            let store = BufferedDestination(clock: clock)
            store.append((0..<6).map { _ in TestFrames.random(&random) })
            let most = 1 + Int(random.next() % 120)
            var first = collector(ageMs: 0)
            first.load(try store.slices())
            for _ in 0..<Int(random.next() % 4) {
                guard case .request(let request) = cut(&first, samples: most, agingMs: 0) else { break }
                try store.deliver(request)
            }
            guard case .request(let sent) = cut(&first, samples: most, agingMs: 0) else { continue }
            try note(sent, store)

            var second = collector()
            guard let resent = try resent(store.afterCrash(), &second) else {
                Issue.record("nothing resent, seed \(seed)")
                continue
            }
            #expect(resent.body == sent.body, "seed \(seed)")
            // Frames without samples at the end of a request may be left to the next: no sample is between.
            #expect(resent.isResend && resent.outcome == sent.outcome, "seed \(seed)")
        }
    }

    @Test func ageDropsAreNoPartOfARequestSoAResendIsTheSameHoursLater() throws {
        let store = BufferedDestination(clock: clock)
        // Old, young, young with an old explicit timestamp, old again.
        store.append([
            TestFrames.frame(count: 3, timestampMs: 1_000),
            TestFrames.frame(count: 3, timestampMs: 9_999_000),
            TestFrames.frame(
                count: 3, timestampMs: 9_999_500, explicit: [.init(series: 1, timestampMs: 9_000_000)]),
            TestFrames.frame(count: 2, timestampMs: 2_000),
        ])
        var first = collector(ageMs: 60_000)
        first.load(try store.slices())
        guard case .dropped(let old) = cut(&first, samples: 2_000) else {
            Issue.record("the old frame is dropped first")
            return
        }
        #expect(old.outcome == ["node": JobOutcome(dropped: ["too_old": 3])])
        try store.reader.answered([], ranges: old.covers, outcome: old.outcome)
        guard case .request(let sent) = cut(&first, samples: 2_000) else {
            Issue.record("the young frames are sent")
            return
        }
        #expect(sent.sampleCount == 5)
        #expect(sent.end == (try store.frames()[2].end))
        try note(sent, store)

        let again = store.afterCrash()
        var second = collector(ageMs: 60_000)
        let resent = try #require(try resent(again, &second, agingMs: clock.wallMs + 7_200_000))
        #expect(resent.body == sent.body)
        #expect(resent.outcome == sent.outcome)
        try again.reader.answered([1], ranges: resent.covers, outcome: resent.outcome)
        #expect(again.isBalanced)
    }

    /// The request after the crash leaves out the same samples, although nobody remembers the series.
    @Test func aRequestThatLeftSeriesOutIsMadeAgainByteForByte() throws {
        let store = BufferedDestination(clock: clock)
        let frames = (0..<4).map { number in
            TestFrames.frame(
                count: 30, timestampMs: 9_000_000 + Int64(number), absent: [2], departed: ["gone"])
        }
        store.append(frames)
        var first = collector()
        first.load(try store.slices())
        guard case .request(let guilty) = cut(&first, samples: 1) else {
            Issue.record("a request is cut")
            return
        }
        let refused = guilty.outcome.booked(as: .refused(reason: "bad_request"))
        try store.reader.answered([], ranges: guilty.covers, outcome: refused)
        var leftOut = LeftOutSeries()
        leftOut.leaveOut(0..<1, of: frames[0], reason: "bad_request", untilNs: 5_000, isFound: true)
        let search = BatchCollector.Search(nowNs: 1)
        guard
            case .request(let sent) = first.cut(
                samples: 95, search: search, leftOut: &leftOut, agingMs: clock.wallMs, scratch: scratch)
        else {
            Issue.record("a request is cut")
            return
        }
        #expect(sent.sampleCount == 95)
        #expect(sent.omissions.map(\.start.offset) == (try store.frames()[1...].map(\.start.offset)))
        #expect(
            try ReferenceCodec.samples(ofBody: sent.body)
                == Array(
                    frames.flatMap(\.samples).filter { !$0.labels.contains(Label("__name__", "m0")) }
                        .prefix(95)))
        try note(sent, store)

        let again = store.afterCrash()
        var second = collector()
        let resent = try #require(try resent(again, &second))
        #expect(resent.body == sent.body && resent.outcome == sent.outcome && resent.end == sent.end)
        try again.reader.answered([1], ranges: resent.covers, outcome: resent.outcome)
        #expect(again.isBalanced)
    }

    @Test func requestsAreTakenOnlyForSeriesThatAreDueInTheBatch() throws {
        let store = BufferedDestination(clock: clock)
        let other = TestFrames.target(job: "other", [Label("instance", "b:9100"), Label("job", "other")])
        let own = (0..<4).map { TestFrames.frame(count: 5, timestampMs: 9_000_000 + Int64($0)) }
        store.append([own[0], own[1], TestFrames.frame(other, count: 5, timestampMs: 9_000_000)] + own[2...])
        var collector = collector()
        collector.load(try store.slices())
        var leftOut = LeftOutSeries()
        let taken = Mutex(0)
        let givenBack = Mutex(0)
        func cut(_ samples: Int, nowNs: UInt64) throws -> PreparedRequest? {
            let search = BatchCollector.Search(
                takeTryingAgain: {
                    taken.withLock { $0 += 1 }
                    return true
                }, giveBackTryingAgain: { givenBack.withLock { $0 += 1 } }, nowNs: nowNs)
            let cut = collector.cut(
                samples: samples, search: search, leftOut: &leftOut, agingMs: clock.wallMs, scratch: scratch)
            guard case .request(let request) = cut else { return nil }
            return request
        }
        func balance() -> [Int] { [taken.withLock { $0 }, givenBack.withLock { $0 }] }
        let first = try #require(try cut(1, nowNs: 0))
        let part = try #require(first.parts.first)
        leftOut.leaveOut(part.samples, of: part.frame, reason: "bad_request", untilNs: 100, isFound: true)
        #expect(try cut(4, nowNs: 99)?.triesAgain == false)
        #expect(try cut(4, nowNs: 99)?.sampleCount == 4)
        #expect(balance() == [0, 0], "nothing is due")
        #expect(try cut(3, nowNs: 100)?.triesAgain == false)
        #expect(balance() == [0, 0], "the series that is due is not in the batch")
        #expect(try cut(9, nowNs: 100)?.sampleCount == 2)
        #expect(balance() == [1, 1], "the batch ends before the series that is due")
        #expect(try cut(9, nowNs: 100)?.triesAgain == true)
        #expect(balance() == [2, 1])
    }

    @Test func aRequestPutBackIsCutSmallerInTheSameOrder() throws {
        let store = BufferedDestination(clock: clock)
        let frames = (0..<3).map { TestFrames.frame(count: 10, timestampMs: 9_000_000 + Int64($0)) }
        store.append(frames)
        var collector = collector()
        collector.load(try store.slices())
        guard case .request(let large) = cut(&collector, samples: 25) else {
            Issue.record("a request is cut")
            return
        }
        #expect(collector.sampleCount == 5)
        collector.putBack(large)
        #expect(collector.sampleCount == 30)
        let cut = try requests(store, samples: 12, &collector)
        #expect(cut.map(\.sampleCount) == [12, 12, 6])
        #expect(try cut.flatMap { try ReferenceCodec.samples(ofBody: $0.body) } == frames.flatMap(\.samples))
        #expect(store.isBalanced)
    }

    /// What lies between two parts of one frame is answered for, or another request's: it is not sent.
    @Test func partsOfAFrameThatLieApartStayApartWhenTheFirstIsPutBack() throws {
        let store = BufferedDestination(clock: clock)
        store.append([TestFrames.frame(count: 30, timestampMs: 9_000_000)])
        let stored = try #require(try store.reader.next())
        var collector = collector()
        collector.load([FrameSlice(stored, samples: 0..<10), FrameSlice(stored, samples: 20..<30)])
        guard case .request(let first) = cut(&collector, samples: 10) else {
            Issue.record("a request is cut")
            return
        }
        collector.putBack(first)
        #expect(collector.sampleCount == 20)
        guard case .request(let whole) = cut(&collector, samples: 100) else {
            Issue.record("a request is cut")
            return
        }
        #expect(whole.slices.map(\.from) == [0, 20] && whole.sampleCount == 20)
        #expect(whole.covers == [stored.cover(0..<10), stored.cover(20..<30)])
    }

    @Test func aFrameWithoutSamplesIsPassedOver() throws {
        let store = BufferedDestination(clock: clock)
        store.append([
            TestFrames.frame(count: 2, timestampMs: 9_000_000, absent: [0, 1]),
            TestFrames.frame(count: 2, timestampMs: 9_000_001),
            TestFrames.frame(count: 1, timestampMs: 9_000_002, absent: [0]),
        ])
        var collector = collector()
        #expect(try requests(store, samples: 10, &collector).count == 1)
        let last = try #require(try store.frames().first, "the only one with a sample").end
        #expect(store.isAnswered && store.mark == last)
    }

    /// Options that changed with the start: what is not sent any more is booked, and the mark passes it.
    @Test func aRequestInFlightOfWhichNothingIsSentAnyMoreIsDropped() throws {
        let store = BufferedDestination(clock: clock)
        store.append((0..<2).map { TestFrames.frame(count: 5, timestampMs: 9_000_000 + $0) })
        var first = collector()
        first.load(try store.slices())
        guard case .request(let sent) = cut(&first, samples: 100) else {
            Issue.record("a request is cut")
            return
        }
        #expect(!sent.holdsSeriesOnce, "two frames of one target")
        try note(sent, store)

        let again = store.afterCrash()
        let request = try #require(again.reader.sent[1])
        let views = WriteRelabelViews(
            RelabelRules([
                try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: "m.*"))
            ]))
        var second = collector()
        second.load(try again.slices(of: request, views: views), asBefore: [])
        guard case .dropped(let batch) = cut(&second, samples: 100) else {
            Issue.record("nothing of it is sent")
            return
        }
        #expect(batch.outcome == ["node": JobOutcome(dropped: [DropReason.writeRelabel: 10])])
        try again.reader.answered([1], ranges: batch.covers, outcome: batch.outcome)
        #expect(again.isAnswered && again.isBalanced && again.reader.sent.isEmpty)
    }

    /// A cursor may name more than ever left as one request: it is cut as any other claim is.
    @Test func whatIsLargerThanAnyRequestIsNotMadeAgainAsOne() throws {
        let store = BufferedDestination(clock: clock)
        store.append([TestFrames.frame(count: 40_000, timestampMs: 9_000_000)])
        var collector = collector()
        collector.load(try store.slices(), asBefore: [])
        let requests = try requests(store, samples: 1_000_000, &collector)
        #expect(requests.count > 1 && requests.reduce(0) { $0 + $1.sampleCount } == 40_000)
        #expect(requests.allSatisfy { $0.uncompressedBytes <= BatchCollector.maxRequestBytes })
        #expect(requests.allSatisfy { !$0.isResend && $0.mayBeStored })
        #expect(store.isAnswered && store.isBalanced)
    }

    @Test func aRequestKnowsWhetherASeriesMayStandInItTwice() throws {
        let store = BufferedDestination(clock: clock)
        let other = TestFrames.target(job: "other", [Label("instance", "b:9100"), Label("job", "other")])
        store.append([
            TestFrames.frame(count: 5, timestampMs: 9_000_000),
            TestFrames.frame(other, count: 5, timestampMs: 9_000_001),
        ])
        var collector = collector()
        collector.load(try store.slices())
        guard case .request(let request) = cut(&collector, samples: 7) else {
            Issue.record("a request is cut")
            return
        }
        #expect(request.holdsSeriesOnce)
    }

    /// Only where bytes end it a smaller claim would have made one request.
    @Test func whetherBytesEndedARequestIsKnown() throws {
        let store = BufferedDestination(clock: clock)
        for job in ["a", "b", "c"] {
            store.append([
                TestFrames.frame(
                    TestFrames.target(job: job, [Label("job", job)]), count: 10, timestampMs: clock.wallMs)
            ])
        }
        let slices = try store.slices()
        func ended(
            bytes: Int = BatchCollector.maxRequestBytes, samples: Int, usedUp: String = ""
        ) -> (samples: Int, byBytes: Bool)? {
            var collector = collector(bytes: bytes)
            collector.load(slices)
            var leftOut = LeftOutSeries()
            let cut = collector.cut(
                samples: samples, leftOut: &leftOut, agingMs: clock.wallMs, isUsedUp: { $0 == usedUp },
                scratch: scratch)
            guard case .request(let request) = cut else { return nil }
            return (request.sampleCount, request.isFullByBytes)
        }
        #expect(ended(samples: 30).map { $0 == (30, false) } == true)
        #expect(ended(samples: 10).map { $0 == (10, false) } == true)
        #expect(ended(samples: 15).map { $0 == (15, false) } == true)
        #expect(ended(samples: 30, usedUp: "b").map { $0 == (10, false) } == true, "the next is dropped")
        let byBytes = try #require(ended(bytes: 900, samples: 30))
        #expect(byBytes.samples > 0 && byBytes.samples < 30 && byBytes.byBytes)
    }
    /// How many whole frames fit is an estimate, which must not leave most of a request's bytes unused.
    @Test func framesOfFewSeriesFillARequest() throws {
        let store = BufferedDestination(clock: clock)
        let frames = ["a", "b", "c", "d"].map {
            TestFrames.frame(TestFrames.target([Label("instance", $0)]), count: 8, timestampMs: clock.wallMs)
        }
        store.append(frames)
        let slices = try store.slices()
        for frame in frames {
            _ = scratch.append(frame, from: 0, to: 8, limits: EncodeLimits(samples: .max, bytes: .max))
        }
        let sampleBytes = scratch.byteCount / 32
        // So much room, and so many samples: the frame behind those that fit together is not to be whole.
        for (room, samples, isFull) in [(28, 23, true), (12, 12, true), (32, 32, false)] {
            var collector = collector(bytes: room * sampleBytes + 1)
            collector.load(slices)
            let request = try #require(cut(&collector, samples: 1_000).request)
            #expect((request.sampleCount, request.isFullByBytes) == (samples, isFull))
        }
    }
}
