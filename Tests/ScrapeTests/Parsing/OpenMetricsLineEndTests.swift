import MetricModel
import Testing

@testable import Scrape

/// The fast path against the slow one on OpenMetrics: values, timestamps and exemplars that move.
@Suite struct OpenMetricsLineEndTests {
    private func line(_ index: Int, _ random: inout SeededGenerator) -> String {
        let value = ["1", "0.25", "NaN", "-3e5", "18446744073709551615"].randomElement(using: &random) ?? "1"
        let time = "\(1_700_000_000 + index).\(Int.random(in: 0...999, using: &random))"
        let exemplar = "# {id=\"\(Int.random(in: 0...9, using: &random)) \\\" } # {\"} \(value)"
        return switch Int.random(in: 0..<6, using: &random) {
        case 0: "# HELP m\(index) x\n# TYPE m\(index) histogram\nm\(index){le=\"1\"} \(value)"
        case 1: "m\(index) \(value) \(time)"
        case 2: "m\(index){x=\"y\"} \(value) \(exemplar)"
        case 3: "{\"m.\(index)\",x=\"y\"} \(value) \(time) \(exemplar) \(time)"
        default: "m\(index){x=\"\(index)\"} \(value)"
        }
    }

    private func moved(_ line: String, _ random: inout SeededGenerator) -> String {
        // A changed value, and now and then an exemplar or a timestamp that comes or goes.
        guard let end = line.lastIndex(of: "}") ?? line.lastIndex(of: " "), Bool.random(using: &random),
            !line.contains("# {")
        else { return line }
        let series = line[...end].hasSuffix("}") ? String(line[...end]) + " " : String(line[...end])
        let value = "\(Int.random(in: 0...99, using: &random))"
        return series + value + (Bool.random(using: &random) ? " # {a=\"\(value)\"} 1" : "")
    }

    /// What a fresh parser and a template make of one body.
    private func compare(_ body: [UInt8], _ known: TargetScrape, at timestampMs: Int64) {
        func reading(_ scrape: TargetScrape) -> Result<Frame, any Error> {
            Result { try scrape.consume(body, isOpenMetrics: true, at: timestampMs) }
        }
        switch (reading(known), reading(plainScrape(honorTimestamps: false, keepsExemplars: true))) {
        case (.success(let left), .success(let right)):
            // A page that changes often keeps its series in an order of their own.
            func inOrder(_ samples: [SampleText]) -> [String] { samples.map(\.description).sorted() }
            #expect(
                inOrder(left.samples().filter { $0.bits != StaleMarker.bits }) == inOrder(right.samples()))
        case (.failure(let left), .failure(let right)):
            #expect(left as? ScrapeError == right as? ScrapeError)
        case (let left, let right):
            Issue.record("one path accepts what the other refuses: \(left) \(right)")
        }
    }

    @Test(arguments: [5, 600])
    func movingLinesReadAsByAParserThatNeverSawThem(count: Int) throws {
        var random = SeededGenerator(
            seed: printedSeed("movingLinesReadAsByAParserThatNeverSawThem(\(count))"))
        var lines = (0..<count).map { line($0, &random) }
        let scrape = plainScrape(honorTimestamps: false, keepsExemplars: true)
        for round in 0..<40 {
            compare(Array((lines.joined(separator: "\n") + "\n# EOF\n").utf8), scrape, at: Int64(round + 1))
            lines = lines.map { moved($0, &random) }
            if Int.random(in: 0..<4, using: &random) == 0 {
                lines[Int.random(in: 0..<count, using: &random)] = line(count + round, &random)
            }
        }
    }

    @Test func bytesChangedAnywhereGiveTheSameAnswerOrTheSameError() throws {
        var random = SeededGenerator(seed: printedSeed("OpenMetrics: bytesChangedAnywhere"))
        let lines = (0..<40).map { line($0, &random) }
        let original = Array((lines.joined(separator: "\n") + "\n# EOF\n").utf8)
        let alphabet = Array("\n\t {}\"\\,=#0129.eE+-_:az\u{0}\u{FF}".utf8)
        for round in 0..<600 {
            let scrape = plainScrape(honorTimestamps: false)
            _ = try scrape.consume(original, isOpenMetrics: true, at: 1)
            var bytes = original
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch round % 4 {
            case 0: bytes[index] = alphabet.randomElement(using: &random) ?? 0
            case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
            case 2: bytes.remove(at: index)
            default: bytes = Array(bytes[..<index])
            }
            compare(bytes, scrape, at: 2)
        }
    }
}
