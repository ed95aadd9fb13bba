import MetricModel
import Platform
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

struct WaitingSlicesTests {
    private func entry(
        _ key: UInt64, at offset: UInt64, samples: Int = 10, job: UInt64? = nil, maySplit: Bool = true,
        sinceNs: UInt64 = 50
    ) -> WaitingSlices.Entry {
        let stored = StoredFrame(
            frame: TestFrames.frame(count: samples, timestampMs: Int64(offset)),
            start: BufferPosition(segment: 1, offset: offset),
            end: BufferPosition(segment: 1, offset: offset + 100))
        return .init(
            slice: FrameSlice(stored), keys: .init(target: key, job: job), maySplit: maySplit,
            sinceNs: sinceNs)
    }

    private func claim(
        _ waiting: inout WaitingSlices, _ samples: Int, dueNs: UInt64 = .max
    ) -> WaitingSlices.Claim? {
        waiting.claim(samples: samples, dueNs: dueNs) { _ in false }.claim
    }

    private func places(_ claim: WaitingSlices.Claim?) -> [String] {
        claim?.slices.map { "\($0.record.offset) \($0.from)..<\($0.to)" } ?? []
    }

    @Test func twoFramesOfOneKeyNeverFlyAtOnceNorStandInOneRequest() throws {
        var waiting = WaitingSlices()
        for (key, offset) in [(1, 0), (2, 100), (1, 200), (2, 300), (3, 400)] as [(UInt64, UInt64)] {
            waiting.append(entry(key, at: offset))
        }
        let first = claim(&waiting, 100)
        #expect(places(first) == ["0 0..<10", "100 0..<10", "400 0..<10"])
        let claim1 = claim(&waiting, 100)
        #expect(claim1 == nil && waiting.sampleCount == 20)
        waiting.release(try #require(first))
        let claim2 = claim(&waiting, 100)
        #expect(places(claim2) == ["200 0..<10", "300 0..<10"])
        #expect(waiting.isEmpty)
    }

    @Test func whatIsPassedOverKeepsItsOrder() throws {
        var waiting = WaitingSlices()
        waiting.append(entry(1, at: 0))
        let flying = try #require(claim(&waiting, 10))
        for (key, offset) in [(1, 100), (2, 200), (1, 300), (2, 400)] as [(UInt64, UInt64)] {
            waiting.append(entry(key, at: offset))
        }
        let other = claim(&waiting, 100)
        #expect(
            places(other) == ["200 0..<10"],
            "one of key 2, and none of key 1, the later no more than the first")
        waiting.release(flying)
        let claim3 = claim(&waiting, 100)
        #expect(places(claim3) == ["100 0..<10"])
    }

