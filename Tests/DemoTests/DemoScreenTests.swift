import Testing

@testable import narthex_demo

struct DemoScreenTests {
    private let numbers = DemoNumbers(
        elapsedMs: 12_900, discoveredTargets: 6, healthyTargets: 5, series: 6_030, scrapedSamples: 48_000,
        bufferedSamples: 1_200, acknowledgedSamples: 46_799, droppedSamples: 1, requests: 52,
        requestBytes: 627_107,
        signaturesChecked: 52, signaturesRefused: 0, statusURL: "http://127.0.0.1:9090/")

    @Test func aTerminalIsRedrawnInPlace() {
        var screen = DemoScreen(isTerminal: true)
        let first = screen.render(numbers) ?? ""
        #expect(first.hasPrefix("\r\u{1B}[2KNarthex has been running for 12 s."))
        #expect(first.contains("Discovered    6 targets, of which 5 answer\n"))
        #expect(first.contains("Scraped       48,000 samples of 6,030 series, "))
        #expect(first.contains("Buffered      1,200 samples on disk"))
        #expect(first.contains("Acknowledged  46,799 samples, 52 requests, 13.4 bytes a sample\n"))
        #expect(first.contains("Dropped       1 sample\n"))
        #expect(first.contains("52 signatures checked and right, 0 refused."))
        #expect(first.contains("Status page   http://127.0.0.1:9090/\n"))
        let lines = first.split(separator: "\n").count
        let second = screen.render(numbers) ?? ""
        #expect(second == "\u{1B}[\(lines)A" + first)
    }

    @Test func longLinesAreCutToTheTerminal() {
        var screen = DemoScreen(isTerminal: true, columns: 30)
        var long = numbers
        long.statusURL = String(repeating: "x", count: 500)
        let text = screen.render(long) ?? ""
        for line in text.split(separator: "\n") { #expect(line.drop { $0 != "K" }.count <= 30) }
    }

    @Test func elsewhereOneLineEveryFewSeconds() {
        var screen = DemoScreen(isTerminal: false, lineIntervalMs: 5_000)
        let first = screen.render(numbers) ?? ""
        #expect(first.split(separator: "\n").count == 1)
        #expect(first.hasPrefix("12 s: discovered 6 targets, scraped 48,000 samples ("))
        #expect(first.hasSuffix("status page http://127.0.0.1:9090/\n"))
        #expect(!first.contains("\u{1B}"))
        var later = numbers
        later.elapsedMs += 4_999
        let early = screen.render(later)
        #expect(early == nil)
        later.elapsedMs += 1
        let due = screen.render(later) ?? ""
        #expect(due.hasPrefix("17 s: "))
    }

    @Test func theRateIsTheMeanAtFirstAndSmoothedLater() throws {
        var screen = DemoScreen(isTerminal: false, lineIntervalMs: 0)
        var now = DemoNumbers()
        for second in 0...60 {
            now.elapsedMs = Int64(second) * 1_000
            // A scrape every ten seconds brings 1,000 samples at once.
            now.scrapedSamples = UInt64(second / 10) * 1_000
            _ = screen.render(now)
        }
        now.elapsedMs += 1_000
        let line = screen.render(now) ?? ""
        let rate = try #require(line.split(separator: "(").last.flatMap { Int($0.prefix { $0 != " " }) })
        #expect((60...150).contains(rate))
    }

    @Test func theFirstPictureDividesByNothing() {
        var screen = DemoScreen(isTerminal: true)
        let first = screen.render(DemoNumbers()) ?? ""
        #expect(first.contains("0 samples of 0 series, 0 a second"))
        let odd = screen.render(DemoNumbers(elapsedMs: -5))
        #expect(odd != nil)
        #expect(!screen.summary(DemoNumbers()).contains("bytes a sample"))
    }

    @Test func theSummaryIsTheLedger() {
        let text = DemoScreen(isTerminal: false).summary(numbers)
        #expect(
            text == """
                scraped = delivered + buffered + dropped
                48,000  = 46,799    + 1,200    + 1
                Every sample is accounted for.
                In 12 s: 52 requests, 13.4 bytes a sample; 52 signatures checked and right, 0 refused.

                """)
    }

    @Test func theSummarySaysWhenTheLedgerDoesNotHold() {
        var wrong = numbers
        wrong.bufferedSamples = 0
        #expect(DemoScreen(isTerminal: false).summary(wrong).contains("1,200 samples are unaccounted for."))
        wrong.bufferedSamples = 1_201
        #expect(DemoScreen(isTerminal: false).summary(wrong).contains("1 sample is counted twice."))
    }

    @Test(
        arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] as [(UInt64, String)])
    func numbersAreGrouped(number: UInt64, text: String) {
        #expect(DemoScreen.grouped(number) == text)
    }
}
