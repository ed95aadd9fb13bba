import Configuration
import MetricModel
import Relabel
import Testing

@testable import Scrape

/// Staleness, duplicates, timestamps and the report, scrape by scrape.
@Suite struct ScrapeEngineTests {
    @Test func everyScrapeReportsFiveSeries() throws {
        let scrape = plainScrape(external: [Label("region", "r")])
        let frame = try scrape.consume("a 1\nb 2\n", at: 1_000)
        #expect(
            frame.samples(report: true).dropFirst(2).map { "\($0)" } == [
                "{__name__=\"up\", instance=\"i\", job=\"j\", region=\"r\"} 1.0 @1000",
                "{__name__=\"scrape_duration_seconds\", instance=\"i\", job=\"j\", region=\"r\"} 0.0 @1000",
                "{__name__=\"scrape_samples_scraped\", instance=\"i\", job=\"j\", region=\"r\"} 2.0 @1000",
                "{__name__=\"scrape_samples_post_metric_relabeling\", instance=\"i\", job=\"j\","
                    + " region=\"r\"} 2.0 @1000",
                "{__name__=\"scrape_series_added\", instance=\"i\", job=\"j\", region=\"r\"} 2.0 @1000",
            ])
        #expect(try scrape.consume("a 1\nb 2\n", at: 2_000).values.last == 0)
        #expect(try scrape.consume("a 1\nc 2\nd 1\n", at: 3_000).values.last == 2)
        #expect(try scrape.consume("", at: 4_000).values.count == 5)
    }

    @Test func threeMoreSeriesReportWhenAsked() throws {
        var rules = SeriesRules()
        rules.limits.samples = 7
        let scrape = TargetScrape(target: plainTarget(), rules: rules, reportsExtra: true)
        #expect(try Array(scrape.consume("a 1\n", at: 1).values.suffix(3)) == [10, 7, 4])
        let failed = try scrape.fail(at: 2)
        #expect(Array(failed.values.suffix(3)) == [10, 7, 0])
        #expect(failed.values.count == 9)
        #expect(
            failed.layout.labels(ofSeries: 8, target: failed.target)?["__name__"] == "scrape_body_size_bytes")
        // A target's own series of that name gives way.
        #expect(try scrape.consume("scrape_sample_limit 1\n", at: 3).absent == [0])
        #expect(try scrape.remove(at: 4)?.values.allSatisfy { $0.bitPattern == StaleMarker.bits } == false)
    }

    @Test func aFailedScrapeReportsWhatWasRead() throws {
        let scrape = plainScrape()
        let error = #expect(throws: ScrapeError.self) { try scrape.consume("a 1\nb 2\n?\n", at: 1) }
        #expect(error?.samplesScraped == 2)
        #expect(try Array(scrape.fail(at: 1, error: error).values) == [0, 0, 2, 2, 0])
    }

    /// As in Prometheus: a series that a rule refuses was scraped, and what relabelling drops is not left.
    @Test func aRefusedScrapeReportsWhatRulesLeave() throws {
        var rules = SeriesRules()
        rules.limits.labels = 4
        let relabelling = MetricRelabelling(
            rules: RelabelRules([
                try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: "x"))
            ]))
        let scrape = TargetScrape(target: plainTarget(), rules: rules, relabelling: relabelling)
        let error = #expect(throws: ScrapeError.self) {
            try scrape.consume("x 1\na 1\nb{k=\"v\",l=\"w\"} 1\nc 1\n", at: 1)
        }
        #expect(error?.code == .labelLimit)
        #expect(try Array(scrape.fail(at: 1, error: error).values) == [0, 0, 3, 1, 0])
        // The line that is not in the format is no sample.
        let broken = #expect(throws: ScrapeError.self) { try scrape.consume("x 1\na 1\n?\n", at: 2) }
        #expect(try Array(scrape.fail(at: 2, error: broken).values) == [0, 0, 2, 1, 0])
        rules = SeriesRules()
        rules.limits.samples = 1
        let limited = TargetScrape(target: plainTarget(), rules: rules, relabelling: relabelling)
        let over = #expect(throws: ScrapeError.self) { try limited.consume("x 1\na 1\nb 1\n", at: 3) }
        #expect(try Array(limited.fail(at: 3, error: over).values) == [0, 0, 3, 2, 0])
    }

    @Test func aWindowTakesLateSamples() throws {
        var rules = SeriesRules()
        rules.outOfOrderWindowMs = 5_000
        let scrape = TargetScrape(target: plainTarget(), rules: rules)
        _ = try scrape.consume("a 1 20000\nb 1\n", at: 21_000)
        // Within the window, at its edge, and the last sample once more.
        #expect(try scrape.consume("a 2 16000\nb 2\n", at: 22_000).lines() == ["a 2.0 @16000", "b 2.0"])
        #expect(try scrape.consume("a 3 15000\nb 3\n", at: 23_000).lines() == ["b 3.0"])
        #expect(try scrape.consume("a 4 20000\nb 4\n", at: 24_000).lines() == ["b 4.0"])
        // A late sample does not move the window back.
        #expect(try scrape.consume("a 5 15001\n", at: 25_000).lines().first == "a 5.0 @15001")
        #expect(try scrape.consume("a 6 15000\n", at: 26_000).lines() == [])
        // Nor does it take what is too old at all, whatever the window is.
        rules.outOfOrderWindowMs = Int64.max
        let wide = TargetScrape(target: plainTarget(), rules: rules)
        _ = try wide.consume("a 1 10000000\n", at: 10_000_000)
        #expect(try wide.consume("a 2 6000000\n", at: 10_001_000).lines() == [])
        #expect(try wide.consume("a 3 9000000\n", at: 10_002_000).lines() == ["a 3.0 @9000000"])
    }

    @Test func aSampleBeforeOneThatLayAheadIsTakenWithinTheWindow() throws {
        var rules = SeriesRules()
        let strict = TargetScrape(target: plainTarget(), rules: rules)
        rules.outOfOrderWindowMs = 60_000
        let lenient = TargetScrape(target: plainTarget(), rules: rules)
        for scrape in [strict, lenient] { _ = try scrape.consume("a 1 30000\n", at: 10_000) }
        #expect(try strict.consume("a 2\n", at: 20_000).lines() == [])
        #expect(try lenient.consume("a 2\n", at: 20_000).lines() == ["a 2.0"])
        for scrape in [strict, lenient] {
            #expect(try scrape.consume("a 3\n", at: 40_000).lines() == ["a 3.0"])
        }
    }

    @Test func trackedTimestampsGetMarkers() throws {
        let tracked = TargetScrape(target: plainTarget(), rules: SeriesRules(), tracksStaleness: true)
        let untracked = plainScrape()
        for scrape in [tracked, untracked] { _ = try scrape.consume("a 1 1000\nb 1 9000\nc 1\n", at: 2_000) }
        #expect(try untracked.consume("", at: 3_000).lines() == ["c stale"])
        // The marker of b would lie before its last sample.
        #expect(try tracked.consume("", at: 3_000).lines() == ["a stale", "c stale"])
        _ = try tracked.consume("a 1 3500\n", at: 4_000)
        #expect(try tracked.fail(at: 5_000).lines() == ["a stale"])
        #expect(try tracked.fail(at: 6_000).lines() == [])
    }

    @Test func seriesThatLeftGetOneMarker() throws {
        let scrape = plainScrape()
        _ = try scrape.consume("a 1\nb 2\nc 3\n", at: 1)
        #expect(try scrape.consume("a 1\nc 3\n", at: 2).lines() == ["a 1.0", "c 3.0", "b stale"])
        #expect(try scrape.consume("a 1\nc 3\n", at: 3).lines() == ["a 1.0", "c 3.0"])
        #expect(try scrape.consume("", at: 4).lines() == ["a stale", "c stale"])
        #expect(try scrape.consume("a 1\n", at: 5).lines() == ["a 1.0"])
    }

    @Test func seriesThatMovedHaveNotLeft() throws {
        let scrape = plainScrape()
        _ = try scrape.consume("a 1\nb 2\n", at: 1)
        #expect(try scrape.consume("b 2\na 1\n", at: 2).lines() == ["b 2.0", "a 1.0"])
        #expect(try scrape.consume("# HELP b text\nb 2\na{x=\"\"} 1\n", at: 3).lines() == ["b 2.0", "a 1.0"])
    }

    @Test func failedScrapeEndsEverySeriesOnce() throws {
        let scrape = plainScrape()
        _ = try scrape.consume("a 1\nb 2\n", at: 1)
        let failed = try scrape.fail(at: 2)
        #expect(failed.lines() == ["a stale", "b stale"])
        #expect(failed.values[2] == 0)
        let again = try scrape.fail(at: 3)
        #expect(again.lines(report: true).count == 5)
        // Known lines: nothing is new, nothing left, nothing parsed.
        let back = try scrape.consume("a 1\nb 2\n", at: 4)
        #expect(back.lines() == ["a 1.0", "b 2.0"])
        #expect(back.values.last == 0)
        #expect(scrape.parsedLines == 2)
    }

    @Test func aSeriesLostDuringAFailureIsNotMarkedTwice() throws {
        let scrape = plainScrape()
        _ = try scrape.consume("a 1\nb 2\n", at: 1)
        _ = try scrape.fail(at: 2)
        #expect(try scrape.consume("a 1\n", at: 3).lines() == ["a 1.0"])
    }

    @Test func aParseErrorKeepsNothingAndChangesNothing() throws {
        let scrape = plainScrape()
        _ = try scrape.consume("a 1\nb 2\n", at: 1)
        #expect(throws: ScrapeError.self) { try scrape.consume("a 5\nc 1\n?", at: 2) }
        #expect(try scrape.fail(at: 2).lines() == ["a stale", "b stale"])
        #expect(try scrape.consume("a 7\nb 2\n", at: 3).lines() == ["a 7.0", "b 2.0"])
    }

    @Test func removalEndsTheReportToo() throws {
        let scrape = plainScrape()
        #expect(try scrape.remove(at: 1) == nil)
        _ = try scrape.consume("a 1\n", at: 1)
        let removed = try #require(try scrape.remove(at: 2))
        #expect(removed.samples(report: true).map(\.bits) == Array(repeating: StaleMarker.bits, count: 6))
        #expect(try scrape.remove(at: 3) == nil)
        _ = try scrape.fail(at: 4)
        let failed = try #require(try scrape.remove(at: 5))
        #expect(failed.samples(report: true).count == 5)
    }

    @Test func theFirstOfRepeatedLinesIsKept() throws {
        let scrape = plainScrape()
        let frame = try scrape.consume(
            "a{x=\"1\",y=\"2\"} 1\nb 1\na{y=\"2\",x=\"1\"} 2\na{x=\"1\",y=\"2\"} 3\n", at: 1)
        #expect(frame.lines() == ["a{x=\"1\", y=\"2\"} 1.0", "b 1.0"])
        #expect(frame.absent == [2, 3])
        #expect(scrape.duplicateCount == 2)
        #expect(frame.values.suffix(3) == [4, 4, 2])
        // The first line goes, the series stays.
        let later = try scrape.consume("b 1\na{y=\"2\",x=\"1\"} 2\n", at: 2)
        #expect(later.lines() == ["b 1.0", "a{x=\"1\", y=\"2\"} 2.0"])
        #expect(later.values.last == 0)
        #expect(try scrape.fail(at: 3).lines() == ["b stale", "a{x=\"1\", y=\"2\"} stale"])
    }

    @Test func repeatedLinesFarApartAreFound() throws {
        let scrape = plainScrape()
        let filler = (0..<2_000).map { "f{n=\"\($0)\"} 1\n" }.joined()
        let frame = try scrape.consume("a 1\n" + filler + "a 2\n", at: 1)
        #expect(frame.absent == [2_001])
        #expect(try scrape.consume("b 1\n" + filler + "a 2\n", at: 2).lines().last == "a 2.0")
        #expect(try scrape.consume("a 1\n" + filler + "a 2\n", at: 3).absent == [2_001])
    }

    @Test func honouredAndTargetLabelsMayGiveOneSeries() throws {
        let scrape = plainScrape(honorLabels: true)
        let frame = try scrape.consume("a 1\na{job=\"j\"} 2\na{job=\"k\"} 3\n", at: 1)
        #expect(frame.lines() == ["a 1.0", "a{job=\"k\"} 3.0"])
    }

    @Test func aTargetCannotSpeakForTheAgent() throws {
        let scrape = plainScrape()
        let frame = try scrape.consume("up 0\nup{x=\"1\"} 5\n", at: 1)
        #expect(frame.lines() == ["up{x=\"1\"} 5.0"])
        #expect(frame.samples(report: true)[1].bits == Double(1).bitPattern)
        #expect(scrape.duplicateCount == 1)
    }

    // MARK: timestamps

    @Test func explicitTimestampsAreKeptAndFreeOfStaleness() throws {
        let scrape = plainScrape()
        let start: Int64 = 1_700_000_000_000
        #expect(
            try scrape.consume("a 1 \(start - 5)\nb 2\n", at: start).lines() == [
                "a 1.0 @\(start - 5)", "b 2.0",
            ])
        #expect(try scrape.consume("b 2\n", at: start + 1_000).lines() == ["b 2.0"])
        _ = try scrape.consume("a 1 \(start + 1_500)\nb 2\n", at: start + 2_000)
        #expect(try scrape.fail(at: start + 3_000).lines() == ["b stale"])
    }

    @Test func samplesOutOfOrderOrBoundsAreLeftOut() throws {
        let target = plainTarget()
        let engine = ScrapeEngine(
            target: target, honorLabels: false, honorTimestamps: true, layouts: LayoutInterner(),
            templates: TemplateInterner())
        var state = engine.makeState()
        let start: Int64 = 1_700_000_000_000
        func scrape(_ text: String, at timestampMs: Int64) throws -> ScrapeEngine.Prepared {
            let bytes = Array(text.utf8)
            // Safety: the span is used only inside the closure, where the array's bytes live.
            let prepared = try unsafe bytes.withUnsafeBytes {
                try unsafe engine.scraped($0.bytes, at: timestampMs, after: state) { 0 }
            }
            state = prepared.next
            return prepared
        }
        let first = try scrape(
            "a 1 \(start)\nb 2\nc 1 \(start + 600_001)\nd 1 \(start + 600_000)\n", at: start)
        #expect(first.frame.lines() == ["a 1.0", "b 2.0", "d 1.0 @\(start + 600_000)"])
        #expect(first.leftOut[.outOfBounds] == 1)
        #expect(first.leftOut.first == 2)
        // The same timestamp again, an older one, a plain sample behind a future one, a timestamp behind a
        // plain one.
        let second = try scrape("a 1 \(start)\nb 3 \(start)\nc 1\nd 2\n", at: start + 15_000)
        #expect(second.frame.lines() == ["c 1.0"])
        #expect(second.leftOut[.outOfOrder] == 3 && second.leftOut.first == 0)
        let third = try scrape(
            "a 1 \(start + 1)\nb 3 \(start + 1)\nc 1\nd 2 \(start + 600_001)\n", at: start + 30_000)
        #expect(
            third.frame.lines() == [
                "a 1.0 @\(start + 1)", "b 3.0 @\(start + 1)", "c 1.0", "d 2.0 @\(start + 600_001)",
            ])
        // Lines move: the past goes with the series.
        let fourth = try scrape(
            "d 3 \(start + 600_001)\nc 1\nb 3 \(start + 1)\na 1 \(start + 2)\n", at: start + 45_000)
        #expect(fourth.frame.lines() == ["c 1.0", "a 1.0 @\(start + 2)"])
        #expect(fourth.leftOut[.outOfOrder] == 2)
        // Without timestamps all is as ever, once the future is past.
        _ = try scrape("a 1\nb 1\nc 1\nd 1\n", at: start + 700_000)
        let last = try scrape("a 1\nb 1\nc 1\nd 1\n", at: start + 715_000)
        #expect(last.frame.absent.isEmpty)
        #expect(last.next.lastSampleMs.isEmpty)
    }

    @Test func aSeriesMayStandTwiceWithTimestamps() throws {
        let scrape = plainScrape()
        let start: Int64 = 1_700_000_000_000
        let frame = try scrape.consume(
            "a 1 \(start + 1)\na 2 \(start + 2)\na 3 \(start + 2)\na 4\n", at: start + 9)
        #expect(frame.lines() == ["a 1.0 @\(start + 1)", "a 2.0 @\(start + 2)"])
        let next = try scrape.consume(
            "a 1 \(start + 2)\na 2 \(start + 3)\na 3 \(start + 4)\na 4\n", at: start + 19)
        #expect(next.lines() == ["a 2.0 @\(start + 3)", "a 3.0 @\(start + 4)"])
    }

    @Test func timestampsAreIgnoredWhenNotHonoured() throws {
        let scrape = plainScrape(honorTimestamps: false)
        #expect(try scrape.consume("a 1 5\n", at: 100).lines() == ["a 1.0"])
        #expect(try scrape.consume("a 1 5\n", at: 200).lines() == ["a 1.0"])
        #expect(try scrape.consume("", at: 300).lines() == ["a stale"])
    }

    @Test func aClockThatWentBackIsRefused() throws {
        let scrape = plainScrape()
        _ = try scrape.consume("a 1\n", at: 1_000)
        for timestampMs in [Int64(1_000), 999] {
            let error = #expect(throws: ScrapeError.self) { try scrape.consume("a 1\n", at: timestampMs) }
            #expect(error?.code == .clock)
            #expect(throws: ScrapeError.self) { try scrape.fail(at: timestampMs) }
        }
        #expect(try scrape.consume("a 1\n", at: 1_001).lines() == ["a 1.0"])
    }

    @Test func aClockThatWentBackIsToldInTimesAndDurations() throws {
        let scrape = plainScrape()
        let start: Int64 = 1_700_000_000_000
        _ = try scrape.consume("a 1\n", at: start)
        let error = #expect(throws: ScrapeError.self) {
            try scrape.consume("a 1\n", at: start - 3_690_500)
        }
        #expect(
            error?.message
                == "the wall clock shows 2023-11-14T21:11:49.500Z, 1h1m30.5s before the last scrape of this"
                + " target: its samples are left out for as long, until the clock has passed"
                + " 2023-11-14T22:13:20.000Z; look at what sets this machine's clock. If the last scrape's"
                + " time was wrong, receivers have refused its samples, as most do beyond 10m ahead, and a"
                + " restart of the agent ends this at once")
        // What a receiver takes, it has: a restart would send what it refuses as out of order.
        let small = #expect(throws: ScrapeError.self) { try scrape.consume("a 1\n", at: start - 600_000) }
        #expect(small?.message.hasSuffix("; look at what sets this machine's clock") == true)
    }

    /// An exporter that shows seconds as milliseconds exposes a time of 1970 that moves. A receiver may
    /// refuse the whole request for such a sample.
    @Test func aTimestampOfMoreThanAnHourAgoIsLeftOut() throws {
        let start: Int64 = 1_700_000_000_000
        let scrape = plainScrape()
        let hourAgo = start - 3_600_000
        let first = try scrape.consume(
            "a 1 \(start / 1_000)\nb 1\nc 1 \(hourAgo - 1)\nd 1 \(hourAgo)\n", at: start)
        #expect(first.lines() == ["b 1.0", "d 1.0 @\(hourAgo)"])
        #expect(first.sampleCount == 2 + 5)
        #expect(scrape.leftOut[.tooOld] == 2 && scrape.leftOut.total == 2)
        // The time moves and stays as far behind; the one of d is by now an hour and 15 seconds old.
        let second = try scrape.consume(
            "a 1 \(start / 1_000 + 15)\nb 1\nc 1 \(start)\nd 1 \(hourAgo + 1)\n", at: start + 15_000)
        #expect(second.lines() == ["b 1.0", "c 1.0 @\(start)"])
        #expect(scrape.leftOut[.tooOld] == 2 && scrape.leftOut.first == 0)
        // The frame's own time may be any.
        #expect(try plainScrape().consume("a 1\nb 1 50\n", at: 100).lines() == ["a 1.0", "b 1.0 @50"])
    }
}