    @Test func partsOfOneFrameFlyTogetherUnlessItsLayoutRepeatsASeries() throws {
        var waiting = WaitingSlices()
        waiting.append(entry(1, at: 0, samples: 25))
        waiting.append(entry(1, at: 100, samples: 5))
        let parts = (0..<3).map { _ in claim(&waiting, 10) }
        #expect(parts.map(places) == [["0 0..<10"], ["0 10..<20"], ["0 20..<25"]])
        for part in parts[..<2] { waiting.release(try #require(part)) }
        let claim4 = claim(&waiting, 10)
        #expect(claim4 == nil, "a part of the frame before is in flight")
        waiting.release(try #require(parts[2]))
        let claim5 = claim(&waiting, 10)
        #expect(places(claim5) == ["100 0..<5"])

        waiting.append(entry(2, at: 200, samples: 4))
        waiting.append(entry(3, at: 300, samples: 25, maySplit: false))
        let claim6 = claim(&waiting, 10, dueNs: 49)
        #expect(places(claim6) == ["200 0..<4"], "it does not fit")
        let claim7 = claim(&waiting, 10)
        #expect(places(claim7) == ["300 0..<25"])
    }

    @Test func framesThatShareTheJobsKeyLeaveOneAfterTheOther() throws {
        var waiting = WaitingSlices()
        waiting.append(entry(1, at: 0, job: 9))
        waiting.append(entry(2, at: 100, job: 9))
        waiting.append(entry(3, at: 200))
        let first = claim(&waiting, 100)
        #expect(places(first) == ["0 0..<10", "200 0..<10"])
        let claim8 = claim(&waiting, 100)
        #expect(claim8 == nil)
        waiting.release(try #require(first))
        let claim9 = claim(&waiting, 100)
        #expect(places(claim9) == ["100 0..<10"])
    }

    @Test func fewerThanABatchWaitUntilTheOldestIsDue() {
        var waiting = WaitingSlices()
        waiting.append(entry(1, at: 0, sinceNs: 50))
        waiting.append(entry(2, at: 100, sinceNs: 60))
        waiting.append(entry(1, at: 200, sinceNs: 70))
        let found = waiting.claim(samples: 100, dueNs: 49) { _ in false }
        #expect(found.claim == nil && found.sinceNs == 50, "the next frame of a target makes no batch")
        let first = claim(&waiting, 100, dueNs: 50)
        #expect(places(first) == ["0 0..<10", "100 0..<10"])
        let blocked = waiting.claim(samples: 100, dueNs: 100) { _ in false }
        #expect(blocked.claim == nil && blocked.sinceNs == nil, "its target flies")
    }

    /// Claims of 10 samples at most, nothing of which is due by its age; then what is not due.
    private func claimsAhead(
        _ waiting: inout WaitingSlices
    ) -> (claims: [WaitingSlices.Claim], since: UInt64?) {
        var claims: [WaitingSlices.Claim] = []
        while true {
            let found = waiting.claim(samples: 10, dueNs: 49) { _ in false }
            guard let claim = found.claim else { return (claims, found.sinceNs) }
            claims.append(claim)
        }
    }

    /// Its other requests have left, so nothing is won where its end waits for the deadline.
    @Test func theRestOfALargeFrameLeavesAtOnce() {
        var waiting = WaitingSlices()
        waiting.append(entry(1, at: 0, samples: 41))
        let (parts, _) = claimsAhead(&waiting)
        #expect(parts.map(\.sampleCount) == [10, 10, 10, 10, 1] && waiting.isEmpty)
        // What is free goes with it, as far as there is room.
        waiting.append(entry(2, at: 100, samples: 45))
        waiting.append(entry(3, at: 200, samples: 3))
        waiting.append(entry(4, at: 300, samples: 4))
        let (more, since) = claimsAhead(&waiting)
        #expect(more.map(\.sampleCount) == [10, 10, 10, 10, 10])
        #expect(places(more.last) == ["100 40..<45", "200 0..<3", "300 0..<2"])
        #expect(since == 50 && waiting.sampleCount == 2, "the rest of a small frame")
    }

    /// Else a target of just over a batch costs two requests a scrape.
    @Test(arguments: [(15, 1), (40, 4), (39, 3)]) func theRestOfASmallerFrameWaits(samples: Int, full: Int) {
        var waiting = WaitingSlices()
        waiting.append(entry(1, at: 0, samples: samples))
        let (parts, since) = claimsAhead(&waiting)
        #expect(parts.map(\.sampleCount) == Array(repeating: 10, count: full))
        #expect(waiting.isEmpty == (samples == 40) && since == (samples == 40 ? nil : 50))
        let due = claim(&waiting, 10, dueNs: 50)
        #expect((due?.sampleCount ?? 0) == samples - 10 * full)
    }

    @Test func aLargeFrameOfWhichNothingHasLeftIsNoRest() throws {
        var waiting = WaitingSlices()
        waiting.append(entry(1, at: 0, samples: 45))
        let flying = try #require(claim(&waiting, 45))
        waiting.append(entry(1, at: 100, samples: 5))
        waiting.release(flying)
        let (parts, since) = claimsAhead(&waiting)
        #expect(parts.isEmpty && since == 50, "another frame of the same target")
    }

    /// What lies between is answered for already.
    @Test func theRestOfALargeFrameInTwoPartsLeavesAtOnce() {
        func parts(_ ranges: [Range<Int>]) -> WaitingSlices {
            let whole = entry(1, at: 0, samples: 80)
            var waiting = WaitingSlices()
            for range in ranges {
                var part = whole
                part.slice = whole.slice.part(from: range.lowerBound, to: range.upperBound)
                waiting.append(part)
            }
            return waiting
        }
        var large = parts([0..<28, 60..<75])
        let (claims, _) = claimsAhead(&large)
        #expect(claims.map(\.sampleCount) == [10, 10, 10, 10, 3] && large.isEmpty)
        #expect(places(claims[2]) == ["0 20..<28", "0 60..<62"])
        var small = parts([0..<12, 60..<66])
        let (few, since) = claimsAhead(&small)
        #expect(few.map(\.sampleCount) == [10] && since == 50, "counted by what is open of it")
    }

    /// The second part of it follows the answer to the first.
    @Test(arguments: [(40, 7, true), (30, 7, false)])
    func theRestOfAFrameThatMayNotBeSplitLeavesOnceItMayFly(first: Int, second: Int, isLarge: Bool) throws {
        var waiting = WaitingSlices()
        let whole = entry(1, at: 0, samples: 60, maySplit: false)
        for range in [0..<first, first + 2..<first + 2 + second] {
            var part = whole
            part.slice = whole.slice.part(from: range.lowerBound, to: range.upperBound)
            waiting.append(part)
        }
        let (claims, since) = claimsAhead(&waiting)
        #expect(claims.map(\.sampleCount) == [first] && since == nil)
        waiting.release(try #require(claims.first))
        let (rest, restSince) = claimsAhead(&waiting)
        #expect(rest.map(\.sampleCount) == (isLarge ? [second] : []) && restSince == (isLarge ? nil : 50))
    }

    /// The backlog of a few targets leaves as fast as it is answered for, though no request is full.
    @Test func laterFramesOfTheSameTargetsMakeABatchToo() throws {
        var waiting = WaitingSlices()
        waiting.append(entry(9, at: 0))
        let flying = try #require(claim(&waiting, 10))
        waiting.append(entry(1, at: 100))
        for offset in [200, 300] as [UInt64] { waiting.append(entry(9, at: offset)) }
        let alone = claim(&waiting, 30, dueNs: 49)
        #expect(alone == nil, "what waits for another request is not behind this one")
        for offset in [400, 500] as [UInt64] { waiting.append(entry(1, at: offset)) }
        let full = claim(&waiting, 30, dueNs: 49)
        #expect(places(full) == ["100 0..<10"])
        waiting.release(flying)
    }

    @Test func requestsInFlightBeforeGoFirstAndHoldBackTheirKeys() throws {
        let requests =
            [
                3: SentRequest(spans: [], options: 3), 5: SentRequest(spans: [], options: 5),
                7: SentRequest(spans: []),
            ]
            as [UInt64: SentRequest]
        var waiting = WaitingSlices(sent: requests)
        waiting.append(entry(1, at: 0), toResend: 5)
        waiting.append(entry(2, at: 100), toResend: 3)
        waiting.append(entry(2, at: 200), toResend: 5)
        waiting.append(entry(4, at: 300))
        waiting.append(entry(1, at: 400))
        let none = waiting.takeEmptyResends()
        #expect(none == [] && waiting.hasResends, "their frames may come still")
        for number in [3, 5, 7] as [UInt64] { waiting.completeResend(number) }
        let empty = waiting.takeEmptyResends()
        #expect(empty == [7])
        let first = waiting.claimResend()
        #expect(first?.resend?.number == 3 && places(first) == ["100 0..<10"])
        let early = waiting.claimResend()
        #expect(early == nil, "it has a key of the first")
        let claim13 = claim(&waiting, 100)
        #expect(places(claim13) == ["300 0..<10"], "and its own keys are held back")
        waiting.release(try #require(first))
        let second = waiting.claimResend()
        #expect(second?.resend?.request.options == 5 && places(second) == ["0 0..<10", "200 0..<10"])
        waiting.release(try #require(second))
        let claim14 = claim(&waiting, 100)
        #expect(places(claim14) == ["400 0..<10"] && waiting.isEmpty)
    }

    /// Frames of few keys, in parts, claimed and answered for in any order.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func nothingOvertakesAndNothingOfOneKeyFliesTogether(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        var (waiting, flying) = (WaitingSlices(), [WaitingSlices.Claim]())
        var (offset, appended, left) = (UInt64(0), 0, [UInt64: Int]())
        var keysOf: [UInt64: [UInt64]] = [:]
        /// By key the frames that are not answered for, in order.
        var order: [UInt64: [UInt64]] = [:]
        func append() {
            offset += 100
            let entry = entry(
                UInt64(below(6)), at: offset, samples: 1 + below(20),
                job: below(3) == 0 ? 1_000 + UInt64(below(2)) : nil, maySplit: below(4) > 0)
            keysOf[offset] = Array(entry.keys)
            for key in entry.keys { order[key, default: []].append(offset) }
            left[offset] = entry.slice.sampleCount
            appended += entry.slice.sampleCount
            waiting.append(entry)
        }
        func claim() -> Bool {
            guard let claim = self.claim(&waiting, 1 + below(60)) else { return false }
            for slice in claim.slices {
                let frame = slice.record.offset
                let isFirst = keysOf[frame, default: []].allSatisfy { order[$0]?.first == frame }
                #expect(isFirst, "\(frame) overtakes, or flies with, another of its key")
            }
            flying.append(claim)
            return true
        }
        func answer() {
            guard !flying.isEmpty else { return }
            let claim = flying.remove(at: below(flying.count))
            for slice in claim.slices {
                let frame = slice.record.offset
                left[frame, default: 0] -= slice.sampleCount
                appended -= slice.sampleCount
                guard left[frame] == 0 else { continue }
                for key in keysOf[frame, default: []] { order[key]?.removeAll { $0 == frame } }
            }
            waiting.release(claim)
        }
        for _ in 0..<200 {
            switch below(8) {
            case 0..<4: append()
            case 4..<6: _ = claim()
            default: answer()
            }
        }
        while !waiting.isEmpty || !flying.isEmpty {
            guard claim() || !flying.isEmpty else {
                Issue.record("\(waiting.sampleCount) samples wait for nothing")
                return
            }
            answer()
        }
        #expect(appended == 0 && waiting.sampleCount == 0)
    }
}
