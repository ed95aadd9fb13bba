import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

@testable import RemoteWrite

@Suite struct BatchCollectorTests {
    private let clock = ManualClock(wallMs: 10_000_000)
    private let scratch = RequestScratch()

    private func collector(
        bytes: Int = BatchCollector.maxRequestBytes, ageMs: Int64 = 0, resendEnd: LanePosition? = nil
    ) -> BatchCollector {
        BatchCollector(
            limits: .init(bytes: bytes, age: SampleAge(configuredMs: ageMs, url: "http://receiver/")),
            isSigned: false, resendEnd: resendEnd)
    }

    private func requests(
        _ lane: MemoryLane, samples: Int, _ collector: inout BatchCollector
    ) throws -> [PreparedRequest] {
        var result: [PreparedRequest] = []
        while true {
            _ = try collector.fill(from: lane, samples: samples)
            switch collector.cut(samples: samples, agingMs: clock.wallMs, scratch: scratch) {
            case .nothing: return result
            case .dropped(let batch):
                try lane.answered(upTo: batch.end, outcome: batch.counts.outcomes(.delivered))
            case .request(let request):
                result.append(request)
                _ = try lane.willSend(upTo: request.end, leavingOut: request.omissions)
                try lane.answered(upTo: request.end, outcome: request.counts.outcomes(.delivered))
            }
        }
    }

    @Test(arguments: [1, 2, 3, 7, 100]) func framesAreCutAtAnySampleAndNothingIsLost(samples: Int) throws {
        let lane = MemoryLane(clock: clock)
        var frames: [Frame] = []
        for number in 0..<9 {
            let absent: [UInt32] = number % 3 == 0 ? [0, 4] : []
            let departed = number % 4 == 0 ? ["x", "y"] : []
            frames.append(
                TestFrames.frame(
                    count: 5, timestampMs: 9_000_000 + Int64(number), absent: absent, departed: departed))
        }
        lane.append(frames)
        var collector = collector()
        let cut = try requests(lane, samples: samples, &collector)
        #expect(cut.allSatisfy { $0.sampleCount <= samples })
        #expect(try cut.flatMap { try ReferenceCodec.samples(ofBody: $0.body) } == frames.flatMap(\.samples))
        #expect(lane.delivered == UInt64(frames.reduce(0) { $0 + $1.sampleCount }))
        #expect(lane.cursor == LanePosition(segment: 1, offset: 900))
        #expect(lane.isBalanced)
    }

    @Test func bytesBoundABatch() throws {
        let lane = MemoryLane(clock: clock)
        lane.append([TestFrames.frame(count: 100, timestampMs: 9_000_000)])
        var collector = collector(bytes: 500)
        let cut = try requests(lane, samples: 2_000, &collector)
        #expect(cut.count > 10)
        #expect(cut.allSatisfy { $0.uncompressedBytes <= 500 })
        #expect(lane.isBalanced)
    }

