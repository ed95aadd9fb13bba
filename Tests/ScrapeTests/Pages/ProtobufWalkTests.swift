import Configuration
import MetricModel
import Platform
import Relabel
import Testing

@testable import Scrape

/// Protobuf bodies under random edits, read by the order of their series and by chunks: both give the same
/// samples, histograms, exemplars, stale markers, report and errors.
@Suite struct ProtobufWalkTests {
    private struct Metric {
        var id: String
        var buckets: Int
        var isNative = false
        var hasTimestamp = false
        var exemplar: Int?
        var extra: (name: String, value: String)?
    }

    private struct Family {
        var name: String
        /// io.prometheus.client.MetricType.
        var type: UInt64
        var help: String
        var metrics: [Metric]
    }

    private struct Page {
        var families: [Family] = []
        var nextID = 0
        var isBroken = false
        /// Whether a series may stand twice.
        var repeatsSeries = true

        init(families count: Int, _ random: inout SeededGenerator) {
            for number in 0..<count {
                let types: [UInt64] = [0, 1, 2, 3, 4, 4, 5]
                let type = types.randomElement(using: &random) ?? 1
                var family = Family(
                    name: "family_\(number)", type: type, help: number % 4 == 0 ? "" : "Text.", metrics: [])
                for _ in 0..<Int.random(in: 1...24, using: &random) {
                    family.metrics.append(newMetric(&random))
                }
                families.append(family)
            }
        }

        mutating func newMetric(_ random: inout SeededGenerator) -> Metric {
            nextID += 1
            var metric = Metric(id: "\(nextID)", buckets: Int.random(in: 0..<5, using: &random))
            metric.isNative = Int.random(in: 0..<3, using: &random) == 0
            metric.hasTimestamp = Int.random(in: 0..<40, using: &random) == 0
            if Int.random(in: 0..<4, using: &random) == 0 { metric.exemplar = nextID }
            switch Int.random(in: 0..<24, using: &random) {
            case 0, 1, 2: metric.extra = ("drop", "yes")
            case 3, 4: metric.extra = ("instance", "other")
            default: break
            }
            return metric
        }

        func bytes(_ random: inout SeededGenerator, at timestampMs: Int64) -> [UInt8] {
            var result: [UInt8] = []
            for family in families where !family.metrics.isEmpty {
                let fills = family.metrics.map { metric in
                    let value = Int.random(in: 0..<100_000, using: &random)
                    return { (message: inout ProtoMessage) in
                        Self.fill(&message, metric, family.type, UInt64(value), at: timestampMs)
                    }
                }
                result += ProtoBody.family(family.name, family.type, help: family.help, fills)
            }
            return isBroken ? result + [0xFF] : result
        }

        private static func fill(
            _ message: inout ProtoMessage, _ metric: Metric, _ type: UInt64, _ value: UInt64,
            at timestampMs: Int64
        ) {
            message.label("id", metric.id)
            if let extra = metric.extra { message.label(extra.name, extra.value) }
            if metric.hasTimestamp { message.varint(6, UInt64(bitPattern: timestampMs - 5)) }
            let number = Double(value)
            switch type {
            case 0:
                message.message(3) {
                    $0.double(1, number)
                    if let id = metric.exemplar { $0.exemplar(2, "e\(id)", Double(id), ms: nil) }
                }
            case 1: message.message(2) { $0.double(1, number) }
            case 2:
                message.message(4) {
                    $0.varint(1, value)
                    $0.double(2, number)
                    for index in 0..<metric.buckets {
                        $0.message(3) {
                            $0.double(1, Double(index) / 8)
                            $0.double(2, number)
                        }
                    }
                }
            case 3: message.message(5) { $0.double(1, number) }
            default:
                message.message(7) {
                    $0.varint(1, value + 2)
                    $0.double(2, number)
                    if metric.isNative {
                        $0.signed(5, 0)
                        $0.span(12, 0, 1)
                        $0.packed(13, signed: [Int64(value + 2)])
                        if let id = metric.exemplar {
                            $0.exemplar(16, "n\(id)", Double(id), ms: 7)
                            $0.exemplar(16, "m\(id)", Double(id), ms: 5)
                        }
                    }
                    for bound in 0..<metric.buckets {
                        $0.bucket(Double(bound), value / 8 + UInt64(bound)) {
                            if let id = metric.exemplar { $0.exemplar(3, "b\(id)", Double(id), ms: 9) }
                        }
                    }
                }
            }
        }

