import MetricModel
import Testing

@testable import Scrape

/// The fast path against the slow one: whatever happens to a body between two scrapes, the templates give
/// what a parser that has never seen the target gives.
@Suite struct TemplateMatcherTests {
    /// A body as lists of lines, so that it can be changed line by line.
    private struct Exposition {
        var lines: [String]
        private var names = 0

        init(count: Int, _ random: inout SeededGenerator) {
            lines = []
            for _ in 0..<count { lines.append(makeLine(&random)) }
        }

        var text: String { lines.joined(separator: "\n") + "\n" }

        mutating func makeLine(_ random: inout SeededGenerator) -> String {
            names += 1
            switch Int.random(in: 0..<12, using: &random) {
            case 0:
                let type = ["gauge", "histogram", "summary"].randomElement(using: &random) ?? "gauge"
                return "# HELP m\(names) Some help.\n# TYPE m\(names) \(type)\nm\(names) \(value(&random))"
            case 1: return "# a comment\n\nm\(names)\t \(value(&random)) \t"
            case 2:
                return
                    "m\(names) \(value(&random)) "
                    + "\(1_700_000_000_000 + Int64.random(in: 0...900_000, using: &random))"
            case 3: return "  m\(names) {le=\"\(Int.random(in: 0...3, using: &random))\"} \(value(&random))"
            case 4: return "{\"m.\(names)\",x=\"é\"}\(value(&random))"
            case 5: return "m\(names){job=\"other\"} \(value(&random))"
            case 6:
                return
                    "d\(Int.random(in: 0..<4, using: &random))"
                    + "{x=\"\(Int.random(in: 0..<3, using: &random))\"} \(value(&random))"
            case 7:
                return
                    "m\(names){quantile=\"\(Int.random(in: 0...1, using: &random))\","
                    + "x=\"a \\\"b\\\" {} # \"} \(value(&random))"
            default: return "m\(names){device=\"eth\(names % 7)\",mode=\"idle\"} \(value(&random))"
            }
        }

        func value(_ random: inout SeededGenerator) -> String {
            switch Int.random(in: 0..<9, using: &random) {
            case 0: "NaN"
            case 1: "+Inf"
            case 2: "-\(Int.random(in: 0...1_000_000, using: &random))"
            case 3: double(&random)
            case 4:
                "1.\(Int.random(in: 0...999_999_999, using: &random))"
                    + "e+\(Int.random(in: 0...12, using: &random))"
            case 5: "\(Int.random(in: 0...9, using: &random))"
            case 6: "\(UInt64.random(in: 0...UInt64.max, using: &random))"
            case 7: "0.\(Int.random(in: 0...999, using: &random))"
            default: "\(Int.random(in: 0...99_999_999, using: &random))"
            }
        }

        private func double(_ random: inout SeededGenerator) -> String {
            let value = Double(bitPattern: random.next())
            return value.isFinite ? "\(value)" : "NaN"
        }

        mutating func change(_ random: inout SeededGenerator) {
            for index in lines.indices where Int.random(in: 0..<4, using: &random) == 0 {
                guard let space = lines[index].lastIndex(of: " "), !lines[index].hasSuffix("\t"),
                    !lines[index].contains(" 17")
                else { continue }
                lines[index] = lines[index][...space] + value(&random)
            }
            let position = { (count: Int, random: inout SeededGenerator) in
                Int.random(in: 0...max(0, count), using: &random)
            }
            switch Int.random(in: 0..<9, using: &random) {
            case 0: lines.insert(makeLine(&random), at: position(lines.count, &random))
            case 1 where lines.count > 1: lines.remove(at: position(lines.count - 1, &random))
            case 2 where lines.count > 1: lines[position(lines.count - 1, &random)] = makeLine(&random)
            case 3 where lines.count > 2:
                lines.swapAt(position(lines.count - 1, &random), position(lines.count - 1, &random))
            case 4 where lines.count > 10:
                let start = position(lines.count - 1, &random)
                let end = min(lines.count, start + Int.random(in: 1...400, using: &random))
                let block = Array(lines[start..<end])
                lines.removeSubrange(start..<end)
                if Bool.random(using: &random) {
                    lines.insert(contentsOf: block, at: position(lines.count, &random))
                }
            case 5:
                var block: [String] = []
                for _ in 0..<Int.random(in: 1...300, using: &random) { block.append(makeLine(&random)) }
                lines.insert(contentsOf: block, at: position(lines.count, &random))
            case 6 where lines.count > 1:
                let line = lines[position(lines.count - 1, &random)]
                lines.insert(line, at: position(lines.count, &random))
            default: break
            }
        }
    }

