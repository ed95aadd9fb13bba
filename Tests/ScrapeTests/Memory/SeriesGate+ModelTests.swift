import Configuration
import MetricModel
import Platform
import Relabel
import Testing

@testable import Scrape

/// Random pages of two targets with equal lines, in any format, while the job sheds, while there is little
/// room, or neither; against a model that knows only which series a target has and which were delivered last.
@Suite struct SeriesGateModelTests {
    enum Format: CaseIterable {
        case text, openMetrics, protobuf
    }

    private struct Model {
        var known: Set<Int> = []
        /// Series that still await a stale marker.
        var live: Set<Int> = []
    }

    /// What a page shows beside its series: lines that rules drop, in front of them.
    private static let droppedCount = 600

    private static func lines(_ ids: [Int], _ format: Format, value: Int, hasDropped: Bool) -> [UInt8] {
        let dropped = hasDropped ? droppedCount : 0
        guard format != .protobuf else {
            let front = ProtoBody.family(
                "other", 1,
                (0..<dropped).map { id in
                    { metric in
                        metric.label("id", "\(id)")
                        metric.message(2) { $0.double(1, 1) }
                    }
                })
            return (hasDropped ? front : [])
                + ProtoBody.family(
                    "m", 1,
                    ids.map { id in
                        { metric in
                            metric.label("id", "\(id)")
                            if id % 7 == 3 { metric.label("drop", "yes") }
                            if id % 5 == 2 { metric.label("instance", "own") }
                            metric.message(2) { $0.double(1, Double(value)) }
                        }
                    })
        }
        var text = ""
        if hasDropped {
            text += "# TYPE other gauge\n" + (0..<dropped).map { "other{id=\"\($0)\"} 1\n" }.joined()
        }
        text += "# TYPE m gauge\n"
        for id in ids {
            text += "m{id=\"\(id)\"\(id % 7 == 3 ? ",drop=\"yes\"" : "")"
            text += "\(id % 5 == 2 ? ",instance=\"own\"" : "")} \(value)\n"
        }
        return Array((text + (format == .openMetrics ? "# EOF\n" : "")).utf8)
    }

    private static func ids(_ samples: [SampleText], stale: Bool) -> [Int] {
        samples.filter { ($0.bits == StaleMarker.bits) == stale }.compactMap { Int($0.labels["id"] ?? "") }
    }

    /// What the next page has.
    private static func change(_ ids: inout [Int], _ next: inout Int, _ random: inout SeededGenerator) {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: break
        case 1: ids.shuffle(using: &random)
        case 2: ids.removeAll { _ in Int.random(in: 0..<9, using: &random) == 0 }
        case 3:
            // A series that left comes back, where there is one.
            let id = Int.random(in: 0..<max(1, next), using: &random)
            if !ids.contains(id) { ids.insert(id, at: Int.random(in: 0...ids.count, using: &random)) }
        default:
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                ids.insert(next, at: Int.random(in: 0...ids.count, using: &random))
                next += 1
            }
        }
    }

    /// Checks one frame of a page with the series `page` after a target that is as `model` says.
    private func check(
        _ frame: Frame, _ page: Set<Int>, _ model: inout Model, value: Int, sheds: Bool, roomBytes: Int
    ) -> Int {
        let samples = frame.samples()
        let list = Self.ids(samples, stale: false)
        let given = Set(list)
        let known = page.intersection(model.known)
        #expect(list.count == given.count && given.isSubset(of: page) && known.isSubset(of: given))
        if sheds && !model.known.isEmpty || roomBytes == 0 {
            #expect(given == known)
        } else if roomBytes == .max {
            #expect(given == page)
        }
        #expect(Set(Self.ids(samples, stale: true)) == model.live.subtracting(given))
        #expect(
            samples.allSatisfy {
                $0.bits == StaleMarker.bits || $0.bits == Double(value).bitPattern
            })
        (model.known, model.live) = (given, given)
        return given.count
    }

    @Test(arguments: Format.allCases, [false, true]) func pages(_ format: Format, keepsDetails: Bool) throws {
        var random = SeededGenerator(seed: printedSeed("series gate \(format) \(keepsDetails)"))
        let drop = RelabelRules([try RelabelRule(.init(action: .drop, sourceLabels: ["drop"], regex: "yes"))])
        let keep = RelabelRules([
            try RelabelRule(.init(action: .keep, sourceLabels: ["__name__", "drop"], regex: "m;"))
        ])
        for _ in 0..<6 {
            let room = MemoryRoom()
            let freeLines = [0, 5, 4_096].randomElement(using: &random) ?? 0
            let gate = SeriesGate(room: room, freeShedLines: freeLines)
            let keeps = Bool.random(using: &random)
            let honorsLabels = Bool.random(using: &random)
            let (templates, layouts) = (TemplateInterner(), LayoutInterner())
            let names = ["one", "two"]
            let scrapes = names.map { instance in
                TargetScrape(
                    target: Target(job: "j", own: LabelSet([Label("instance", instance)])),
                    honorLabels: honorsLabels, keepsDetails: keepsDetails, rules: SeriesRules(),
                    relabelling: MetricRelabelling(rules: keeps ? keep : drop), gate: gate,
                    interner: layouts, templates: templates)
            }
            var models = [Model(), Model()]
            var ids = Array(0..<Int.random(in: 1...400, using: &random))
            var next = ids.count
            for round in 1...60 {
                if Int.random(in: 0..<8, using: &random) == 0 { gate.shedsNewSeries.toggle() }
                switch Int.random(in: 0..<12, using: &random) {
                case 0: room.set(leftBytes: 0)
                case 1: room.set(leftBytes: Int.random(in: 0..<40_000, using: &random))
                case 2: room.set(leftBytes: .max)
                default: break
                }
                Self.change(&ids, &next, &random)
                let page = Set(ids.filter { $0 % 7 != 3 })
                let body = Self.lines(ids, format, value: round, hasDropped: keeps)
                for (index, scrape) in scrapes.enumerated() {
                    if Int.random(in: 0..<15, using: &random) == 0 {
                        let failed = try scrape.fail(at: Int64(round))
                        #expect(Set(Self.ids(failed.samples(), stale: true)) == models[index].live)
                        models[index].live = []
                        continue
                    }
                    let roomBytes = room.leftBytes
                    let frame =
                        format == .protobuf
                        ? try scrape.consume(protobuf: body, at: Int64(round))
                        : try scrape.consume(body, isOpenMetrics: format == .openMetrics, at: Int64(round))
                    let given = check(
                        frame, page, &models[index], value: round, sheds: gate.shedsNewSeries,
                        roomBytes: roomBytes)
                    #expect(scrape.shedCount == page.count - given)
                    let report = frame.lines(report: true)
                    let labels = "{instance=\"\(names[index])\"}"
                    let count = ids.count + (keeps ? Self.droppedCount : 0)
                    #expect(report.contains("scrape_samples_scraped\(labels) \(Double(count))"))
                    #expect(
                        report.contains("scrape_samples_post_metric_relabeling\(labels) \(Double(given))"))
                }
            }
        }
    }
}
