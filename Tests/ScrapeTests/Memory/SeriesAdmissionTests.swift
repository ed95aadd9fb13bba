import Configuration
import MetricModel
import Platform
import Relabel
import Testing

@testable import Scrape

/// New series take what they cost from the room that is left.
@Suite struct SeriesAdmissionTests {
    private let room = MemoryRoom()
    private let gate: SeriesGate
    private let templates = TemplateInterner()
    private let layouts = LayoutInterner()

    /// Pages of a few thousand lines that are shed are kept, so that they need not be parsed at each scrape.
    init() { gate = SeriesGate(room: room, leastFreeShedLines: 4_096) }

    private func scrape(_ instance: String = "i") -> TargetScrape {
        TargetScrape(
            target: Target(job: "j", own: LabelSet([Label("instance", instance)])), rules: SeriesRules(),
            gate: gate, interner: layouts, templates: templates)
    }

    private func page(_ ids: some Sequence<Int>, value: Int = 1) -> String {
        ids.map { "metric{number=\"\($0 + 1_000_000)\"} \(value)\n" }.joined()
    }

    /// Bytes of a line of `page` up to its value, and what its series costs beside it.
    private let cost = "metric{number=\"1000000\"}".utf8.count + SeriesAdmission.seriesBytes

    private func delivered(_ frame: Frame) -> Int {
        frame.samples().count { $0.bits != StaleMarker.bits }
    }

    @Test func withoutACeilingNothingIsTaken() throws {
        #expect(delivered(try scrape().consume(page(0..<5_000), at: 1)) == 5_000)
        #expect(room.leftBytes == .max)
    }

    @Test func newLinesArePaidInBatches() throws {
        room.set(leftBytes: 10 << 20)
        let scrape = scrape()
        #expect(delivered(try scrape.consume(page(0..<5_000), at: 1)) == 5_000)
        let first = (10 << 20) - room.leftBytes
        #expect(first >= 5_000 * cost && first < 5_000 * cost + 64 << 10)
        // Known lines cost nothing, in whatever order; a few new ones take a small batch.
        room.set(leftBytes: 10 << 20)
        _ = try scrape.consume(page(0..<5_000, value: 2), at: 2)
        #expect(room.leftBytes == 10 << 20)
        _ = try scrape.consume(page(0..<5_003), at: 3)
        #expect((10 << 20) - room.leftBytes == 4 << 10)
    }

    /// The burst between two looks at the resident memory: one page that is too much.
    @Test func aPageKeepsWhatFitsAndComesBackWhole() throws {
        let scrape = scrape()
        room.set(leftBytes: 0)
        #expect(delivered(try scrape.consume(page(0..<2_000), at: 1)) == 0)
        #expect(scrape.shedCount == 2_000)
        room.set(leftBytes: 1_000 * cost)
        // Those that a chunk before has no room for stay out, whichever they are.
        let some = delivered(try scrape.consume(page(0..<2_000), at: 2))
        #expect(some >= 500 && some <= 1_000 && scrape.shedCount == 2_000 - some)
        #expect(room.leftBytes < 512 * cost)
        // They are known now, and there is room for no other.
        room.set(leftBytes: 0)
        let parsed = scrape.parsedLines
        #expect(delivered(try scrape.consume(page(0..<2_000), at: 3)) == some)
        #expect(scrape.parsedLines == parsed)
        let shuffled = try scrape.consume(page((0..<2_000).reversed()), at: 4)
        #expect(delivered(shuffled) == some && shuffled.departed.isEmpty)
        room.set(leftBytes: 2_000 * cost)
        let whole = try scrape.consume(page((0..<2_000).reversed()), at: 5)
        #expect(delivered(whole) == 2_000 && whole.departed.isEmpty && scrape.shedCount == 0)
        #expect(whole.lines(report: true).contains("scrape_series_added \(Double(2_000 - some))"))
    }

