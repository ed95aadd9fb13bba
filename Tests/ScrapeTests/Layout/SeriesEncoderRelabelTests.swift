import MetricModel
import Relabel
import Testing

@testable import Scrape

/// metric_relabel_configs in layouts.
@Suite struct SeriesEncoderRelabelTests {
    private func rules(_ keys: RelabelRule.Keys...) throws -> RelabelRules {
        RelabelRules(try keys.map { try RelabelRule($0) })
    }

    private func scrape(
        _ rules: RelabelRules, honorLabels: Bool = false, own: [Label] = [], external: [Label] = []
    ) -> TargetScrape {
        TargetScrape(
            target: plainTarget(own, external: external), honorLabels: honorLabels, metricRules: rules,
            externalLabels: LabelSet(external))
    }

    @Test func droppedSeriesTakeNoPlaceAndAreCounted() throws {
        let scrape = scrape(try rules(.init(action: .drop, sourceLabels: ["__name__"], regex: "go_.*")))
        let body = "go_a 1\na 1 5000\ngo_b 2\nb 2\ngo_c 3\n"
        for time: Int64 in [10_000, 20_000] {
            let frame = try scrape.consume(body, at: time)
            let expected = time == 10_000 ? ["a 1.0 @5000", "b 2.0"] : ["b 2.0"]
            #expect(frame.lines() == expected)
            #expect(Array(frame.values.suffix(3).prefix(2)) == [5, 2])
            #expect(frame.layout.seriesCount == 2 + 5)
        }
        #expect(scrape.parsedLines == 5)
        // Nothing but dropped lines: no chunk is stated for them.
        let frame = try scrape.consume("go_a 1\n", at: 30_000)
        #expect(frame.layout.chunks.count == 1)
        #expect(frame.lines() == ["b stale"])
    }