        mutating func edit(_ random: inout SeededGenerator) {
            isBroken = Int.random(in: 0..<40, using: &random) == 0
            guard Int.random(in: 0..<6, using: &random) > 0 else { return }
            for _ in 0..<Int.random(in: 1...4, using: &random) { editOnce(&random) }
        }

        private mutating func editOnce(_ random: inout SeededGenerator) {
            let index = Int.random(in: families.indices, using: &random)
            let share = [1, 2, 10].randomElement(using: &random) ?? 10
            switch Int.random(in: 0..<16, using: &random) {
            case 0, 1, 2, 3:
                // New label values all over the page.
                for family in families.indices {
                    for metric in families[family].metrics.indices
                    where Int.random(in: 0..<share * 4, using: &random) == 0 {
                        families[family].metrics[metric] = newMetric(&random)
                    }
                }
            case 4:
                for _ in 0..<Int.random(in: 1...30, using: &random) {
                    families[index].metrics.insert(newMetric(&random), at: 0)
                }
            case 5: families[index].metrics.removeFirst(families[index].metrics.count / share)
            case 6: families[index].metrics.shuffle(using: &random)
            case 7: families.shuffle(using: &random)
            case 8:
                for metric in families[index].metrics.indices { families[index].metrics[metric].buckets += 1 }
            case 9: families[index].help = ["", "Other.", "Text."].randomElement(using: &random) ?? ""
            case 10: families[index].type = UInt64.random(in: 0...5, using: &random)
            case 11:
                // Native histograms become classic ones and the other way round.
                for metric in families[index].metrics.indices {
                    families[index].metrics[metric].isNative.toggle()
                }
            case 12:
                // A series twice, now and then.
                if let metric = families[index].metrics.randomElement(using: &random),
                    Int.random(in: 0..<6, using: &random) == 0, repeatsSeries
                {
                    families[index].metrics.append(metric)
                }
            case 13:
                families[index].metrics = families[index].metrics.filter { _ in Bool.random(using: &random) }
            case 14:
                for metric in families[index].metrics.indices
                where Int.random(in: 0..<share, using: &random) == 0 {
                    families[index].metrics[metric].hasTimestamp.toggle()
                    families[index].metrics[metric].exemplar = nextID
                }
            default:
                let other = Int.random(in: families.indices, using: &random)
                if let metric = families[index].metrics.popLast() { families[other].metrics.append(metric) }
            }
        }
    }

    /// All that a frame says, in an order of its own.
    private static func words(_ frame: Frame) -> [String] {
        let kinds = Set(frame.layout.histogramSeries)
        func name(_ series: UInt32) -> String {
            let labels = frame.layout.labels(ofSeries: Int(series), target: frame.target)
            return labels?.description ?? "series \(series)"
        }
        var words = frame.samples(report: true).map(\.description).sorted()
        // A marker of a histogram is another one than that of a number.
        let missing = Set(frame.absent)
        words += kinds.subtracting(missing).map { "histogram \(name($0))" }.sorted()
        for gone in frame.departed {
            let kinds = Set(gone.chunk.histogramSeries)
            words += gone.series.filter { kinds.contains($0) }.map {
                let labels = gone.chunk.labels(ofSeries: Int($0), target: frame.target)
                return "histogram \(labels?.description ?? "series \($0)")"
            }
        }
        words += frame.histograms.map { "\(name($0.series)) \($0.histogram)" }.sorted()
        #expect(frame.histograms.map(\.series) == frame.histograms.map(\.series).sorted())
        let exemplars = frame.exemplars
        #expect(exemplars.map(\.series) == exemplars.map(\.series).sorted())
        let byName = Dictionary(grouping: exemplars, by: { name($0.series) })
        words += byName.map { "\($0) \($1.map(\.exemplar))" }.sorted()
        return words.sorted()
    }

    private static func result(
        _ scrape: TargetScrape, _ body: [UInt8], at timestampMs: Int64
    ) throws -> [String] {
        do {
            let frame = try scrape.consume(protobuf: body, at: timestampMs)
            #expect(frame.values.count == frame.layout.seriesCount)
            #expect(frame.absent == frame.absent.sorted() && Set(frame.absent).count == frame.absent.count)
            return words(frame) + ["\(scrape.leftOut[.duplicate])", "shed \(scrape.shedCount)"]
        } catch let error as ScrapeError {
            return ["\(error)"] + words(try scrape.fail(at: timestampMs, error: error))
        }
    }

