import Testing

@testable import StandIns

extension ExporterShape {
    init(count: Int, movingShare: Double, seed: UInt64, churn: FleetChurn? = nil) {
        self = ShapeBuilder.shape(count: count, movingShare: movingShare, seed: seed, churn: churn)
    }

    func body(
        exporter: Int, scrape: UInt64, isDistinct: Bool = false, visible: Int = .max
    ) -> [UInt8] {
        body(
            PageID(
                exporter: exporter, numbers: exporter, scrape: scrape, isDistinct: isDistinct,
                visible: visible))
    }
}

struct ExporterShapeTests {
    private func lines(_ body: [UInt8]) -> [Substring] {
        String(decoding: body, as: UTF8.self).split(separator: "\n")
    }

    private func values(_ body: [UInt8]) -> [Substring: Substring] {
        Dictionary(
            uniqueKeysWithValues: lines(body).filter { !$0.hasPrefix("#") }.map {
                let space = $0.lastIndex(of: " ") ?? $0.startIndex
                return ($0[..<space], $0[$0.index(after: space)...])
            })
    }

    @Test(arguments: [0, 1, 5, 10, 18, 31, 32, 100, 1_000])
    func hasExactlyTheSeriesAskedFor(count: Int) {
        let shape = ExporterShape(count: count, movingShare: 0.15, seed: 1)
        #expect(values(shape.body(exporter: 0, scrape: 0)).count == count)
    }

    @Test(arguments: [0, 0.15, 0.5, 1]) func theShareAskedForMoves(share: Double) {
        let shape = ExporterShape(count: 1_000, movingShare: share, seed: 3)
        let first = values(shape.body(exporter: 5, scrape: 0))
        for scrape in 1..<4 {
            let second = values(shape.body(exporter: 5, scrape: UInt64(scrape)))
            let before = values(shape.body(exporter: 5, scrape: UInt64(scrape) - 1))
            let moved = second.filter { before[$0.key] != $0.value }.count
            #expect(abs(Double(moved) / 1_000 - share) < 0.03)
            #expect(Set(second.keys) == Set(first.keys))
        }
    }

    @Test func commentsStandOnceInFrontOfTheirFamily() {
        let page = lines(ExporterShape(count: 200, movingShare: 0.15, seed: 1).body(exporter: 0, scrape: 0))
        var families = Set<Substring>()
        var current: Substring = ""
        for line in page {
            if line.hasPrefix("# TYPE ") {
                current = line.split(separator: " ")[2]
                #expect(families.insert(current).inserted)
            } else if !line.hasPrefix("#") {
                #expect(line.hasPrefix(current))
            }
        }
        #expect(page.filter { $0.hasPrefix("# HELP ") }.count == families.count)
        #expect(page.contains { $0.hasSuffix(" histogram") })
        #expect(page.contains { $0.hasSuffix(" counter") })
        #expect(page.contains { $0.hasSuffix(" gauge") })
    }

    @Test func histogramsAreCumulativeAndAgreeWithTheirCount() throws {
        let shape = ExporterShape(count: 200, movingShare: 1, seed: 9)
        for scrape in [UInt64(0), 1, 1_000_000] {
            var last: UInt64 = 0
            for line in lines(shape.body(exporter: 3, scrape: scrape)) where !line.hasPrefix("#") {
                let value = line.split(separator: " ")[1]
                if line.contains("_bucket{") {
                    let count = try #require(UInt64(value))
                    #expect(count >= last)
                    last = count
                } else if line.contains("_count{") {
                    #expect(UInt64(value) == last)
                    last = 0
                }
            }
        }
    }

    @Test func countersOnlyGrow() throws {
        let shape = ExporterShape(count: 100, movingShare: 1, seed: 2)
        let first = values(shape.body(exporter: 0, scrape: 4))
        let second = values(shape.body(exporter: 0, scrape: 5))
        for (name, value) in second where name.contains("_total") {
            #expect(try #require(UInt64(value)) > #require(UInt64(first[name] ?? "")))
        }
    }

    @Test func theSameSeedGivesTheSamePages() {
        let page = { (seed: UInt64, exporter: Int) in
            ExporterShape(count: 50, movingShare: 0.5, seed: seed).body(exporter: exporter, scrape: 7)
        }
        #expect(page(1, 0) == page(1, 0))
        #expect(page(1, 0) != page(2, 0))
        #expect(page(1, 0) != page(1, 1))
    }

    @Test func distinctExportersShareNoSeries() {
        let shape = ExporterShape(count: 50, movingShare: 0.5, seed: 1)
        let first = values(shape.body(exporter: 1, scrape: 0, isDistinct: true))
        let second = values(shape.body(exporter: 2, scrape: 0, isDistinct: true))
        #expect(Set(first.keys).isDisjoint(with: second.keys))
        #expect(first.keys.allSatisfy { $0.contains("{exporter=\"1\",") })
    }

    @Test func hiddenSeriesAreTheLastOnes() {
        let shape = ExporterShape(count: 50, movingShare: 0.5, seed: 1)
        let all = lines(shape.body(exporter: 0, scrape: 0))
        let some = lines(shape.body(exporter: 0, scrape: 0, visible: 20))
        #expect(values(shape.body(exporter: 0, scrape: 0, visible: 20)).count == 20)
        #expect(all.prefix(some.count).elementsEqual(some))
        #expect(shape.body(exporter: 0, scrape: 0, visible: 0).isEmpty)
    }
}
