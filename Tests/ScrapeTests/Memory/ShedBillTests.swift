import Configuration
import MetricModel
import Platform
import Relabel
import Testing

@testable import Scrape

/// What targets take beside their series while there is no room at all.
@Suite struct ShedBillTests {
    private let room = MemoryRoom(reserveBytes: 64 << 10)
    private let gate: SeriesGate
    private let templates = TemplateInterner()
    private let layouts = LayoutInterner()

    init() { gate = SeriesGate(room: room) }

    private func scrape(
        _ instance: String = "i", histograms: HistogramConfiguration = HistogramConfiguration(),
        details: Bool = false, readsStarts: Bool = false,
        relabelling: MetricRelabelling = MetricRelabelling()
    ) -> TargetScrape {
        TargetScrape(
            target: Target(job: "j", own: LabelSet([Label("instance", instance)])), keepsDetails: details,
            readsStarts: readsStarts, addsStartSamples: false, histograms: histograms, rules: SeriesRules(),
            relabelling: relabelling, gate: gate, interner: layouts, templates: templates)
    }

    private func page(_ ids: some Sequence<Int>) -> String {
        ids.map { "metric{number=\"\($0 + 1_000_000)\"} 1\n" }.joined()
    }

    private func delivered(_ frame: Frame) -> Int {
        frame.samples().count { $0.bits != StaleMarker.bits }
    }

    // MARK: chunks that equal targets share

    /// One line of its own in each target would make a chunk of each target's own, of some 7,000 bytes.
    @Test func chunksStaySharedBeyondTheReserve() throws {
        let fleet = (0..<40).map { scrape("\($0)") }
        for (number, one) in fleet.enumerated() {
            _ = try one.consume(page(0..<2_000), at: 1)
            _ = try one.consume(page(0..<2_000), at: Int64(2 + number))
        }
        let before = templates.size.lineBytes
        room.set(leftBytes: 0)
        func own(_ number: Int) -> String { page(0..<1_000) + page([9_000 + number]) + page(1_000..<2_000) }
        for time in 100..<103 {
            for (number, one) in fleet.enumerated() {
                let frame = try one.consume(own(number), at: Int64(time))
                #expect(delivered(frame) == 2_000 && frame.departed.isEmpty && one.shedCount == 1)
            }
        }
        #expect(templates.size.lineBytes - before <= (64 << 10) + TemplateBuilder.maxLines * 20)
        #expect(room.reserve.leftBytes < (TemplateBuilder.maxLines + 1) * 20)
        // Who has a part of the reserve is not parsed, and gives it back.
        let parsed = fleet[0].parsedLines
        _ = try fleet[0].consume(own(0), at: 200)
        #expect(fleet[0].parsedLines == parsed)
        room.set(leftBytes: 1 << 30)
        for (number, one) in fleet.enumerated() {
            #expect(delivered(try one.consume(own(number), at: 201)) == 2_001 && one.shedCount == 0)
        }
        #expect(room.reserve.leftBytes == 64 << 10)
    }