    @Test func seriesAreRenamedAndLabelled() throws {
        let scrape = scrape(
            try rules(
                .init(
                    sourceLabels: ["__name__"], targetLabel: "__name__", regex: "old_(.*)",
                    replacement: "new_$1"),
                .init(sourceLabels: ["path"], targetLabel: "root", regex: "(/[^/]*).*"),
                .init(action: .labeldrop, regex: "path")))
        #expect(
            try scrape.consume("old_x{path=\"/a/b\"} 1\ny{z=\"1\"} 2\n", at: 1).lines() == [
                "new_x{root=\"/a\"} 1.0", "y{z=\"1\"} 2.0",
            ])
    }

    @Test func theTargetsLabelsAreReadChangedAndRemoved() throws {
        let scrape = scrape(
            try rules(
                .init(
                    sourceLabels: ["job", "__name__"], targetLabel: "job", regex: "j;(a)", replacement: "$1"),
                .init(action: .labeldrop, regex: "instance"),
                .init(sourceLabels: ["job"], targetLabel: "from")))
        let samples = try scrape.consume("a 1\nb 2\n", at: 1).samples(report: true)
        #expect(
            samples.map(\.labels.description).prefix(3) == [
                "{__name__=\"a\", from=\"a\", job=\"a\"}", "{__name__=\"b\", from=\"j\", job=\"j\"}",
                "{__name__=\"up\", instance=\"i\", job=\"j\"}",
            ])
    }

    @Test func rulesComeAfterHonorLabelsAndBeforeExternalLabels() throws {
        let rules = try rules(
            .init(sourceLabels: ["region"], targetLabel: "seen", regex: "(.+)"),
            .init(targetLabel: "zone", replacement: "ruled"),
            .init(action: .labelmap, regex: "exported_(job)", replacement: "was_$1"))
        let external = [Label("region", "r"), Label("zone", "z")]
        #expect(
            try scrape(rules, external: external).consume("a{job=\"own\"} 1\n", at: 1).lines() == [
                "a{exported_job=\"own\", region=\"r\", was_job=\"own\", zone=\"ruled\"} 1.0"
            ])
        // Removed, the target's label leaves its name to the external one.
        let removing = try self.rules(.init(action: .labeldrop, regex: "env"))
        let scrape = scrape(removing, own: [Label("env", "own")], external: [Label("env", "outer")])
        #expect(try scrape.consume("a 1\n", at: 1).lines() == ["a{env=\"outer\"} 1.0"])
    }

    @Test func equalSeriesAreOneAndTheFirstCounts() throws {
        let scrape = scrape(try rules(.init(action: .labeldrop, regex: "pid")))
        let body = "a{pid=\"1\"} 1\na{pid=\"2\"} 2\nb 3\n"
        for time: Int64 in [1, 2] {
            let frame = try scrape.consume(body, at: time)
            #expect(frame.lines() == ["a 1.0", "b 3.0"])
            #expect(scrape.duplicateCount == 1)
            // Counted before they are compared, as in Prometheus.
            #expect(frame.values[frame.values.count - 2] == 3)
        }
    }

    @Test func aSeriesWithoutANameFailsTheScrape() throws {
        let nameless = scrape(try rules(.init(action: .labeldrop, regex: "__name__")))
        #expect(throws: ScrapeError.self) { try nameless.consume("a 1\n", at: 1) }
        let empty = scrape(try rules(.init(action: .labeldrop)))
        #expect(try empty.consume("a 1\n", at: 1).lines().isEmpty)
    }

    @Test func targetsShareChunksUnlessRulesReadWhatDiffers() throws {
        let layouts = LayoutInterner()
        let templates = TemplateInterner()
        func chunks(_ rules: RelabelRules, _ instance: String) throws -> [LayoutChunk] {
            let target = Target(
                job: "j", own: LabelSet([Label("instance", instance), Label("job", "j")]))
            let engine = ScrapeEngine(
                target: target, honorLabels: false, honorTimestamps: true,
                relabelling: MetricRelabelling(rules: rules), layouts: layouts, templates: templates)
            let body = Array("a 1\nb 2\n".utf8)
            // Safety: the span is used only inside the closure.
            let prepared = try unsafe body.withUnsafeBytes {
                try unsafe engine.scraped($0.bytes, at: 1, after: engine.makeState()) { 0 }
            }
            return prepared.frame.layout.chunks
        }
        let blind = try rules(
            .init(sourceLabels: ["__name__"], targetLabel: "n"), .init(action: .labeldrop, regex: "x"))
        #expect(try chunks(blind, "x")[0] === chunks(blind, "y")[0])
        let reading = try rules(.init(sourceLabels: ["instance"], targetLabel: "host"))
        #expect(try chunks(reading, "x")[0] !== chunks(reading, "y")[0])
        #expect(try chunks(reading, "x")[0] === chunks(reading, "x")[0])
    }

    @Test func randomScrapesAreAsTheNaiveWay() throws {
        var generator = SeededGenerator(seed: printedSeed("relabelled scrapes"))
        func pick<T>(_ from: [T]) -> T { from[Int.random(in: 0..<from.count, using: &generator)] }
        let names = ["a", "b", "job", "instance", "env", "le"]
        for _ in 0..<20 {
            let keys: [RelabelRule.Keys] = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                pick([
                    .init(
                        action: .drop, sourceLabels: ["__name__", pick(names)],
                        regex: pick(["m1.*", ".*;x", "m[2-4];"])),
                    .init(
                        sourceLabels: [pick(names)], targetLabel: pick(names), regex: "(.+)",
                        replacement: "${1}z"),
                    .init(action: .labeldrop, regex: pick(names)),
                    .init(targetLabel: pick(names), replacement: pick(["", "x", "j"])),
                    .init(action: .labelmap, regex: "(a|job)", replacement: "env"),
                    .init(
                        sourceLabels: ["__name__"], targetLabel: "__name__", regex: "m(2.*)",
                        replacement: "n$1"),
                ])
            }
            let rules = RelabelRules(try keys.map { try RelabelRule($0) })
            let external = LabelSet([Label("env", "e"), Label("region", "r")])
            let own = LabelSet(
                [Label("instance", "i"), Label("job", "j")] + pick([[], [Label("env", "own")]]))
            let scrape = TargetScrape(
                target: Target(job: "j", own: own, external: external), metricRules: rules,
                externalLabels: external)
            var series = Array(0..<Int.random(in: 1...700, using: &generator))
            for round: Int64 in 1...4 {
                if Bool.random(using: &generator) { series.remove(at: series.count / 2) }
                if series.isEmpty { break }
                var body = ""
                var expected: [LabelSet] = []
                var seen: Set<LabelSet> = []
                for number in series {
                    let label = number % 3 == 0 ? "a=\"x\",b=\"\(number % 5)\"" : "job=\"q\""
                    body += "m\(number){\(label)} \(round)\n"
                    var labels = own
                    labels["__name__"] = "m\(number)"
                    if number % 3 == 0 {
                        labels["a"] = "x"
                        labels["b"] = "\(number % 5)"
                    } else {
                        labels["exported_job"] = "q"
                    }
                    let result = rules.apply(to: labels)
                    guard result.outcome == .kept else { continue }
                    labels = result.labels
                    for outer in external.labels where labels[outer.name] == nil {
                        labels[outer.name] = outer.value
                    }
                    if seen.insert(labels).inserted { expected.append(labels) }
                }
                let frame = try scrape.consume(body, at: round)
                let fresh = frame.samples().filter { $0.bits != StaleMarker.bits }
                #expect(fresh.map(\.labels) == expected, "\(rules.rules.map(\.description))")
                #expect(fresh.allSatisfy { $0.bits == Double(round).bitPattern })
            }
        }
    }
}
