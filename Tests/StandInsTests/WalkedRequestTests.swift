import Platform
import Testing

@testable import StandIns

struct WalkedRequestTests {
    private static let nowMs: Int64 = 10_000_000

    private func walk(_ plain: [UInt8], seed: UInt64) -> WalkedRequest? {
        WalkedRequest(plain.span, seed: seed)
    }

    @Test func readsWhatTheReferenceReads() throws {
        let plain = WireRequest.message([
            WireRequest(labels: [("__name__", "up"), ("job", "a")], samples: [(1_000, 1), (-5, -0.5)]),
            WireRequest(labels: [], samples: []),
            WireRequest(labels: [("__name__", "down")], samples: [(0, 0), (Int64.max, .infinity)]),
        ])
        let walked = try #require(walk(plain, seed: 1))
        let decoded = try WriteRequestDecoder.decode(plain: plain)
        #expect(walked.series.map(\.samples) == decoded.series.map(\.samples))
        #expect(walked.samples.map(\.timestampMs) == decoded.samples.map(\.timestampMs))
        #expect(walked.samples.map(\.value.bitPattern) == decoded.samples.map(\.value.bitPattern))
        for (one, series) in zip(walked.series, decoded.series) {
            let alone = try WriteRequestDecoder.decode(plain: Array(plain[one.field]))
            #expect(alone.series.map(\.key) == [series.key])
        }
    }

    @Test(
        arguments: [
            [0x1A, 0],  // metadata
            [0x0A, 2, 0x1A, 0],  // an exemplar
            [0x0A, 2, 0x12, 0, 0x0A],  // cut
            [0x0A, 3, 0x12, 2, 0x09],  // a sample longer than its series
            [0x0A, 4, 0x12, 2, 0x09, 0],  // half a value
            // A value that begins in its sample and ends behind it, where a series begins.
            [0x0A, 8, 0x12, 6, 0x09, 0, 0, 0, 0, 0] + [0, 0, 0] + [0x0A, 4, 0x12, 2, 0x10, 0],
            [0x0A, 4, 0x12, 2, 0x18, 0],  // a field that samples do not have
            [0x0A, 0x80], [0x0A, 5, 0], [0x0A], [0x0A, 2, 0x0A, 9], [0x10, 0],
            [0x0A, 13, 0x12, 11, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2],
        ] as [[UInt8]])
    func anythingElseIsLeftToTheReference(plain: [UInt8]) {
        #expect(walk(plain, seed: 1) == nil)
    }

    @Test func aMessageCutAnywhereIsNoShorterOne() {
        let plain = WireRequest.message([
            WireRequest(labels: [("__name__", "up"), ("job", "a")], samples: [(1_000, 1), (2_000, 2)])
        ])
        for count in 1..<plain.count {
            #expect(walk(Array(plain[..<count]), seed: 1) == nil, "\(count) bytes")
        }
    }

    @Test func hashesDifferWhereLabelsDo() throws {
        var hashes: Set<UInt64> = []
        for length in 0..<80 {
            for last in ["a", "b"] {
                let value = String(repeating: "x", count: length) + last
                let plain = WireRequest.message([WireRequest(labels: [("n", value)], samples: [(1, 1)])])
                hashes.insert(try #require(walk(plain, seed: 7)?.series.first).labelHash)
            }
        }
        #expect(hashes.count == 160)
    }

    /// Both ways into the ledger count the same, whatever comes: equal and other series, samples again, out
    /// of order, too old and too new, and labels that break a rule.
    @Test(arguments: [false, true]) func theLedgerCountsAlikeEitherWay(keepsArrivals: Bool) throws {
        var random = SplitMix64(seed: 14)
        var quick = SampleLedger(
            outOfOrderWindowMs: 50, maxSampleAgeMs: 1_000, keepsHistory: false, keepsArrivals: keepsArrivals)
        var reference = quick
        for _ in 0..<400 {
            let series = (0..<random.next() % 12).map { _ -> WireRequest in
                let name = random.next() % 20 == 0 ? "a-b" : "m\(random.next() % 8)"
                let samples = (0..<random.next() % 4).map { _ in
                    (Self.nowMs - 1_020 + Int64(random.next() % 60) * 20, Double(random.next() % 3))
                }
                return WireRequest(
                    labels: [("__name__", name), ("instance", "i\(random.next() % 3)"), ("job", "j")],
                    samples: samples)
            }
            let plain = WireRequest.message(series)
            let walked = try #require(walk(plain, seed: quick.seed))
            let quickly = try quick.take(walked, of: plain, nowMs: Self.nowMs)
            let slowly = reference.take(try WriteRequestDecoder.decode(plain: plain), nowMs: Self.nowMs)
            #expect(quickly == slowly)
        }
        #expect(quick.counts == reference.counts)
        #expect(quick.counts.samples > 100 && quick.counts.outOfOrder > 10 && quick.counts.duplicates > 10)
        #expect(quick.jobs == reference.jobs)
        #expect(quick.arrivals?.scrapes == reference.arrivals?.scrapes)
        #expect(quick.series.map(\.timestampMs) == reference.series.map(\.timestampMs))
    }

    /// The order of labels' fields is the sender's choice, as far as they are sorted; another encoding of the
    /// same labels is the same series.
    @Test func anotherEncodingIsTheSameSeries() throws {
        var ledger = SampleLedger(outOfOrderWindowMs: 0, maxSampleAgeMs: nil, keepsHistory: false)
        let label: [UInt8] =
            WireRequest.field(1, Array("__name__".utf8)) + WireRequest.field(2, Array("up".utf8))
        let turned: [UInt8] =
            WireRequest.field(2, Array("up".utf8)) + WireRequest.field(1, Array("__name__".utf8))
        for (label, timestampMs) in [(label, 1), (turned, 2), (label, 3), (turned, 3)] as [([UInt8], UInt8)] {
            let sample: [UInt8] = [0x12, 2, 0x10, timestampMs]
            let plain = WireRequest.field(1, WireRequest.field(1, label) + sample)
            let walked = try #require(walk(plain, seed: ledger.seed))
            #expect(try ledger.take(walked, of: plain, nowMs: 5) == nil)
        }
        #expect(ledger.series.count == 1)
        #expect(ledger.counts.samples == 3)
        #expect(ledger.counts.duplicates == 1)
    }

    @Test func labelsThatCannotBeReadTakeNothing() throws {
        var ledger = SampleLedger(outOfOrderWindowMs: 0, maxSampleAgeMs: nil, keepsHistory: false)
        let good = WireRequest.message([WireRequest(labels: [("__name__", "up")], samples: [(1, 1)])])
        // A label whose name is longer than the label.
        let plain = good + WireRequest.field(1, WireRequest.field(1, [0x0A, 9]))
        let walked = try #require(walk(plain, seed: ledger.seed))
        #expect(throws: WriteRequestDecoder.Failure.self) { try ledger.take(walked, of: plain, nowMs: 5) }
        #expect(ledger.counts.samples == 0)
    }
}