    @Test func aPageBeyondTheRoomIsBounded() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<10), at: 1)
        room.set(leftBytes: 1 << 20)
        let frame = try scrape.consume(page(0..<100_000), at: 2)
        #expect(delivered(frame) <= 10 + (1 << 20) / cost && delivered(frame) > (1 << 20) / cost * 9 / 10)
        #expect(delivered(try scrape.consume(page(0..<10), at: 3)) == 10)
    }

    /// What equal targets share costs little: a page of known lines is not taken for so many new ones.
    @Test func anEqualTargetPaysForItsValues() throws {
        _ = try scrape("1").consume(page(0..<4_000), at: 1)
        let keeper = scrape("2")
        _ = try keeper.consume(page(0..<4_000), at: 1)
        room.set(leftBytes: 4_000 * SeriesAdmission.sharedBytes + (64 << 10))
        let second = scrape("3")
        #expect(delivered(try second.consume(page(0..<4_000), at: 1)) == 4_000)
        #expect(second.parsedLines == 0 && room.leftBytes < 64 << 10)
        // Nothing fits: the next one has no series, and has them at once when there is room.
        room.set(leftBytes: 0)
        let third = scrape("4")
        #expect(delivered(try third.consume(page(0..<4_000), at: 1)) == 0)
        let parsed = third.parsedLines
        #expect(delivered(try third.consume(page(0..<4_000), at: 2)) == 0 && third.parsedLines == parsed)
        room.set(leftBytes: 4_000 * SeriesAdmission.sharedBytes + (64 << 10))
        let frame = try third.consume(page(0..<4_000), at: 3)
        #expect(delivered(frame) == 4_000 && third.parsedLines == parsed && third.shedCount == 0)
        #expect(frame.layout.isIdentical(to: try second.consume(page(0..<4_000), at: 2).layout))
        // Nor is a page without them what others are expected to expose.
        #expect(delivered(try keeper.consume(page(0..<4_000), at: 2)) == 4_000)
        room.set(leftBytes: .max)
        let fourth = scrape("5")
        #expect(delivered(try fourth.consume(page(0..<4_000), at: 1)) == 4_000 && fourth.parsedLines == 0)
    }

    /// Room is taken for the lines of a chunk once it is known that they are its lines.
    @Test func whatDoesNotMatchIsNotPaid() throws {
        let other = scrape("1")
        _ = try other.consume(page(0..<300), at: 1)
        let ownCost = 300 * cost
        room.set(leftBytes: ownCost)
        #expect(delivered(try scrape("2").consume(page(1_000..<1_300), at: 1)) == 300)
        #expect(room.leftBytes < cost)
    }

    /// The same for a target that read a page of another's lines with none of its own before.
    @Test func withoutACeilingAgainAllComesBack() throws {
        room.set(leftBytes: 0)
        let scrape = scrape()
        _ = try scrape.consume(page(0..<300), at: 1)
        room.set(leftBytes: .max)
        #expect(delivered(try scrape.consume(page(0..<300), at: 2)) == 300)
        #expect(scrape.shedCount == 0)
    }

    /// A page that is read by the order of its lines asks for room as well.
    @Test func aPageThatChangesOftenIsBounded() throws {
        let scrape = scrape()
        func ids(_ round: Int) -> [Int] { (0..<200).map { $0 % 10 == 3 ? $0 + round * 1_000 : $0 } }
        for round in 1...12 { _ = try scrape.consume(page(ids(round)), at: Int64(round)) }
        #expect(scrape.pageWork != nil)
        room.set(leftBytes: 1 << 20)
        _ = try scrape.consume(page(ids(13)), at: 13)
        #expect(scrape.pageWork != nil && room.leftBytes == (1 << 20) - (4 << 10))
        room.set(leftBytes: 10 * cost)
        let frame = try scrape.consume(page(ids(14)), at: 14)
        #expect(scrape.pageWork == nil)
        #expect(delivered(frame) >= 180 && delivered(frame) <= 190)
        // The series that have left get their markers as ever.
        #expect(frame.samples().count { $0.bits == StaleMarker.bits } == 20)
    }

    /// A page of lines that stay the same is parsed again only where there is room for what it lacks.
    @Test func aPageThatStaysComesBackAsFarAsThereIsRoom() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<10), at: 1)
        room.set(leftBytes: 0)
        var time: Int64 = 1
        func next() throws -> Int {
            time += 1
            return delivered(try scrape.consume(page(0..<3_000), at: time))
        }
        #expect(try next() == 10)
        let parsed = scrape.parsedLines
        for _ in 0..<20 { #expect(try next() == 10 && scrape.shedCount == 2_990) }
        #expect(scrape.parsedLines == parsed)
        room.set(leftBytes: 600 * cost)
        let some = try next()
        #expect(some > 100 && some <= 610 && scrape.parsedLines < parsed + 1_500)
        for _ in 0..<20 { #expect(try next() >= some) }
        room.set(leftBytes: 1 << 30)
        #expect(try next() == 3_000 && scrape.shedCount == 0)
    }

    /// No order is made of a page that lacks series: they would never come back.
    @Test func linesThatMoveDoNotHideWhatIsShed() throws {
        let scrape = scrape()
        var ids = Array(0..<200)
        _ = try scrape.consume(page(ids), at: 1)
        room.set(leftBytes: 0)
        ids += 5_000..<5_020
        for round in 2...60 {
            ids.swapAt(round, round + 50)
            #expect(delivered(try scrape.consume(page(ids), at: Int64(round))) == 200)
            #expect(scrape.shedCount == 20)
        }
        room.set(leftBytes: 1 << 20)
        #expect(delivered(try scrape.consume(page(ids), at: 61)) == 220)
    }

    /// The loop of a new configuration has the series of the one that it takes over from.
    @Test func theSeriesOfTheOneBeforeAreKnown() throws {
        let elder = scrape()
        _ = try elder.consume(page(0..<500), at: 1)
        room.set(leftBytes: 0)
        gate.shedsNewSeries = true
        let younger = scrape()
        let frame = try younger.consume(page(400..<600), at: 2, elder: elder.known)
        #expect(delivered(frame) == 100 && younger.shedCount == 100)
        #expect(delivered(try younger.consume(page(0..<600), at: 3)) == 100)
    }

    /// Series are charged once, not each time that a page is read without the lines of the one before.
    @Test func whatIsReadAnewIsNotCharged() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<2_000), at: 1)
        room.set(leftBytes: 1 << 30)
        // Lines that move: after some pages the order of the page is made, by reading all of it.
        var ids = Array(0..<2_000)
        for round in 2...7 {
            ids.swapAt(100, 100 + round)
            #expect(delivered(try scrape.consume(page(ids), at: Int64(round))) == 2_000)
        }
        #expect(scrape.pageWork != nil)
        #expect((1 << 30) - room.leftBytes < 2_000 * cost / 2)
    }

    /// A target all of whose series were shed has those of an equal one at once, even where the first lines
    /// of both have none.
    @Test func aFirstChunkWithoutSeriesHidesNothing() throws {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .keep, sourceLabels: ["__name__"], regex: "metric"))
        ])
        func scrape(_ instance: String) -> TargetScrape {
            TargetScrape(
                target: Target(job: "j", own: LabelSet([Label("instance", instance)])), rules: SeriesRules(),
                relabelling: MetricRelabelling(rules: rules), gate: gate, interner: layouts,
                templates: templates)
        }
        let body = (0..<600).map { "other{n=\"\($0)\"} 1\n" }.joined() + page(0..<300)
        let one = scrape("1")
        #expect(delivered(try one.consume(body, at: 1)) == 300)
        let two = scrape("2")
        room.set(leftBytes: 0)
        #expect(delivered(try two.consume(body, at: 1)) == 0 && two.shedCount == 300)
        room.set(leftBytes: 1 << 20)
        #expect(delivered(try two.consume(body, at: 2)) == 300 && two.shedCount == 0)
        #expect(delivered(try two.consume(body, at: 3)) == 300)
    }

    /// Known lines around a new one are parsed with it, and are not charged where there is little room.
    @Test func knownLinesThatAreParsedAreNotCharged() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<5_000), at: 1)
        room.set(leftBytes: 2 << 20)
        var ids = Array(0..<5_000)
        ids.insert(9_999, at: 100)
        #expect(delivered(try scrape.consume(page(ids), at: 2)) == 5_001)
        #expect((2 << 20) - room.leftBytes == 4 << 10)
    }
}

