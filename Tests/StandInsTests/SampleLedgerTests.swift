import Testing

@testable import StandIns

struct SampleLedgerTests {
    private static let nowMs: Int64 = 10_000_000
    private static let stale = Double(bitPattern: 0x7FF0_0000_0000_0002)

    private func ledger(windowMs: Int64 = 0, keeps: Bool = false, maxAgeMs: Int64? = nil) -> SampleLedger {
        SampleLedger(outOfOrderWindowMs: windowMs, maxSampleAgeMs: maxAgeMs, keepsHistory: keeps)
    }

    private func request(_ name: String, job: String = "a", _ samples: [(Int64, Double)]) throws
        -> DecodedRequest
    {
        try WriteRequestDecoder.decode(
            WireRequest.body([WireRequest(labels: [("__name__", name), ("job", job)], samples: samples)]),
            limitBytes: 1 << 20)
    }

    @Test func newerSamplesAreTaken() throws {
        var ledger = ledger()
        #expect(ledger.take(try request("up", [(1, 1), (2, 2)]), nowMs: 5) == nil)
        #expect(ledger.take(try request("up", [(3, 3)]), nowMs: 5) == nil)
        #expect(ledger.take(try request("up", job: "b", [(1, 9)]), nowMs: 5) == nil)
        #expect(ledger.counts.samples == 4)
        #expect(ledger.jobs == ["a": 3, "b": 1])
        #expect(ledger.series.count == 2)
        #expect(ledger.latest([("job", "a"), ("__name__", "up")])?.value == 3)
        #expect(ledger.latest([("__name__", "up")]) == nil)
    }

    @Test func theSameSampleAgainIsADuplicateAndNoRefusal() throws {
        var ledger = ledger()
        _ = ledger.take(try request("up", [(1, .nan)]), nowMs: 5)
        #expect(ledger.take(try request("up", [(1, .nan)]), nowMs: 5) == nil)
        #expect(ledger.counts.duplicates == 1)
        #expect(ledger.counts.samples == 1)
    }

    @Test func anotherValueForTheSameMomentIsAConflict() throws {
        var ledger = ledger()
        _ = ledger.take(try request("up", [(1, 1)]), nowMs: 5)
        let refusal = ledger.take(try request("up", [(1, 2)]), nowMs: 5)
        #expect(refusal == "duplicate sample for timestamp. timestamp=1, series={__name__=\"up\", job=\"a\"}")
        #expect(ledger.counts.conflicts == 1)
        #expect(ledger.latest([("__name__", "up"), ("job", "a")])?.value == 1)
    }

    @Test func zeroAndMinusZeroDiffer() throws {
        var ledger = ledger()
        _ = ledger.take(try request("up", [(1, 0)]), nowMs: 5)
        #expect(ledger.take(try request("up", [(1, -0.0)]), nowMs: 5) != nil)
    }

    @Test func olderSamplesAreRefusedOutsideTheWindow() throws {
        var ledger = ledger(windowMs: 10)
        _ = ledger.take(try request("up", [(100, 1)]), nowMs: 200)
        #expect(ledger.take(try request("up", [(90, 1)]), nowMs: 200) == nil)
        #expect(
            ledger.take(try request("up", [(89, 1)]), nowMs: 200)?.hasPrefix("out of order sample") == true)
        #expect(ledger.counts.outOfOrder == 2)
        #expect(ledger.counts.samples == 2)
        #expect(ledger.latest([("__name__", "up"), ("job", "a")])?.timestampMs == 100)
    }

    @Test func aKeptHistoryKnowsEveryDuplicate() throws {
        var ledger = ledger(windowMs: 1_000, keeps: true)
        let batch = try request("up", [(1, 1), (2, 2), (3, 3)])
        #expect(ledger.take(batch, nowMs: 5) == nil)
        #expect(ledger.take(batch, nowMs: 5) == nil)
        #expect(ledger.counts.duplicates == 3)
        #expect(ledger.counts.outOfOrder == 0)
        #expect(ledger.take(try request("up", [(2, 5)]), nowMs: 5) != nil)
        #expect(ledger.counts.conflicts == 1)
    }

    @Test func agesAreLimitedToBothSides() throws {
        var ledger = ledger(maxAgeMs: 1_000)
        let now = Self.nowMs
        #expect(
            ledger.take(try request("up", [(now - 1_001, 1)]), nowMs: now)?.contains("max_sample_age") == true
        )
        #expect(ledger.take(try request("up", [(now - 1_000, 1)]), nowMs: now) == nil)
        #expect(ledger.take(try request("up", [(now + 600_001, 1)]), nowMs: now)?.contains("future") == true)
        #expect(ledger.take(try request("up", [(now + 600_000, 1)]), nowMs: now) == nil)
        #expect(ledger.counts.tooOld == 1)
        #expect(ledger.counts.tooNew == 1)
    }

    @Test func extremeTimestampsDoNotTrap() throws {
        var ledger = ledger(windowMs: 60_000, maxAgeMs: 1_000)
        for timestampMs in [Int64.min, -1, 0, .max] {
            _ = ledger.take(try request("up", [(timestampMs, 1)]), nowMs: Self.nowMs)
        }
        #expect(ledger.counts.samples == 0)
        var ageless = self.ledger(windowMs: 60_000)
        for timestampMs in [Int64.min, 0, Self.nowMs, Int64.min] {
            _ = ageless.take(try request("up", [(timestampMs, 1)]), nowMs: Self.nowMs)
        }
    }

    @Test func staleMarkersAreCounted() throws {
        var ledger = ledger()
        _ = ledger.take(try request("up", [(1, 1), (2, Self.stale), (3, .nan)]), nowMs: 5)
        #expect(ledger.counts.staleMarkers == 1)
        #expect(ledger.counts.samples == 3)
    }

    @Test func goodSeriesOfABadRequestAreTaken() throws {
        var ledger = ledger()
        let request = try WriteRequestDecoder.decode(
            WireRequest.body([
                WireRequest(labels: [("job", "a")], samples: [(1, 1), (2, 2)]),
                WireRequest(labels: [("__name__", "up")], samples: [(1, 1)]),
            ]), limitBytes: 1_000)
        #expect(ledger.take(request, nowMs: 5) == "missing metric name")
        #expect(ledger.counts.labelFaults == 2)
        #expect(ledger.counts.samples == 1)
        #expect(ledger.jobs == ["": 1])
    }

    @Test func labelsThatOnlyLookEqualAreOtherSeries() throws {
        var ledger = ledger()
        for labels in [
            [("__name__", "a"), ("b", "cd")], [("__name__", "a"), ("bc", "d")],
            [("__name__", "ab"), ("c", "d")],
        ] {
            let body = WireRequest.body([WireRequest(labels: labels, samples: [(1, 1)])])
            _ = ledger.take(try WriteRequestDecoder.decode(body, limitBytes: 1_000), nowMs: 5)
        }
        #expect(ledger.series.count == 3)
    }
}
