import MetricModel
import Platform
import Relabel
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite struct WriteRelabelViewsTests {
    private func rules(_ keys: RelabelRule.Keys...) throws -> RelabelRules {
        RelabelRules(try keys.map { try RelabelRule($0) })
    }

    /// What the rules leave of a sample, the naive way; nil when they drop it.
    private func expected(_ sample: SentSample, _ rules: RelabelRules) -> SentSample? {
        let result = rules.apply(to: LabelSet(sample.labels))
        guard result.outcome == .kept, result.labels["__name__"] != nil else { return nil }
        var sample = sample
        sample.labels = result.labels.labels
        return sample
    }

    @Test func seriesAreDroppedAndRelabelledStaleMarkersToo() throws {
        let rules = try rules(
            .init(action: .drop, sourceLabels: ["__name__"], regex: "m1|gone1"),
            .init(sourceLabels: ["instance"], targetLabel: "host", regex: "([^:]*):.*"),
            .init(action: .labeldrop, regex: "job"))
        let store = BufferedDestination(clock: ManualClock(wallMs: 10_000_000))
        let frames = (0..<3).map {
            TestFrames.frame(
                count: 4, timestampMs: 9_000_000 + $0, absent: [0], departed: ["gone0", "gone1"])
        }
        store.append(frames)
        var collector = BatchCollector(
            limits: .init(bytes: .max, age: SampleAge(configuredMs: 0, url: "http://r/")), isSigned: false)
        collector.load(try store.slices(views: WriteRelabelViews(rules)))
        var leftOut = LeftOutSeries()
        guard
            case .request(let request) = collector.cut(
                samples: 1_000, leftOut: &leftOut, agingMs: 9_500_000, scratch: RequestScratch())
        else {
            Issue.record("no request")
            return
        }
        let sent = try ReferenceCodec.samples(ofBody: request.body)
        #expect(sent == frames.flatMap(\.samples).compactMap { expected($0, rules) })
        #expect(sent.count == 3 * 3)
        #expect(
            request.outcome == ["node": JobOutcome(delivered: 9, dropped: ["write_relabel": 6])])
    }

    @Test func viewsAreMadeOnceForEqualTargets() throws {
        let views = WriteRelabelViews(try rules(.init(sourceLabels: ["job"], targetLabel: "j2")))
        let target = TestFrames.target()
        let chunk = TestFrames.chunk([[Label("__name__", "a")], [Label("__name__", "b")]], target)
        func view(_ instance: String) -> LayoutChunk {
            let other = TestFrames.target([Label("instance", instance), Label("job", "node")])
            return views.view(
                of: Frame(target: other, layout: Layout([chunk]), timestampMs: 1, values: [1, 2])
            ).frame.layout.chunks[0]
        }
        #expect(view("a:1") === view("b:1"))
        #expect(views.count == 1)
        #expect(view("a:1") !== chunk)
        // What rules leave alone is not kept twice.
        let idle = WriteRelabelViews(try rules(.init(action: .labeldrop, regex: "none")))
        let frame = Frame(target: target, layout: Layout([chunk]), timestampMs: 1, values: [1, 2])
        #expect(idle.view(of: frame).frame.layout.chunks[0] === chunk)
    }

    /// Swift's strings take é in one character and in two for equal; rules and receivers do not.
    @Test func targetsAreToldApartByBytes() throws {
        let views = WriteRelabelViews(try rules(.init(sourceLabels: ["zone"], targetLabel: "copy")))
        let chunk = TestFrames.chunk([[Label("__name__", "a")]], TestFrames.target([Label("zone", "z")]))
        let copies = ["\u{E9}", "e\u{301}"].map { zone -> [UInt8] in
            let target = TestFrames.target([Label("zone", zone)])
            let frame = Frame(target: target, layout: Layout([chunk]), timestampMs: 1, values: [1])
            let labels = views.view(of: frame).frame.layout.labels(ofSeries: 0, target: target)
            return Array(labels?["copy"]?.utf8 ?? "".utf8)
        }
        #expect(copies == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
    }

    @Test func externalLabelsAreSeenByRules() throws {
        let target = Target(
            job: "node", own: LabelSet([Label("job", "node")]), external: LabelSet([Label("region", "r")]))
        let chunk = TestFrames.chunk([[Label("__name__", "a")]], target)
        let frame = Frame(target: target, layout: Layout([chunk]), timestampMs: 1, values: [1])
        let views = WriteRelabelViews(try rules(.init(sourceLabels: ["region"], targetLabel: "zone")))
        let labels = views.view(of: frame).frame.layout.labels(ofSeries: 0, target: target)
        #expect(labels?.description == "{__name__=\"a\", job=\"node\", region=\"r\", zone=\"r\"}")
    }

    @Test(arguments: [1, 3, 1_000]) func randomFramesAreSentAsTheNaiveWay(samples: Int) throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("write relabel: seed \(seed)")
        var random = SplitMix64(seed: seed)
        let rules = try rules(
            .init(action: .drop, sourceLabels: ["__name__"], regex: "m[1-9]_.*a.*"),
            .init(action: .keep, sourceLabels: ["l0", "zone"], regex: ".*[ab;].*"),
            .init(action: .labelmap, regex: "(l1|zone)", replacement: "mapped"),
            .init(
                sourceLabels: ["job", "l2"], targetLabel: "instance", regex: "(.*)a;(.+)", replacement: "$2"),
            .init(action: .labeldrop, regex: "cluster|l3|l2"))
        let views = WriteRelabelViews(rules)
        for _ in 0..<40 {
            let frame = TestFrames.random(&random)
            let slice = FrameSlice(
                StoredFrame(
                    frame: frame, start: BufferPosition(segment: 1, offset: 0),
                    end: BufferPosition(segment: 1, offset: 100)), views: views)
            var sent: [SentSample] = []
            var unwanted = 0
            var from = 0
            let scratch = RequestScratch()
            while from < slice.place.sampleCount {
                scratch.begin()
                let encoding = scratch.append(
                    slice.frame, drops: slice.drops, from: from, to: slice.place.sampleCount,
                    limits: EncodeLimits(samples: samples, bytes: .max, ownAgeMs: nil))
                try #require(encoding.consumed > 0)
                sent += try ReferenceCodec.unpack(scratch.bytes)
                unwanted += encoding.unwanted
                from += encoding.consumed
            }
            let expected = frame.samples.compactMap { self.expected($0, rules) }
            #expect(sent == expected)
            #expect(unwanted == frame.samples.count - expected.count)
        }
    }
}
