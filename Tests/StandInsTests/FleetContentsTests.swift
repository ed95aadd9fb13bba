import StandIns
import Testing

struct FleetContentsTests {
    private func contents(
        _ kind: FleetChurn.Kind, _ share: Double, series: Int = 1_000, exporters: Int = 4,
        change: (inout FleetConfiguration) -> Void = { _ in }
    ) -> FleetContents {
        var configuration = FleetConfiguration(
            exporters: exporters, seriesEach: series, churn: FleetChurn(kind, share: share))
        change(&configuration)
        return FleetContents(configuration)
    }

    /// The lines of a page without comments and numbers.
    private func names(
        _ contents: FleetContents, _ scrape: UInt64, exporter: Int = 0
    ) -> [Substring] {
        String(decoding: contents.page(exporter: exporter, scrape: scrape, format: .text), as: UTF8.self)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
                $0[..<($0.lastIndex(of: " ") ?? $0.endIndex)]
            }
    }

    @Test(arguments: FleetChurn.Kind.allCases, FleetFormat.allCases)
    func theSameConfigurationGivesTheSamePages(kind: FleetChurn.Kind, format: FleetFormat) {
        for scrape in [UInt64(0), 1, 17] {
            let page = { (seed: UInt64, exporter: Int, scrape: UInt64) in
                contents(kind, 0.5, series: 200) { $0.seed = seed }
                    .page(exporter: exporter, scrape: scrape, format: format)
            }
            #expect(page(1, 1, scrape) == page(1, 1, scrape))
            #expect(page(1, 1, scrape) != page(1, 1, scrape + 1))
            #expect(page(1, 1, scrape) != page(2, 1, scrape))
            #expect(page(1, 1, scrape) != page(1, 2, scrape))
        }
    }

    @Test(arguments: FleetChurn.Kind.allCases, [0.1, 0.5, 1])
    func theSeriesOfEachPageAreCountedBeforehand(kind: FleetChurn.Kind, share: Double) {
        let contents = contents(kind, share)
        for scrape in UInt64(0)..<30 {
            let names = names(contents, scrape)
            #expect(names.count == contents.seriesCount(exporter: 0, scrape: scrape))
            #expect(Set(names).count == names.count)
            let open = String(
                decoding: contents.page(exporter: 0, scrape: scrape, format: .openmetrics), as: UTF8.self)
            #expect(open.split(separator: "\n").filter { !$0.hasPrefix("#") }.count == names.count)
        }
    }

    @Test(arguments: [0.001, 0.1, 0.25, 0.55, 0.6, 0.9, 1])
    func linesAreNewAtTheSamePlaces(share: Double) {
        let contents = contents(.lines, share)
        var places: [Int] = []
        for scrape in UInt64(1)..<5 {
            let before = Set(names(contents, scrape - 1))
            let now = names(contents, scrape)
            let new = now.indices.filter { !before.contains(now[$0]) }
            #expect(new.count == Int(share * 1_000))
            #expect(now.count == 1_000)
            if scrape > 1 { #expect(new == places) }
            places = new
        }
        // Spread: no half of the page has nearly all of them.
        if share == 0.1 { #expect((40...60).contains(places.filter { $0 < 500 }.count)) }
    }

    @Test(arguments: [0.01, 0.1, 0.25, 0.5, 1])
    func aWindowSlidesInFront(share: Double) {
        let contents = contents(.front, share)
        let count = Int(share * 1_000)
        for scrape in UInt64(1)..<7 {
            let before = names(contents, scrape - 1)
            let now = names(contents, scrape)
            #expect(now.count == 1_000)
            #expect(Set(now.prefix(count)).isDisjoint(with: before))
            // The others are there already, in the same order.
            #expect(Array(now.dropFirst(count)) == before.filter { Set(now).contains($0) })
            #expect(Set(before).subtracting(now).count == count)
        }
    }

    @Test(arguments: [0, 0.1, 0.5, 1]) func bucketsGrowAndStartAnew(share: Double) {
        let contents = contents(.buckets, share, series: 3_200)
        let histograms = names(contents, 0).filter { $0.contains("_count{") }
        var grown = 0
        var started = 0
        for scrape in UInt64(1)...UInt64(FleetChurn.mostBuckets + 1) {
            let before = names(contents, scrape - 1)
            let now = names(contents, scrape)
            #expect(now.filter { $0.contains("_count{") } == histograms)
            let new = Set(now).subtracting(before)
            #expect(new.allSatisfy { $0.contains("_bucket{") })
            let gone = Set(before).subtracting(now)
            #expect(gone.count % FleetChurn.mostBuckets == 0)
            grown += new.count
            started += gone.count / FleetChurn.mostBuckets
            #expect(
                new.count + gone.count / FleetChurn.mostBuckets
                    == Int((share * Double(histograms.count)).rounded()))
        }
        // Each has been through the whole cycle.
        #expect(grown == started * FleetChurn.mostBuckets)
        #expect(names(contents, 0) == names(contents, UInt64(FleetChurn.mostBuckets + 1)))
    }

    @Test func someExportersShuffle() {
        let contents = contents(.shuffle, 0.5)
        for exporter in 0..<4 {
            let first = names(contents, 0, exporter: exporter)
            let second = names(contents, 1, exporter: exporter)
            #expect(Set(first) == Set(second))
            #expect((first == second) == (exporter >= 2))
            #expect((first == names(contents, 0, exporter: 3)) == (exporter >= 2))
            #expect((first == names(contents, 0, exporter: 0)) == (exporter == 0))
        }
    }

    @Test func shuffledFamiliesStayTogether() {
        let contents = contents(.shuffle, 1)
        var seen = Set<Substring>()
        var current: Substring = ""
        for line in String(decoding: contents.page(exporter: 0, scrape: 3, format: .text), as: UTF8.self)
            .split(
                separator: "\n")
        {
            if line.hasPrefix("# TYPE ") {
                current = line.split(separator: " ")[2]
                #expect(seen.insert(current).inserted)
            } else if !line.hasPrefix("#") {
                #expect(line.hasPrefix(current))
            }
        }
    }

    @Test func exportersOfASetOfNumbersGiveEqualPages() {
        let contents = FleetContents(FleetConfiguration(exporters: 8, seriesEach: 100, numberSets: 3))
        let pages = (0..<8).map { contents.page(exporter: $0, scrape: 2, format: .text) }
        for exporter in 3..<8 { #expect(pages[exporter] == pages[exporter - 3]) }
        #expect(Set(pages).count == 3)
    }
}