/// What lines take whose series are left out because memory is short.
@Suite struct ShedLinesTests {
    private let room = MemoryRoom()
    private let gate: SeriesGate

    init() { gate = SeriesGate(room: room) }

    private func scrape() -> TargetScrape {
        TargetScrape(target: plainTarget(), rules: SeriesRules(), gate: gate)
    }

    private func page(_ ids: some Sequence<Int>) -> String {
        ids.map { "metric{number=\"\($0 + 1_000_000)\"} 1\n" }.joined()
    }

    private func delivered(_ frame: Frame) -> Int {
        frame.samples().count { $0.bits != StaleMarker.bits }
    }

    @Test func theyTakeFromTheRoom() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<10), at: 1)
        gate.shedsNewSeries = true
        room.set(leftBytes: 10 << 20)
        #expect(delivered(try scrape.consume(page(0..<20_010), at: 2)) == 10)
        let taken = (10 << 20) - room.leftBytes
        #expect(taken >= 20_000 * 20 && taken < 20_000 * 20 + 64 << 10)
        // Once for all.
        #expect(delivered(try scrape.consume(page(0..<20_010), at: 3)) == 10 && scrape.shedCount == 20_000)
        #expect((10 << 20) - room.leftBytes == taken)
    }

    /// Lines that are kept without room are counted where they are, not where they were.
    @Test func linesThatMoveUseUpNoFreeOnes() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<10), at: 1)
        room.set(leftBytes: 0)
        let new = Array(100..<160)
        _ = try scrape.consume(page(Array(0..<10) + new), at: 2)
        #expect(scrape.shedCount == 60)
        // The chunk with these lines is not as it was, and all of them are kept again.
        for (time, known) in [Array(1..<10), Array(2..<10)].enumerated() {
            let body = page(known + new)
            #expect(delivered(try scrape.consume(body, at: Int64(3 + 2 * time))) >= known.count)
            let parsed = scrape.parsedLines
            _ = try scrape.consume(body, at: Int64(4 + 2 * time))
            #expect(scrape.parsedLines == parsed && scrape.shedCount == 60)
        }
    }

    /// Without any room a page of ten known series keeps some sixty of them, however many it has and often it
    /// changes.
    @Test func withoutRoomTheyAreBounded() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<10), at: 1)
        room.set(leftBytes: 0)
        func ids(_ round: Int) -> [Int] {
            (0..<60_000).flatMap { new in
                let number = 100_000 * round + new
                return new % 6_000 == 0 ? [new / 6_000, number] : [number]
            }
        }
        for (time, round) in [1, 1, 1, 2, 3, 3, 4, 4].enumerated() {
            let frame = try scrape.consume(page(ids(round)), at: Int64(time + 2))
            #expect(delivered(frame) == 10 && frame.departed.isEmpty && scrape.shedCount == 60_000)
            let report = frame.lines(report: true)
            #expect(report.contains("scrape_samples_scraped 60010.0"))
            #expect(report.contains("scrape_samples_post_metric_relabeling 10.0"))
            #expect(scrape.lineMemory.lineBytes < 100 * 20)
        }
        room.set(leftBytes: 1 << 30)
        let whole = try scrape.consume(page(ids(4)), at: 20)
        #expect(delivered(whole) == 60_010 && whole.departed.isEmpty && scrape.shedCount == 0)
        #expect(delivered(try scrape.consume(page(ids(4)), at: 21)) == 60_010)
    }

    /// Lines that are kept without room count in each page, also where a chunk of the page before has them.
    @Test func thoseOfThePageBeforeCount() throws {
        let gate = SeriesGate(room: room, mostFreeShedLines: 64)
        let scrape = TargetScrape(target: plainTarget(), rules: SeriesRules(), gate: gate)
        /// Known lines, and in front of each 400 of them 60 new ones, in so many places.
        func ids(_ places: Int) -> [Int] {
            var ids: [Int] = []
            for place in 0..<10 {
                if place < places { ids += (0..<60).map { 10_000 + 60 * place + $0 } }
                ids += (0..<400).map { 400 * place + $0 }
            }
            return ids
        }
        _ = try scrape.consume(page(ids(0)), at: 1)
        let known = scrape.lineMemory.lineBytes
        room.set(leftBytes: 0)
        for places in 1...10 {
            let frame = try scrape.consume(page(ids(places)), at: Int64(1 + places))
            #expect(delivered(frame) == 4_000 && scrape.shedCount == 60 * places)
            let kept = scrape.lineMemory.lineBytes - known
            #expect(kept > 0 && kept <= 64 * 20, "\(kept) bytes of new lines in \(places) places")
        }
    }
}
