import MetricModel
import Relabel
import Testing

@testable import Scrape

/// Whose label wins: prometheus/scrape's rules for target and scraped labels, then remote write's for
/// external ones.
@Suite struct SeriesEncoderTests {
    private func labels(
        _ text: String, honorLabels: Bool = false, own: [Label] = [], external: [Label] = []
    ) throws -> String {
        let scrape = plainScrape(honorLabels: honorLabels, own: own, external: external)
        let frame = try scrape.consume(text + "\n", at: 1)
        let sample = try #require(frame.samples().first)
        let names = sample.labels.labels.map(\.name)
        #expect(names == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, "sorted by bytes")
        // As encoded, before LabelSet could have sorted them.
        let encoded = try #require(frame.layout.chunks.first)
        #expect(encoded.labels(ofSeries: 0, target: frame.target) == sample.labels)
        return sample.labels.description
    }

    @Test func targetLabelsGoInBetween() throws {
        #expect(
            try labels("m{Z=\"1\",a=\"2\",instancf=\"3\",z=\"4\"} 1")
                == "{Z=\"1\", __name__=\"m\", a=\"2\", instance=\"i\", instancf=\"3\", job=\"j\", z=\"4\"}")
    }

    @Test func scrapedLabelsAreRenamedUntilTheNameIsFree() throws {
        #expect(
            try labels("m{job=\"x\"} 1") == "{__name__=\"m\", exported_job=\"x\", instance=\"i\", job=\"j\"}")
        #expect(
            try labels("m{job=\"x\",exported_job=\"y\"} 1")
                == "{__name__=\"m\", exported_exported_job=\"x\", exported_job=\"y\","
                + " instance=\"i\", job=\"j\"}"
        )
        #expect(
            try labels("m{job=\"x\"} 1", own: [Label("exported_job", "t")])
                == "{__name__=\"m\", exported_exported_job=\"x\", exported_job=\"t\","
                + " instance=\"i\", job=\"j\"}"
        )
        #expect(
            try labels("m{job=\"x\",exported_job=\"y\"} 1", own: [Label("exported_job", "t")])
                == "{__name__=\"m\", exported_exported_exported_job=\"y\", exported_exported_job=\"x\","
                + " exported_job=\"t\", instance=\"i\", job=\"j\"}")
    }

    @Test func anEmptyScrapedLabelChangesNothingUnlessHonoured() throws {
        #expect(try labels("m{job=\"\"} 1") == "{__name__=\"m\", instance=\"i\", job=\"j\"}")
        #expect(try labels("m{job=\"\"} 1", honorLabels: true) == "{__name__=\"m\", instance=\"i\"}")
        #expect(
            try labels("m{job=\"x\",exported_job=\"\"} 1")
                == "{__name__=\"m\", exported_job=\"x\", instance=\"i\", job=\"j\"}")
    }

    @Test func honouredLabelsWin() throws {
        #expect(
            try labels("m{job=\"x\",instance=\"y\"} 1", honorLabels: true)
                == "{__name__=\"m\", instance=\"y\", job=\"x\"}")
        #expect(
            try labels("m{job=\"x\"} 1", honorLabels: true) == "{__name__=\"m\", instance=\"i\", job=\"x\"}")
    }

    @Test(arguments: [false, true])
    func externalLabelsGiveWay(honorLabels: Bool) throws {
        let external = [Label("region", "r"), Label("job", "external")]
        #expect(
            try labels("m 1", honorLabels: honorLabels, external: external)
                == "{__name__=\"m\", instance=\"i\", job=\"j\", region=\"r\"}")
        #expect(
            try labels("m{region=\"s\"} 1", honorLabels: honorLabels, external: external)
                == "{__name__=\"m\", instance=\"i\", job=\"j\", region=\"s\"}")
        #expect(
            try labels("m{region=\"\"} 1", honorLabels: honorLabels, external: external)
                == "{__name__=\"m\", instance=\"i\", job=\"j\", region=\"r\"}")
    }

    /// What of a label of the series (absent, empty or filled), its target's and the external one is stored:
    /// as Prometheus sends it.
    @Test(
        arguments: [
            (nil, true, "job=\"j\""), ("", true, "job=\"outer\""), ("x", true, "job=\"x\""),
            (nil, false, "job=\"j\""), ("", false, "job=\"j\""),
            ("x", false, "exported_job=\"x\", job=\"j\""),
        ] as [(String?, Bool, String)], [false, true])
    func anEmptyHonoredLabelUncoversTheExternalOne(
        entry: (own: String?, honors: Bool, stored: String), relabels: Bool
    ) throws {
        let external = LabelSet([Label("job", "outer"), Label("region", "r")])
        let rules = relabels ? [try RelabelRule(.init(action: .labeldrop, regex: "nothing"))] : []
        let scrape = TargetScrape(
            target: Target(job: "j", own: LabelSet([Label("job", "j")]), external: external),
            honorLabels: entry.honors, metricRules: RelabelRules(rules), externalLabels: external)
        let exposed = entry.own.map { "{job=\"\($0)\"}" } ?? ""
        let frame = try scrape.consume("m\(exposed) 1\nn 2\n", at: 1)
        #expect(
            frame.samples().map { $0.labels.description } == [
                "{__name__=\"m\", \(entry.stored), region=\"r\"}",
                "{__name__=\"n\", job=\"j\", region=\"r\"}",
            ])
    }

    @Test func externalLabelsGiveWayToRenamedOnesToo() throws {
        #expect(
            try labels("m{job=\"x\"} 1", external: [Label("exported_job", "e")])
                == "{__name__=\"m\", exported_job=\"x\", instance=\"i\", job=\"j\"}")
    }

    @Test func manyLabelsAreSorted() throws {
        let text = (0..<1_000).reversed().map { "l\($0)=\"\($0)\"" }.joined(separator: ",")
        #expect(
            try labels("m{\(text)} 1").hasPrefix(
                "{__name__=\"m\", instance=\"i\", job=\"j\", l0=\"0\", l1=\"1\""))
    }

    @Test func valuesDoNotDecideAboutSharing() throws {
        let interner = LayoutInterner()
        let body = "a{x=\"1\"} 1\nb{job=\"q\"} 2\n"
        func layout(_ labels: [Label]) throws -> Layout {
            let scrape = TargetScrape(target: Target(job: "j", own: LabelSet(labels)), interner: interner)
            return try scrape.consume(body, at: 1).layout
        }
        let first = try layout([Label("instance", "1"), Label("job", "j")])
        let second = try layout([Label("instance", "2"), Label("job", "k")])
        let third = try layout([Label("instance", "2")])
        #expect(first.isIdentical(to: second))
        #expect(!first.isIdentical(to: third))
    }
}