    /// With room the whole chunk is paid for, and not only the line that is shed.
    @Test func theLinesAroundOneThatIsShedArePaid() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<2_000), at: 1)
        room.set(leftBytes: 10 << 20)
        gate.shedsNewSeries = true
        _ = try scrape.consume(page(0..<1_000) + page([9_000]) + page(1_000..<2_000), at: 2)
        #expect(scrape.shedCount == 1)
        #expect((10 << 20) - room.leftBytes >= TemplateBuilder.minLines * 20)
        #expect(room.reserve.leftBytes == 64 << 10)
    }

    /// A line is kept without room only where the reserve has room for the whole chunk around it.
    @Test func aChunkThatTheReserveHasNoRoomForStaysAsItIs() throws {
        let room = MemoryRoom(reserveBytes: 1_000)
        let scrape = TargetScrape(
            target: plainTarget(), rules: SeriesRules(), gate: SeriesGate(room: room))
        let first = try scrape.consume(page(0..<2_000), at: 1)
        room.set(leftBytes: 0)
        let frame = try scrape.consume(
            page(0..<1_000) + page([9_000]) + page(1_000..<2_000), at: 2)
        #expect(delivered(frame) == 2_000 && scrape.shedCount == 1)
        #expect(room.reserve.leftBytes == 1_000 && frame.layout.isIdentical(to: first.layout))
    }

    /// New lines in front of known ones that are passed over make nothing else be parsed.
    @Test(arguments: [false, true]) func linesBehindThosePassedOverAreMatched(isProtobuf: Bool) throws {
        let room = MemoryRoom(reserveBytes: 0)
        let scrape = TargetScrape(
            target: plainTarget(), rules: SeriesRules(), gate: SeriesGate(room: room))
        func next(_ new: some Sequence<Int>, _ time: Int64) throws -> Frame {
            guard isProtobuf else {
                return try scrape.consume(page(Array(new) + Array(0..<2_000)), at: time)
            }
            let front = gauges(new, at: time, name: "new")
            return try scrape.consume(protobuf: front + gauges(0..<2_000, at: time), at: time)
        }
        let first = try next([], 100)
        room.set(leftBytes: 0)
        for time in 101..<104 as Range<Int64> {
            let parsed = scrape.parsedLines
            let frame = try next(9_000..<9_003, time)
            #expect(delivered(frame) == 2_000 && scrape.shedCount == 3)
            #expect(scrape.parsedLines == parsed + 3)
            #expect(frame.layout.isIdentical(to: first.layout))
        }
    }

    // MARK: comments

    @Test func newCommentsAreLeftOutAndComeBack() throws {
        let scrape = scrape()
        func page(_ texts: [String]) -> String {
            texts.enumerated().map { "# HELP m\($0) \($1)\nm\($0) 1\n" }.joined()
        }
        let short = (0..<50).map { "Number \($0)." }
        let long = short.map { $0 + String(repeating: "x", count: 1_000) }
        _ = try scrape.consume(page(short), at: 1)
        let before = scrape.commentBytes
        room.set(leftBytes: 0)
        // Some stay as they were.
        let mixed = (0..<50).map { $0 % 2 == 0 ? short[$0] : long[$0] }
        for time in 2..<5 {
            #expect(delivered(try scrape.consume(page(mixed), at: Int64(time))) == 50)
            #expect(scrape.commentBytes > before / 3 && scrape.commentBytes <= before)
            #expect(scrape.metadata.count == 25)
        }
        // Nor do those of series that are shed stay, however many there are.
        let many = page(mixed) + (0..<2_000).map { "# HELP n\($0) \(long[$0 % 50])\nn\($0) 1\n" }.joined()
        #expect(delivered(try scrape.consume(many, at: 5)) == 50 && scrape.shedCount == 2_000)
        #expect(scrape.commentBytes <= before && scrape.lineMemory.lineBytes < 200 * 20)
        room.set(leftBytes: 1 << 30)
        #expect(delivered(try scrape.consume(page(mixed), at: 6)) == 50)
        #expect(scrape.commentBytes > 25 * 1_000 && scrape.metadata.count == 50)
        let taken = (1 << 30) - room.leftBytes
        #expect(taken >= 25 * 1_000)
    }

    /// The type that a comment says holds for lines behind it, so a line with it stays.
    @Test func whatLaterLinesDependOnStays() throws {
        let room = MemoryRoom(reserveBytes: 0)
        let scrape = TargetScrape(
            target: plainTarget(), rules: SeriesRules(), gate: SeriesGate(room: room))
        let known = "a_bucket{le=\"1\"} 1\nb 1\n"
        _ = try scrape.consume("# TYPE a histogram\n" + known, at: 1)
        room.set(leftBytes: 0)
        let new = "# TYPE n summary\nn{quantile=\"1\"} 1\n# TYPE a histogram\n" + known
        for time in 2..<4 {
            let frame = try scrape.consume(new, at: Int64(time))
            #expect(delivered(frame) == 2 && frame.departed.isEmpty && scrape.shedCount == 1)
        }
    }

    // MARK: protobuf

    /// Some of them have timestamps of their own, a millisecond before the scrape's.
    private func gauges(
        _ ids: some Sequence<Int>, at timestampMs: Int64, name: String = "g"
    ) -> [UInt8] {
        ProtoBody.family(
            name, 1, help: "Help.",
            ids.map { id in
                {
                    $0.label("n", "\(id)")
                    $0.message(2) { $0.double(1, Double(id)) }
                    if id % 3 == 0 { $0.varint(6, UInt64(timestampMs - 1)) }
                }
            })
    }

    @Test func seriesOfProtobufBodiesArePassedOver() throws {
        let scrape = scrape()
        _ = try scrape.consume(protobuf: gauges(0..<10, at: 100), at: 100)
        room.set(leftBytes: 0)
        func ids(_ round: Int) -> [Int] {
            (0..<9_000).flatMap { new in
                let number = 100_000 * round + new
                return new % 900 == 0 ? [new / 900, number] : [number]
            }
        }
        for (time, round) in [1, 1, 1, 2, 3, 3].enumerated() {
            let atMs = Int64(200 + time)
            let frame = try scrape.consume(protobuf: gauges(ids(round), at: atMs), at: atMs)
            #expect(delivered(frame) == 10 && frame.departed.isEmpty && scrape.shedCount == 9_000)
            // Each value stands beside its series, and timestamps beside theirs.
            for sample in frame.samples() {
                let number = Double(sample.labels["n"] ?? "") ?? -1
                #expect(sample.bits == number.bitPattern)
                #expect(sample.timestampMs == (Int(number) % 3 == 0 ? atMs - 1 : atMs))
            }
            let report = frame.lines(report: true)
            #expect(report.contains("scrape_samples_scraped 9010.0"))
            #expect(report.contains("scrape_samples_post_metric_relabeling 10.0"))
            #expect(scrape.lineMemory.lineBytes < 100 * 20)
        }
        room.set(leftBytes: 1 << 30)
        let whole = try scrape.consume(protobuf: gauges(ids(3), at: 300), at: 300)
        #expect(delivered(whole) == 9_010 && whole.departed.isEmpty && scrape.shedCount == 0)
    }

    // MARK: lines that rules drop, and orders

    @Test func newLinesThatRulesDropArePassedOver() throws {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: "dropped"))
        ])
        let scrape = scrape(relabelling: MetricRelabelling(rules: rules))
        func page(_ drops: Int) -> String {
            self.page(0..<10) + (0..<drops).map { "dropped{n=\"\($0)\"} 1\n" }.joined() + self.page(10..<20)
        }
        _ = try scrape.consume(page(1_000), at: 1)
        let bytes = scrape.lineMemory.lineBytes
        room.set(leftBytes: 0)
        for time in 2..<5 {
            let frame = try scrape.consume(page(50_000), at: Int64(time))
            #expect(delivered(frame) == 20 && scrape.shedCount == 0)
            #expect(frame.lines(report: true).contains("scrape_samples_scraped 50020.0"))
            #expect(scrape.lineMemory.lineBytes <= bytes + 200 * 20)
        }
        // Those that were there before need no room.
        _ = try scrape.consume(page(1_000), at: 5)
        let parsed = scrape.parsedLines
        _ = try scrape.consume(page(1_000), at: 6)
        #expect(scrape.parsedLines == parsed && scrape.lineMemory.lineBytes <= bytes)
    }

    @Test(arguments: [false, true]) func anOrderIsMadeWhereThereIsRoom(isProtobuf: Bool) throws {
        let scrape = scrape()
        var ids = Array(0..<200)
        func next(_ time: Int) throws -> Int {
            ids.swapAt(time % 40, 60 + time)
            let atMs = Int64(100 + time)
            let frame =
                isProtobuf
                ? try scrape.consume(protobuf: gauges(ids, at: atMs), at: atMs)
                : try scrape.consume(page(ids), at: atMs)
            return delivered(frame)
        }
        for time in 0..<2 { #expect(try next(time) == 200) }
        room.set(leftBytes: 0)
        for time in 2..<20 { #expect(try next(time) == 200 && scrape.pageWork == nil) }
        room.set(leftBytes: 1 << 20)
        for time in 20..<40 { #expect(try next(time) == 200) }
        #expect(scrape.pageWork != nil && (1 << 20) - room.leftBytes >= 200 * SeriesAdmission.orderBytes)
    }

    /// A page with lines that are passed over gets no order, so for a while none is wanted.
    @Test func anOrderThatCannotBeMadeIsNotWantedEachTime() throws {
        let room = MemoryRoom(reserveBytes: 0)
        let scrape = TargetScrape(
            target: plainTarget(), rules: SeriesRules(), gate: SeriesGate(room: room))
        let known = page(0..<1_000)
        let text = String(repeating: "x", count: 2_000)
        func new(_ round: Int) -> String {
            (0..<3).map { "new{r=\"\(round)\",n=\"\($0)\",x=\"\(text)\"} 1\n" }.joined()
        }
        for round in 0..<2 { _ = try scrape.consume(new(round) + known, at: Int64(1 + round)) }
        var readWhole = 0
        for round in 2..<40 {
            // For an order, and not for a new line besides.
            room.set(leftBytes: 1_003 * SeriesAdmission.orderBytes + 1_000)
            let parsed = scrape.parsedLines
            _ = try scrape.consume(new(round) + known, at: Int64(1 + round))
            if scrape.parsedLines - parsed >= 1_000 { readWhole += 1 }
        }
        #expect(readWhole > 0 && readWhole <= 4)
    }

    // MARK: what the target had, repeated

    /// A comment of a known line may be kept once, and not as often as a page has it.
    @Test func knownCommentsThatAreRepeatedAreLeftOut() throws {
        let scrape = scrape()
        let comment = "# HELP a \(String(repeating: "x", count: 16_000))\n"
        _ = try scrape.consume("\(comment)a 1\nb 1\n", at: 1)
        let before = scrape.commentBytes
        room.set(leftBytes: 0)
        for time in 2..<5 as Range<Int64> {
            let page = "b 1\n" + String(repeating: comment, count: 500) + "a 1\n"
            #expect(delivered(try scrape.consume(page, at: time)) == 2)
            #expect(scrape.commentBytes <= before)
        }
        #expect(delivered(try scrape.consume("\(comment)a 1\nb 1\n", at: 5)) == 2)
        #expect(scrape.commentBytes == before)
    }

    /// The same of a line that rules drop.
    @Test func droppedLinesThatAreRepeatedArePassedOver() throws {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: "dropped"))
        ])
        let scrape = scrape(relabelling: MetricRelabelling(rules: rules))
        _ = try scrape.consume("a 1\ndropped 1\n", at: 1)
        room.set(leftBytes: 0)
        for time in 2..<5 as Range<Int64> {
            let page = String(repeating: "dropped 1\n", count: 20_000) + "a 1\n"
            let frame = try scrape.consume(page, at: time)
            #expect(delivered(frame) == 1)
            #expect(frame.lines(report: true).contains("scrape_samples_scraped 20001.0"))
            #expect(scrape.lineMemory.lineBytes < 100 * 20)
        }
    }
}