    private static func scrape(
        byOrder: Bool, variant: Int, gate: SeriesGate = SeriesGate()
    ) throws -> TargetScrape {
        let rules = try RelabelRules([
            RelabelRule(.init(action: .drop, sourceLabels: ["drop"], regex: "yes"))
        ])
        var seriesRules = SeriesRules()
        seriesRules.limits.samples = variant == 6 ? 300 : 0
        return TargetScrape(
            target: plainTarget(), honorTimestamps: variant & 1 == 1, keepsExemplars: variant != 4,
            histograms: HistogramConfiguration(
                scrapeNative: variant != 3, alwaysScrapeClassic: variant == 2 || variant == 5,
                convertClassicToNHCB: variant >= 5),
            rules: seriesRules, tracksStaleness: variant & 2 == 2,
            relabelling: MetricRelabelling(rules: rules), readsByOrder: byOrder, gate: gate)
    }

    /// Pages that are compared at least, and at most.
    private static let rounds = 150
    private static let mostRounds = 1_500
    private static let leastByOrder = rounds / 4 + 1

    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7])
    func randomEditsReadAsByChunks(variant: Int) throws {
        let seed = printedSeed("ProtobufWalkTests.randomEditsReadAsByChunks(\(variant))")
        var random = SeededGenerator(seed: seed)
        var page = Page(families: [3, 12, 30][variant % 3], &random)
        let scrape = try Self.scrape(byOrder: true, variant: variant)
        let byChunks = try Self.scrape(byOrder: false, variant: variant)
        var byOrder = 0
        let wanted = variant == 6 ? 0 : Self.leastByOrder
        for round in 1...Self.mostRounds where round <= Self.rounds || byOrder < wanted {
            let timestampMs = 1_700_000_000_000 + Int64(round) * 1_000
            let body = page.bytes(&random, at: timestampMs)
            let found = try Self.result(scrape, body, at: timestampMs)
            let expected = try Self.result(byChunks, body, at: timestampMs)
            let missing = Set(expected).subtracting(found).sorted()
            let extra = Set(found).subtracting(expected).sorted()
            try #require(
                found == expected,
                "seed \(seed), round \(round): missing \(missing.prefix(5)), extra \(extra.prefix(5))")
            if scrape.pageWork != nil { byOrder += 1 }
            page.edit(&random)
        }
        #expect(byOrder >= wanted, "\(byOrder) in \(Self.mostRounds) rounds")
    }

    /// While memory is short, the same series are shed, and the same ones stay. No series stands twice here:
    /// the number of repetitions that come in may differ.
    @Test(arguments: [0, 1, 3, 5, 6])
    func newSeriesAreShedAsByChunks(variant: Int) throws {
        let seed = printedSeed("ProtobufWalkTests.newSeriesAreShedAsByChunks(\(variant))")
        var random = SeededGenerator(seed: seed)
        var page = Page(families: [3, 12, 30][variant % 3], &random)
        page.repeatsSeries = false
        let gate = SeriesGate()
        let scrape = try Self.scrape(byOrder: true, variant: variant, gate: gate)
        let byChunks = try Self.scrape(byOrder: false, variant: variant, gate: gate)
        // Pages while new series are shed: those read by order, and those of which the order was given up.
        var (kept, givenUp) = (0, 0)
        var wasByOrder = false
        let wanted = variant == 6 ? 0 : 3
        for round in 1...Self.mostRounds where round <= 60 || min(kept, givenUp) < wanted {
            // An order is made again some twenty pages after one was given up.
            gate.shedsNewSeries = round % 28 >= 24
            let timestampMs = 1_700_000_000_000 + Int64(round) * 1_000
            let body = page.bytes(&random, at: timestampMs)
            let found = try Self.result(scrape, body, at: timestampMs)
            let expected = try Self.result(byChunks, body, at: timestampMs)
            let missing = Set(expected).subtracting(found).sorted()
            let extra = Set(found).subtracting(expected).sorted()
            try #require(
                found == expected,
                "seed \(seed), round \(round): missing \(missing.prefix(5)), extra \(extra.prefix(5))")
            let isByOrder = scrape.pageWork != nil
            if gate.shedsNewSeries, !page.isBroken {
                if isByOrder { kept += 1 }
                if !isByOrder, wasByOrder, scrape.shedCount > 0 { givenUp += 1 }
            }
            wasByOrder = isByOrder
            page.edit(&random)
        }
        #expect(min(kept, givenUp) >= wanted, "\(kept) and \(givenUp) in \(Self.mostRounds) rounds")
    }

    /// New series are paid from the room, and a body with more than fit is read by chunks.
    @Test func newSeriesTakeRoom() throws {
        let room = MemoryRoom()
        let scrape = TargetScrape(
            target: plainTarget(), rules: SeriesRules(), gate: SeriesGate(room: room))
        var time: Int64 = 0
        func consume(_ round: Int) throws -> Frame {
            time += 1
            let ids = (0..<200).map { $0 % 10 == 3 ? $0 + round * 1_000 : $0 }
            return try scrape.consume(protobuf: Self.gauges(ids), at: time)
        }
        for round in 1...12 { _ = try consume(round) }
        #expect(scrape.pageWork != nil)
        room.set(leftBytes: 1 << 20)
        _ = try consume(13)
        #expect(scrape.pageWork != nil && room.leftBytes == (1 << 20) - (4 << 10))
        _ = try consume(13)
        #expect(room.leftBytes == (1 << 20) - (4 << 10))
        room.set(leftBytes: 10 * ("{\"g\",id=\"14003\"}".utf8.count + SeriesAdmission.seriesBytes))
        let frame = try consume(14)
        #expect(scrape.pageWork == nil && scrape.shedCount >= 10 && scrape.shedCount <= 20)
        let samples = frame.samples()
        #expect(samples.count { $0.bits == StaleMarker.bits } == 20)
        #expect(samples.count == 220 - scrape.shedCount)
    }

    private static func gauges(_ ids: [Int], help: String = "Help.") -> [UInt8] {
        ProtoBody.family(
            "g", 1, help: help,
            ids.map { id in
                {
                    $0.label("id", "\(id)")
                    $0.message(2) { $0.double(1, Double(id)) }
                }
            })
    }

    /// A new series makes no label but its own, wherever it stands, and leaves the chunks of all others.
    @Test func aChangedBodyCostsItsNewSeries() throws {
        let scrape = plainScrape()
        for round in 1...20 {
            let ids = (0..<2_000).map { $0 % 10 == 0 ? $0 + 10_000 * round : $0 }
            let frame = try scrape.consume(protobuf: Self.gauges(ids), at: Int64(round))
            #expect(frame.sampleCount == (round == 1 ? 2_005 : 2_205))
            guard round > 4 else { continue }
            let work = try #require(scrape.pageWork, "round \(round)")
            #expect(work.encodedLines == 201 || work.encodedLines == 200)
            #expect(work.tries < 30 * 200)
            #expect(scrape.metadata.map(\.help) == ["Help."] && scrape.commentCount <= 12)
        }
    }

    /// Series that only change places need no labels, however far they move.
    @Test func seriesThatMoveAreFound() throws {
        let scrape = plainScrape()
        let ids = Array(0..<1_000)
        for round in 1...20 {
            let turned = Array(ids[(round * 37)...] + ids[..<(round * 37)])
            let frame = try scrape.consume(protobuf: Self.gauges(turned), at: Int64(round))
            #expect(frame.sampleCount == 1_005)
            guard round > 4 else { continue }
            let work = try #require(scrape.pageWork, "round \(round)")
            // So many are made in vain before the table is, and the family's first series has another key.
            #expect(work.encodedLines <= 17)
            #expect(work.tries < 3 * ids.count)
        }
    }

    /// What is said of a family holds when it changes, and a target that answers in text is read anew.
    @Test func helpChangesAndFormatsChange() throws {
        let scrape = plainScrape()
        let lines = (0..<50).map { "g{id=\"\($0)\"} 1\n" }.joined()
        for round in 1...40 {
            let time = Int64(round)
            let ids = Array(0..<50) + [100 + round]
            if round % 20 > 12 {
                let frame = try scrape.consume(lines + "g{id=\"\(100 + round)\"} 1\n", at: time)
                #expect(frame.sampleCount == 57, "round \(round)")
            } else {
                let help = round % 3 == 0 ? "A" : "B"
                let frame = try scrape.consume(protobuf: Self.gauges(ids, help: help), at: time)
                #expect(frame.sampleCount == (round == 1 ? 56 : 57), "round \(round)")
                #expect(scrape.metadata.map(\.help) == [help], "round \(round)")
            }
        }
    }
}