    /// Whatever limits, batches before it and the time are: the same bytes as before the crash.
    @Test func requestInFlightIsMadeAgainByteForByte() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        for _ in 0..<60 {
            let lane = MemoryLane(clock: clock)
            let frames = (0..<6).map { _ in TestFrames.random(&random) }
            lane.append(frames)
            let most = 1 + Int(random.next() % 120)
            var first = collector(ageMs: 0)
            for _ in 0..<Int(random.next() % 4) {
                _ = try first.fill(from: lane, samples: most)
                guard case .request(let request) = first.cut(samples: most, agingMs: 0, scratch: scratch)
                else { break }
                _ = try lane.willSend(upTo: request.end, leavingOut: request.omissions)
                try lane.answered(upTo: request.end, outcome: request.counts.outcomes(.delivered))
            }
            _ = try first.fill(from: lane, samples: most)
            guard case .request(let sent) = first.cut(samples: most, agingMs: 0, scratch: scratch) else {
                continue
            }
            _ = try lane.willSend(upTo: sent.end, leavingOut: sent.omissions)

            let again = lane.afterCrash()
            var second = collector(resendEnd: again.inFlightEnd)
            _ = try second.fill(from: again, samples: 3)
            guard case .request(let resent) = second.cut(samples: 3, agingMs: Int64.max, scratch: scratch)
            else {
                Issue.record("nothing resent, seed \(seed)")
                continue
            }
            #expect(resent.body == sent.body, "seed \(seed)")
            // Frames without samples at the end of a request may be left to the next: no sample is between.
            #expect(resent.isResend && resent.end <= sent.end && resent.counts == sent.counts, "seed \(seed)")
        }
    }

    @Test func ageDropsAreNoPartOfARequestSoAResendIsTheSameHoursLater() throws {
        let lane = MemoryLane(clock: clock)
        // Old, young, young with an old explicit timestamp, old again.
        lane.append([
            TestFrames.frame(count: 3, timestampMs: 1_000),
            TestFrames.frame(count: 3, timestampMs: 9_999_000),
            TestFrames.frame(
                count: 3, timestampMs: 9_999_500, explicit: [.init(series: 1, timestampMs: 9_000_000)]),
            TestFrames.frame(count: 2, timestampMs: 2_000),
        ])
        var first = collector(ageMs: 60_000)
        _ = try first.fill(from: lane, samples: 2_000)
        guard case .dropped(let old) = first.cut(samples: 2_000, agingMs: clock.wallMs, scratch: scratch)
        else {
            Issue.record("the old frame is dropped first")
            return
        }
        #expect(
            old.counts.outcomes(.delivered) == [
                LaneOutcome(job: "node", delivered: 0, dropped: [.init(reason: "too_old", count: 3)])
            ])
        try lane.answered(upTo: old.end, outcome: old.counts.outcomes(.delivered))
        guard case .request(let sent) = first.cut(samples: 2_000, agingMs: clock.wallMs, scratch: scratch)
        else {
            Issue.record("the young frames are sent")
            return
        }
        #expect(sent.sampleCount == 5)
        #expect(sent.end == LanePosition(segment: 1, offset: 300))
        _ = try lane.willSend(upTo: sent.end, leavingOut: sent.omissions)

        let again = lane.afterCrash()
        var second = collector(ageMs: 60_000, resendEnd: again.inFlightEnd)
        _ = try second.fill(from: again, samples: 2_000)
        let laterMs = clock.wallMs + 7_200_000
        guard case .request(let resent) = second.cut(samples: 2_000, agingMs: laterMs, scratch: scratch)
        else {
            Issue.record("the request is made again")
            return
        }
        #expect(resent.body == sent.body)
        #expect(resent.counts == sent.counts)
        try again.answered(upTo: resent.end, outcome: resent.counts.outcomes(.delivered))
        #expect(again.isBalanced)
    }

    /// The request after the crash leaves out the same samples, although nobody remembers the series.
    @Test func aRequestThatLeftSeriesOutIsMadeAgainByteForByte() throws {
        let lane = MemoryLane(clock: clock)
        let frames = (0..<4).map { number in
            TestFrames.frame(
                count: 30, timestampMs: 9_000_000 + Int64(number), absent: [2], departed: ["gone"])
        }
        lane.append(frames)
        var first = collector()
        _ = try first.fill(from: lane, samples: 30)
        guard case .request(let guilty) = first.cut(samples: 1, agingMs: clock.wallMs, scratch: scratch)
        else {
            Issue.record("a request is cut")
            return
        }
        try lane.answered(upTo: guilty.end, outcome: guilty.counts.outcomes(.refused(reason: "bad_request")))
        first.leaveOut(guilty, reason: "bad_request", untilNs: 5_000, nowNs: 0)
        _ = try first.fill(from: lane, samples: 95)
        let search = BatchCollector.Search(nowNs: 1)
        guard
            case .request(let sent) = first.cut(
                samples: 95, search: search, agingMs: clock.wallMs, scratch: scratch)
        else {
            Issue.record("a request is cut")
            return
        }
        #expect(sent.sampleCount == 95)
        #expect(sent.omissions.map(\.start.offset) == [100, 200, 300])
        #expect(
            try ReferenceCodec.samples(ofBody: sent.body)
                == Array(
                    frames.flatMap(\.samples).filter { !$0.labels.contains(Label("__name__", "m0")) }
                        .prefix(95)))
        _ = try lane.willSend(upTo: sent.end, leavingOut: sent.omissions)

        let again = lane.afterCrash()
        var second = BatchCollector(
            limits: first.limits, isSigned: false, resendEnd: again.inFlightEnd,
            resendOmissions: again.inFlightOmissions)
        _ = try second.fill(from: again, samples: 3)
        guard case .request(let resent) = second.cut(samples: 3, agingMs: Int64.max, scratch: scratch) else {
            Issue.record("the request is made again")
            return
        }
        #expect(resent.body == sent.body && resent.counts == sent.counts && resent.end == sent.end)
        try again.answered(upTo: resent.end, outcome: resent.counts.outcomes(.delivered))
        #expect(again.isBalanced)
    }

    @Test func requestsAreTakenOnlyForSeriesThatAreDueInTheBatch() throws {
        let lane = MemoryLane(clock: clock)
        let other = TestFrames.target(job: "other", [Label("instance", "b:9100"), Label("job", "other")])
        let own = (0..<4).map { TestFrames.frame(count: 5, timestampMs: 9_000_000 + Int64($0)) }
        lane.append([own[0], own[1], TestFrames.frame(other, count: 5, timestampMs: 9_000_000)] + own[2...])
        var collector = collector()
        let taken = Mutex(0)
        let givenBack = Mutex(0)
        func cut(_ samples: Int, nowNs: UInt64) throws -> PreparedRequest? {
            _ = try collector.fill(from: lane, samples: samples)
            let search = BatchCollector.Search(
                takeTryingAgain: {
                    taken.withLock { $0 += 1 }
                    return true
                }, giveBackTryingAgain: { givenBack.withLock { $0 += 1 } }, nowNs: nowNs)
            let cut = collector.cut(samples: samples, search: search, agingMs: clock.wallMs, scratch: scratch)
            guard case .request(let request) = cut else { return nil }
            return request
        }
        func balance() -> [Int] { [taken.withLock { $0 }, givenBack.withLock { $0 }] }
        let first = try #require(try cut(1, nowNs: 0))
        collector.leaveOut(first, reason: "bad_request", untilNs: 100, nowNs: 0)
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

    @Test func leftOutSeriesThatDoNotComeAgainAreForgotten() throws {
        let lane = MemoryLane(clock: clock)
        let other = TestFrames.target(job: "other", [Label("instance", "b:9100"), Label("job", "other")])
        lane.append([
            TestFrames.frame(count: 1, timestampMs: 9_000_000),
            TestFrames.frame(other, count: 5, timestampMs: 9_000_001),
        ])
        var collector = collector()
        _ = try collector.fill(from: lane, samples: 1)
        guard case .request(let guilty) = collector.cut(samples: 1, agingMs: clock.wallMs, scratch: scratch)
        else {
            Issue.record("a request is cut")
            return
        }
        collector.leaveOut(guilty, reason: "bad_request", untilNs: 100, nowNs: 0)
        _ = try collector.fill(from: lane, samples: 5)
        for afterNs: UInt64 in [99, 100] {
            let search = BatchCollector.Search(nowNs: afterNs + LeftOutSeries.forgottenAfterNs)
            _ = collector.cut(samples: 1, search: search, agingMs: clock.wallMs, scratch: scratch)
            #expect(collector.leftOut.isEmpty == (afterNs == 100))
        }
    }

    @Test func aRequestPutBackIsCutSmallerInTheSameOrder() throws {
        let lane = MemoryLane(clock: clock)
        let frames = (0..<3).map { TestFrames.frame(count: 10, timestampMs: 9_000_000 + Int64($0)) }
        lane.append(frames)
        var collector = collector()
        _ = try collector.fill(from: lane, samples: 25)
        guard case .request(let large) = collector.cut(samples: 25, agingMs: clock.wallMs, scratch: scratch)
        else {
            Issue.record("a request is cut")
            return
        }
        #expect(collector.sampleCount == 5)
        collector.putBack(large)
        #expect(collector.sampleCount == 30)
        let cut = try requests(lane, samples: 12, &collector)
        #expect(cut.map(\.sampleCount) == [12, 12, 6])
        #expect(try cut.flatMap { try ReferenceCodec.samples(ofBody: $0.body) } == frames.flatMap(\.samples))
        #expect(lane.isBalanced)
    }

    @Test func aFrameWithoutSamplesIsPassedOver() throws {
        let lane = MemoryLane(clock: clock)
        lane.append([
            TestFrames.frame(count: 2, timestampMs: 9_000_000, absent: [0, 1]),
            TestFrames.frame(count: 2, timestampMs: 9_000_001),
            TestFrames.frame(count: 1, timestampMs: 9_000_002, absent: [0]),
        ])
        var collector = collector()
        #expect(try requests(lane, samples: 10, &collector).count == 1)
        #expect(lane.cursor == LanePosition(segment: 1, offset: 300))
    }

    @Test func aFrameWhoseTargetLacksLabelsIsDroppedWithACount() throws {
        let rich = TestFrames.target([Label("a", "1"), Label("b", "2"), Label("job", "j")])
        let chunk = TestFrames.chunk([[Label("__name__", "m")]], rich)
        let poor = TestFrames.target([Label("job", "j")])
        let lane = MemoryLane(clock: clock)
        lane.append([
            Frame(target: poor, layout: Layout([chunk]), timestampMs: 9_000_000, values: [1]),
            TestFrames.frame(count: 2, timestampMs: 9_000_000),
        ])
        var collector = collector()
        #expect(try requests(lane, samples: 10, &collector).count == 1)
        #expect(lane.dropped == ["malformed_frame": 1])
        #expect(lane.isBalanced)
    }
}
