import Configuration
import MetricModel
import Platform
import Testing

@testable import Scrape

/// What chunks that begin within a metric family know of it.
@Suite struct ChunkCommentsTests {
    private let room = MemoryRoom(reserveBytes: 0)

    private func scrape() -> TargetScrape {
        TargetScrape(
            target: plainTarget(), keepsDetails: true, rules: SeriesRules(),
            gate: SeriesGate(room: room, leastFreeShedLines: 0, mostFreeShedLines: 0))
    }

    private func series(_ ids: some Sequence<Int>, of name: String = "m") -> String {
        ids.map { "\(name){number=\"\($0)\"} 1\n" }.joined()
    }

    /// The families of the series that are not stale.
    private func families(_ frame: Frame) -> [MetricMetadata?] {
        var ordinal = 0
        return frame.layout.chunks.dropLast().flatMap { chunk in
            (0..<chunk.seriesCount).compactMap { series -> MetricMetadata?? in
                defer { ordinal += 1 }
                guard frame.values[ordinal].bitPattern != StaleMarker.bits else { return nil }
                return .some(chunk.metadata?.family(ofSeries: series))
            }
        }
    }

    private func helps(_ frame: Frame) -> Set<String> {
        Set(families(frame).map { $0?.help ?? "none" })
    }

    // MARK: what a chunk begins with

    /// A family may have megabytes of comments, which each chunk of it would have again.
    @Test func ofManyCommentsTheLastWordsGoOn() throws {
        let scrape = scrape()
        let text = String(repeating: "x", count: PackedMetadata.maxTextBytes - 10)
        let comments = (0..<100).map { "# HELP m \(1_000 + $0)\(text)\n" }.joined()
        let frame = try scrape.consume(comments + "# TYPE m gauge\n" + series(0..<400), at: 1)
        #expect(scrape.commentBytes <= 2 * TemplateBuilder.maxMetadataBytes)
        #expect(frame.layout.chunks.count < 20)
        let known = families(frame)
        #expect(known.count == 400)
        #expect(known.allSatisfy { $0?.help == "1099" + text && $0?.kind == .gauge })
    }

    /// No more than a page may have, however long a single comment is.
    @Test func longNamesDoNotGoOnBeyondTheBound() throws {
        let scrape = scrape()
        let name = String(repeating: "m", count: 1_500_000)
        let frame = try scrape.consume("# TYPE \(name) gauge\n" + series(0..<400), at: 1)
        #expect(scrape.commentBytes <= 2 * TemplateBuilder.maxMetadataBytes)
        #expect(frame.layout.chunks.count < 20)
    }

    /// Many lines may be passed over before a chunk has one.
    @Test func whatAChunkBeginsWithIsFoundOnce() {
        var packed = PackedMetadata(isOpenMetrics: false)
        packed.append(.help, family: Array("m".utf8), text: Array("Help.".utf8))
        let chunk = TemplateChunk(comments: packed.bytes, LayoutInterner(), isOpenMetrics: false)
        var comments = ChunkComments(isOpenMetrics: false, nil)
        comments.begin(behind: [])
        comments.passOver()
        comments.begin(behind: [chunk])
        #expect(comments.isEmpty)
        _ = comments.finish()
        comments.begin(behind: [chunk])
        comments.passOver()
        #expect(comments.byteCount == packed.bytes.count)
        // A known chunk comes instead, which has them.
        comments.pass(chunk, isBack: false)
        #expect(comments.isEmpty)
    }

    // MARK: while memory is short

    /// Series of a family are passed over, and what was said of it is not said of the next.
    @Test func theFamilyBehindOneThatIsPassedOverIsKnown() throws {
        let scrape = scrape()
        func body(_ ids: Range<Int>) -> [UInt8] {
            func family(_ name: String, _ ids: Range<Int>) -> [UInt8] {
                ProtoBody.family(
                    name, 1, help: "Help of \(name).",
                    ids.map { id in
                        { metric in
                            metric.label("number", "\(id)")
                            metric.message(2) { $0.double(1, 1) }
                        }
                    })
            }
            return family("f", ids) + family("g", 0..<5)
        }
        _ = try scrape.consume(protobuf: body(0..<5), at: 1)
        room.set(leftBytes: 0)
        for time in 2..<4 as Range<Int64> {
            let frame = try scrape.consume(protobuf: body(100..<105), at: time)
            #expect(helps(frame) == ["Help of g."] && scrape.shedCount == 5)
        }
    }

