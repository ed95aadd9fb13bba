import MetricModel
import Platform
import Relabel
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite struct WholeFramesTests {
    private let clock = ManualClock(wallMs: 10_000_000)
    private let scratch = RequestScratch()

    /// Frames of targets of their own. Those of one shape have the same series, cut into chunks at places
    /// of their own; some hold what is out of the ordinary.
    private func frames(_ random: inout SplitMix64, count: Int, plainOnly: Bool = false) -> [Frame] {
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        return (0..<count).map { number in
            let target = TestFrames.target([
                Label("instance", "host-\(number)"), Label("job", "node"), Label("zone", "\(below(3))"),
            ])
            let shape = plainOnly ? 0 : below(3)
            let series = (0..<[23, 40, 7][shape]).map { [Label("__name__", "s\(shape)_\($0)")] }
            let cut = 1 + below(series.count - 1)
            let layout = Layout([
                TestFrames.chunk(Array(series[..<cut]), target),
                TestFrames.chunk(Array(series[cut...]), target),
            ])
            let isOdd = !plainOnly && below(5) == 0
            return Frame(
                target: target, layout: layout, timestampMs: 9_000_000 + Int64(number),
                values: series.indices.map { _ in [0, 1, 0.1, 12_345][below(4)] },
                explicitTimestamps: isOdd && below(2) == 0 ? [.init(series: 1, timestampMs: 8_999_999)] : [],
                absent: isOdd ? [2] : [])
        }
    }

    @Test func framesOfOneShapeArePackedAFewSeriesAtATimeAsProtobufCDoes() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        for count in 1...9 {
            let frames = frames(&random, count: count, plainOnly: true)
            scratch.begin()
            #expect(scratch.appendInterleaved(frames, seriesCount: 23, limitBytes: .max) == 1)
            // A chunk's end ends the rows that are written together.
            let cuts = Set(frames.flatMap { $0.layout.starts.map { Int($0) } })
            var (rows, first): ([SentSample], Int) = ([], 0)
            while first < 23 {
                let cut = cuts.filter { $0 > first }.min() ?? 23
                let end = min(first + 8, cut)
                rows += frames.flatMap { $0.samples[first..<end] }
                first = end
            }
            #expect(scratch.bytes == ReferenceCodec.pack(rows), "seed \(seed)")
            #expect(scratch.sampleCount == count * 23)
        }
    }

    @Test func whatDoesNotFitLeavesNothingBehind() {
        var random = SplitMix64(seed: 1)
        let frames = frames(&random, count: 4, plainOnly: true)
        let limits = EncodeLimits(samples: .max, bytes: .max)
        scratch.begin()
        _ = scratch.append(frames[0], from: 0, to: 23, limits: limits)
        let (before, bytes) = (scratch.byteCount, scratch.bytes)
        #expect(scratch.appendInterleaved(frames, seriesCount: 23, limitBytes: .max) == 1)
        let all = scratch.byteCount
        for limitBytes in stride(from: before, to: all, by: 7) {
            scratch.begin()
            _ = scratch.append(frames[0], from: 0, to: 23, limits: limits)
            let share = scratch.appendInterleaved(frames, seriesCount: 23, limitBytes: limitBytes)
            #expect((0..<1).contains(share))
            #expect(scratch.bytes == bytes && scratch.sampleCount == 23)
        }
    }

    private func collector(bytes: Int) -> BatchCollector {
        BatchCollector(
            limits: .init(bytes: bytes, age: SampleAge(configuredMs: 0, url: "http://receiver/")),
            isSigned: false)
    }

    private func cut(
        _ collector: inout BatchCollector, samples: Int, _ search: BatchCollector.Search = .init()
    )
        -> PreparedRequest?
    {
        var leftOut = LeftOutSeries()
        return collector.cut(
            samples: samples, search: search, leftOut: &leftOut, agingMs: 0, scratch: scratch
        ).request
    }

    /// Whatever ends a request (samples, bytes, the end of a search), each sample is sent once, each target's
    /// in their order, and each request is the same when it is made again after a crash, byte for byte.
    @Test func everyRequestIsMadeAgainByteForByte() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        var together = 0
        for _ in 0..<60 {
            let store = BufferedDestination(clock: clock)
            let frames = frames(&random, count: 24)
            store.append(frames)
            let most = 1 + Int(random.next() % 600)
            var first = collector(bytes: 300 + Int(random.next() % 30_000))
            first.load(try store.slices())
            let ends = try store.frames().map(\.end)
            var sent: [SentSample] = []
            while !first.isEmpty {
                let end = random.next() % 3 == 0 ? ends[Int(random.next() % 24)] : nil
                let request = try #require(cut(&first, samples: most, .init(end: end)), "seed \(seed)")
                let samples = try ReferenceCodec.samples(ofBody: request.body)
                sent += samples
                if samples != request.parts.flatMap({ Array($0.frame.samples[$0.samples]) }) { together += 1 }
                try store.reader.willSend([1: SentRequest(spans: request.covers)])
                let again = store.afterCrash()
                var second = collector(bytes: BatchCollector.maxRequestBytes)
                let noted = try #require(again.reader.sent[1])
                second.load(try again.slices(of: noted), asBefore: [])
                #expect(cut(&second, samples: 1)?.body == request.body, "seed \(seed)")
                try store.deliver(request)
            }
            #expect(
                TestFrames.byTarget(sent) == TestFrames.byTarget(frames.flatMap(\.samples)), "seed \(seed)")
            #expect(store.isAnswered && store.isBalanced, "seed \(seed)")
        }
        #expect(together > 60)
    }

    /// Another slot may use up the budget of a day, or give back what it had reserved, in the middle of a
    /// cut.
    @Test(arguments: 1...20)
    func aBudgetThatIsUsedUpMeanwhileDoesNotChangeTheOrder(asked: Int) throws {
        var random = SplitMix64(seed: 1)
        let store = BufferedDestination(clock: clock)
        store.append(frames(&random, count: 6, plainOnly: true))
        var first = collector(bytes: BatchCollector.maxRequestBytes)
        first.load(try store.slices())
        var leftOut = LeftOutSeries()
        var count = 0
        let cut = first.cut(
            samples: 1_000, leftOut: &leftOut, agingMs: 0,
            isUsedUp: { _ in
                count += 1
                return count == asked
            }, scratch: scratch)
        guard let request = cut.request else { return }
        try store.reader.willSend([1: SentRequest(spans: request.covers)])
        let again = store.afterCrash()
        var second = collector(bytes: BatchCollector.maxRequestBytes)
        let noted = try #require(again.reader.sent[1])
        second.load(try again.slices(of: noted), asBefore: [])
        #expect(self.cut(&second, samples: 1)?.body == request.body)
    }

    /// Where rules make series of several targets equal, the samples of each stay in the order of the log,
    /// whatever the shapes of the frames. Where they leave the targets' labels, nothing changes.
    @Test(arguments: ["instance", "instance|job", "zone", "none"])
    func seriesThatRulesMakeEqualStayInTheOrderOfTheLog(dropped: String) throws {
        let store = BufferedDestination(clock: clock)
        let frames = (0..<7).map { number in
            let target = TestFrames.target([Label("instance", "host-\(number)"), Label("job", "node")])
            // Two shapes, in which a series stands in different rows.
            let series = (number % 2 * 3..<20).map { [Label("__name__", "s\($0)"), Label("zone", "z")] }
            return Frame(
                target: target, layout: Layout([TestFrames.chunk(series, target)]),
                timestampMs: 9_000_000 + Int64(number), values: series.indices.map { Double($0) })
        }
        store.append(frames)
        let rules = RelabelRules([try RelabelRule(.init(action: .labeldrop, regex: dropped))])
        var collector = collector(bytes: BatchCollector.maxRequestBytes)
        collector.load(try store.slices(views: WriteRelabelViews(rules)))
        let request = try #require(cut(&collector, samples: 1_000))
        let sent = try ReferenceCodec.samples(ofBody: request.body)
        #expect(sent.count == 4 * 20 + 3 * 17)
        for samples in Dictionary(grouping: sent, by: \.labels).values {
            let times = samples.map(\.timestampMs)
            #expect(times == times.sorted())
        }
        let isInOrder = sent.map(\.timestampMs) == sent.map(\.timestampMs).sorted()
        #expect(isInOrder == dropped.hasPrefix("instance"))
    }

    @Test func noMoreThanEightFramesStandSideBySide() throws {
        var random = SplitMix64(seed: 1)
        let store = BufferedDestination(clock: clock)
        store.append(frames(&random, count: 20, plainOnly: true))
        let groups = WholeFrames.groups(try store.slices()[...])
        #expect(groups == [Array(0..<8), Array(8..<16), Array(16..<20)])
    }

    /// Two frames of one target are not written together: their order is what counts.
    @Test func framesOfOneTargetStayInTheirOrder() throws {
        let store = BufferedDestination(clock: clock)
        let frames = (0..<3).map { TestFrames.frame(count: 5, timestampMs: 9_000_000 + Int64($0)) }
        store.append(frames)
        var first = collector(bytes: BatchCollector.maxRequestBytes)
        first.load(try store.slices())
        let request = try #require(cut(&first, samples: 100))
        #expect(try ReferenceCodec.samples(ofBody: request.body) == frames.flatMap(\.samples))
    }

    /// What they are for: requests of targets with the same series are smaller.
    @Test func framesOfOneShapeTakeFewerBytes() throws {
        let frames = (0..<8).map { number in
            let target = TestFrames.target([
                Label("instance", "10.0.3.\(number * 37 % 256):9100"), Label("job", "node"),
            ])
            // Families of two or three series with names that have little in common, as real pages have.
            let words = ["cpu", "memory", "netstat", "filesystem", "scrape", "process", "vmstat", "sockets"]
            let series = (0..<60).map { series in
                [
                    Label(
                        "__name__",
                        "\(words[series / 3 % 8])_\(words[series * 5 % 7])_\(words[series / 7 % 8])_total"),
                    Label(words[series / 2 % 8], words[series % 5]),
                ]
            }
            return Frame(
                target: target, layout: Layout([TestFrames.chunk(series, target)]),
                timestampMs: 1_700_000_000_000 + Int64(number) * 137,
                values: series.indices.map { Double($0 * 7_919 * (number + 3) % 100_003) })
        }
        scratch.begin()
        for frame in frames {
            _ = scratch.append(frame, from: 0, to: 60, limits: EncodeLimits(samples: .max, bytes: .max))
        }
        let before = scratch.bytes
        scratch.begin()
        _ = scratch.appendInterleaved(frames, seriesCount: 60, limitBytes: .max)
        let after = scratch.bytes
        // By libsnappy, which finds less in frames that stand one after the other than the own encoder does.
        let (few, many) = (ReferenceCodec.compress(after).count, ReferenceCodec.compress(before).count)
        #expect(few * 10 < many * 9, "\(few) bytes, \(many) frame by frame")
        #expect(scratch.compress().count < few)
    }
}