    @Test(arguments: [5, 60, 700, 3_000])
    func changedBodiesReadAsByAParserThatNeverSawThem(count: Int) throws {
        var random = SeededGenerator(
            seed: printedSeed("changedBodiesReadAsByAParserThatNeverSawThem(\(count))"))
        var body = Exposition(count: count, &random)
        // Read by its order, a page that changes often gives its samples in another one: see PageChangeTests.
        let scrape = plainScrape(honorTimestamps: false, readsByOrder: false)
        var before: Frame?
        for round in 0..<(count > 1_000 ? 30 : 60) {
            let timestampMs = 1_700_000_000_000 + Int64(round) * 15_000
            let frame = try scrape.consume(body.text, at: timestampMs)
            let fresh = try plainScrape(honorTimestamps: false).consume(body.text, at: timestampMs)
            #expect(frame.values.count == fresh.values.count)
            #expect(
                frame.values.dropLast().elementsEqual(fresh.values.dropLast()) {
                    $0.bitPattern == $1.bitPattern
                })
            #expect(frame.absent == fresh.absent)
            let now = frame.samples().filter { $0.bits != StaleMarker.bits }
            #expect(now == fresh.samples())
            // Who left and who came, by sets of labels.
            let names = Set(now.map(\.labels))
            let old = Set((before?.samples() ?? []).filter { $0.bits != StaleMarker.bits }.map(\.labels))
            let departed = frame.samples().filter { $0.bits == StaleMarker.bits }.map(\.labels)
            #expect(Set(departed) == old.subtracting(names))
            #expect(departed.count == Set(departed).count)
            #expect(frame.values.last == Double(names.subtracting(old).count))
            before = frame
            body.change(&random)
        }
    }

    @Test func bytesChangedAnywhereGiveTheSameAnswerOrTheSameError() throws {
        var random = SeededGenerator(seed: printedSeed("bytesChangedAnywhereGiveTheSameAnswerOrTheSameError"))
        let original = Array(Exposition(count: 150, &random).text.utf8)
        let alphabet = Array("\n\t {}\"\\,=#0129.eE+-_:az\u{0}\u{FF}".utf8)
        for round in 0..<400 {
            let scrape = plainScrape(honorTimestamps: false)
            _ = try scrape.consume(original, at: 1)
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch round % 3 {
                case 0: bytes[index] = alphabet.randomElement(using: &random) ?? 0
                case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
                default: bytes.remove(at: index)
                }
            }
            let fresh = plainScrape(honorTimestamps: false)
            let known = Result {
                try scrape.consume(bytes, at: 2).samples().filter { $0.bits != StaleMarker.bits }
            }
            let unknown = Result { try fresh.consume(bytes, at: 2).samples() }
            switch (known, unknown) {
            case (.success(let left), .success(let right)): #expect(left == right)
            case (.failure(let left), .failure(let right)):
                #expect(left as? ScrapeError == right as? ScrapeError)
            default: Issue.record("one path accepts what the other refuses: \(known) \(unknown)")
            }
        }
    }

    @Test func everyPrefixOfABodyIsReadOrRefusedAlike() throws {
        var random = SeededGenerator(seed: printedSeed("everyPrefixOfABodyIsReadOrRefusedAlike"))
        let original = Array(Exposition(count: 30, &random).text.utf8)
        for end in 0...original.count {
            let scrape = plainScrape(honorTimestamps: false)
            _ = try scrape.consume(original, at: 1)
            let known = Result {
                try scrape.consume(Array(original[..<end]), at: 2).samples().filter {
                    $0.bits != StaleMarker.bits
                }
            }
            let unknown = Result {
                try plainScrape(honorTimestamps: false).consume(Array(original[..<end]), at: 2).samples()
            }
            #expect((try? known.get()) == (try? unknown.get()), "prefix of \(end) bytes")
        }
    }

    @Test func unchangedLinesAreNotParsed() throws {
        let body = (0..<3_000).map { "m{n=\"\($0)\"} \($0)\n" }.joined()
        let scrape = plainScrape()
        let first = try scrape.consume(body, at: 1)
        #expect(scrape.parsedLines == 3_000)
        let second = try scrape.consume(body, at: 2)
        #expect(scrape.parsedLines == 3_000)
        #expect(first.layout.isIdentical(to: second.layout))
        // One line more in the middle: its chunk is read again and nothing else.
        let longer = body.replacing("m{n=\"1500\"}", with: "extra 1\nm{n=\"1500\"}")
        let third = try scrape.consume(longer, at: 3)
        #expect(scrape.parsedLines - 3_000 <= TemplateBuilder.maxLines + 1)
        let shared = Set(third.layout.chunks.map { ObjectIdentifier($0) })
            .intersection(second.layout.chunks.map { ObjectIdentifier($0) })
        #expect(shared.count >= second.layout.chunks.count - 2)
    }

    @Test func aTypeThatChangesIsNoticedFurtherDown() throws {
        let scrape = plainScrape()
        let lines = (0..<2_000).map { "m{le=\"\($0)\"} 1\n" }.joined()
        #expect(try scrape.consume("# TYPE m gauge\n" + lines, at: 1).lines().last == "m{le=\"1999\"} 1.0")
        #expect(
            try scrape.consume("# TYPE m histogram\n" + lines, at: 2).lines()[1_999] == "m{le=\"1999.0\"} 1.0"
        )
    }

    @Test func linesThatComeAndGoDoNotShredTheTemplate() throws {
        let scrape = plainScrape()
        var lines = (0..<1_000).map { "m{n=\"\($0)\"} 1" }
        for round in 0..<300 {
            lines.insert("x{n=\"\(round)\"} 1", at: (round * 37) % lines.count)
            let frame = try scrape.consume(lines.joined(separator: "\n"), at: Int64(round))
            #expect(frame.layout.chunks.count <= 6 + 2 * lines.count / TemplateBuilder.minLines)
        }
    }
}