    /// A body of a long text and many short series that are passed over: the text is looked at once. It took
    /// half a minute.
    @Test func aLongTextIsNotReadForEachSeries() throws {
        let scrape = scrape()
        func body(_ ids: Range<Int>) -> [UInt8] {
            ProtoBody.family(
                "m", 1, help: String(repeating: "x", count: 8 << 20),
                ids.map { id in
                    { metric in
                        metric.label("number", "\(id)")
                        metric.message(2) { $0.double(1, 1) }
                    }
                })
        }
        _ = try scrape.consume(protobuf: body(0..<5), at: 1)
        room.set(leftBytes: 0)
        let next = body(100..<2_100)
        let time = try ContinuousClock().measure { _ = try scrape.consume(protobuf: next, at: 2) }
        #expect(scrape.shedCount == 2_000 && time < .seconds(5))
    }

    /// The chunks behind the one that lacks comments lack them too, and come back together with it.
    @Test(arguments: ["", "# TYPE m gauge\n"])
    func whatIsLeftOutComesBackInAllChunksOfAFamily(type: String) throws {
        let scrape = scrape()
        func page(_ help: String) -> String { "# HELP m \(help)\n\(type)" + series(0..<3_000) }
        #expect(helps(try scrape.consume(page("Old."), at: 1)) == ["Old."])
        room.set(leftBytes: 0)
        // With another text in front no chunk is as before.
        for time in 2..<5 as Range<Int64> {
            let frame = try scrape.consume(page("New."), at: time)
            #expect(families(frame).count == 3_000)
            #expect(helps(frame) == [type.isEmpty ? "none" : ""])
        }
        room.set(leftBytes: .max)
        #expect(helps(try scrape.consume(page("New."), at: 5)) == ["New."])
        let parsed = scrape.parsedLines
        #expect(helps(try scrape.consume(page("New."), at: 6)) == ["New."])
        #expect(scrape.parsedLines == parsed)
    }

    /// What a known chunk lacks may be about another family than the one that goes on behind it.
    @Test func aFamilyGoesOnBehindAChunkThatLacksOthers() throws {
        let scrape = scrape()
        func page(_ help: String, _ ids: [Int]) -> String {
            "# HELP x \(help)\nx 1\n# HELP m Help.\n" + series(ids)
        }
        let ids = Array(0..<3_000)
        _ = try scrape.consume(page("Old.", ids), at: 1)
        room.set(leftBytes: 0)
        for time in 2..<4 as Range<Int64> {
            #expect(helps(try scrape.consume(page("New.", ids), at: time)) == ["none", "Help."])
        }
        // All chunks but the first are parsed.
        let fewer = ids.filter { $0 < 512 || $0 % 100 > 0 }
        let frame = try scrape.consume(page("New.", fewer), at: 4)
        #expect(families(frame).count { $0?.help == "Help." } == fewer.count)
    }

    /// Comments beyond the bound of a page are left out for good: no chunk is parsed for their sake.
    @Test func whatIsBeyondTheBoundMakesNothingBeParsedAgain() throws {
        let scrape = scrape()
        let text = String(repeating: "x", count: PackedMetadata.maxTextBytes)
        let many = (0..<520).map { "# HELP x \($0)\(text)\n" }.joined()
        let page = many + "x 1\n# HELP m Help.\n" + series(0..<1_000)
        for time in 1..<4 as Range<Int64> {
            let frame = try scrape.consume(page, at: time)
            #expect(helps(frame).contains("none") && scrape.parsedLines == 1_001)
        }
    }
}
