import Configuration
import MetricModel
import Testing

@testable import Scrape

@Suite struct ShedPlanTests {
    private func scrape(limit: Int, sheds: Bool = true) -> TargetScrape {
        var rules = SeriesRules()
        rules.limits.samples = limit
        rules.onLimit = sheds ? .shed : .fail
        return TargetScrape(target: plainTarget(), rules: rules)
    }

    @Test func aScrapeBeyondTheLimitFailsAsAWhole() throws {
        let scrape = scrape(limit: 2, sheds: false)
        #expect(try scrape.consume("a 1\nb 2\nb 3\n", at: 1).lines() == ["a 1.0", "b 2.0"])
        let error = #expect(throws: ScrapeError.self) { try scrape.consume("a 1\nb 2\nc 3\n", at: 2) }
        #expect(error?.code == .sampleLimit)
        #expect(error?.message == "the target exposes 3 samples; sample_limit is 2")
        // The report tells how many there were.
        let failed = try scrape.fail(at: 2, error: error)
        #expect(failed.lines() == ["a stale", "b stale"])
        #expect(Array(failed.values.suffix(5)) == [0, 0, 3, 3, 0])
    }

    @Test func knownSeriesStayAndNewOnesGo() throws {
        let scrape = scrape(limit: 3)
        #expect(try scrape.consume("a 1\nb 1\n", at: 1).lines() == ["a 1.0", "b 1.0"])
        let grown = "x{path=\"1\"} 1\na 1\nx{path=\"2\"} 1\nx{path=\"3\"} 1\nb 1\n"
        let frame = try scrape.consume(grown, at: 2)
        #expect(frame.lines() == ["x{path=\"1\"} 1.0", "a 1.0", "b 1.0"])
        #expect(scrape.shed.shedCount == 2)
        #expect(scrape.shed.grownLabel == "path")
        #expect(frame.values.last == 1)
        #expect(frame.values.suffix(5).first == 1)
        // Nothing is decided anew while nothing changes.
        let parsed = scrape.parsedLines
        #expect(try scrape.consume(grown, at: 3).lines() == ["x{path=\"1\"} 1.0", "a 1.0", "b 1.0"])
        #expect(scrape.parsedLines == parsed)
        // Room that is left is taken; what was shed has no marker to get.
        let after = try scrape.consume("x{path=\"3\"} 1\nb 1\n", at: 4)
        #expect(after.lines() == ["x{path=\"3\"} 1.0", "b 1.0", "x{path=\"1\"} stale", "a stale"])
        #expect(scrape.shed.shedCount == 0)
        #expect(after.values.last == 1)
    }

    @Test func theFirstScrapeKeepsTheFirstLines() throws {
        let scrape = scrape(limit: 2)
        #expect(try scrape.consume("a 1\nb 2\nc 3\n", at: 1).lines() == ["a 1.0", "b 2.0"])
        #expect(try scrape.consume("c 1\na 1\nb 2\n", at: 2).lines() == ["a 1.0", "b 2.0"])
        #expect(try scrape.fail(at: 3).lines() == ["a stale", "b stale"])
        #expect(try scrape.consume("c 1\na 1\nb 2\n", at: 4).lines() == ["a 1.0", "b 2.0"])
    }

    /// Series that had left a page which changes often still have places in its chunks. When they come back,
    /// they are new ones.
    @Test func seriesThatComeBackAreShedAndNotThoseThatWereThere() throws {
        var rules = SeriesRules()
        rules.limits.samples = 100
        rules.onLimit = .shed
        func make(_ byOrder: Bool) -> TargetScrape {
            TargetScrape(target: plainTarget(), rules: rules, readsByOrder: byOrder)
        }
        func lines(_ ids: Range<Int>) -> String { ids.map { "x{id=\"\($0)\"} 1\n" }.joined() }
        let (scrape, byChunks) = (make(true), make(false))
        func consume(_ text: String, _ round: Int) throws -> Frame {
            let frame = try scrape.consume(text, at: Int64(round))
            let other = try byChunks.consume(text, at: Int64(round))
            #expect(frame.lines(report: true).sorted() == other.lines(report: true).sorted(), "\(round)")
            return frame
        }
        for round in 1...5 { _ = try consume(lines(0..<90) + "y{round=\"\(round)\"} 1\n", round) }
        _ = try consume(lines(20..<90) + lines(100..<128), 6)
        #expect(scrape.pageWork != nil && scrape.holeCount >= 20)
        let frame = try consume(lines(0..<90) + lines(100..<128), 7)
        // Of 118 lines 98 were there before, and two of the others have room.
        #expect(scrape.shed.shedCount == 18)
        #expect(!frame.lines().contains { $0.hasSuffix("stale") })
        #expect(frame.values.last == 2)
    }
}
