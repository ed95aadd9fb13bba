import Testing

@testable import narthex_bench

struct PlotScaleTests {
    @Test(arguments: [
        (0.0, 1.0, 0.2), (-3, 1, 0.2), (.nan, 1, 0.2), (1, 1, 0.2), (0.82, 1, 0.2), (5.9, 6, 2), (61, 80, 20),
        (100, 100, 20), (101, 150, 50), (123_456, 150_000, 50_000), (0.0031, 0.004, 0.001),
    ])
    func theAxisEndsAtARoundNumber(greatest: Double, end: Double, step: Double) {
        let scale = PlotScale(greatest: greatest)
        #expect(abs(scale.end - end) < end * 1e-9)
        #expect(abs(scale.step - step) < step * 1e-9)
        #expect(scale.marks.count <= 7)
    }

    @Test func marksHaveNoMoreDecimalsThanTheyNeed() {
        let small = PlotScale(greatest: 0.82)
        #expect(small.marks.map(small.text) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
        let large = PlotScale(greatest: 123_456)
        #expect(large.marks.map(large.text) == ["0k", "50k", "100k", "150k"])
    }
}

struct BarPlotTests {
    private let plot = BarPlot(
        title: "CPU <µs>", names: ["a", "b"],
        groups: [
            BarPlot.Group(name: "steady", values: [2, 10]), BarPlot.Group(name: "kill", values: [nil, 5]),
        ]
    ) { RaceColumn.text($0, decimals: 1) }

    /// A bar begins at 84. The longest ends where its figure, 4 letters of 8, still fits before 464.
    @Test func barsAreAsLongAsTheirValues() {
        let svg = plot.svg
        #expect(svg.contains("x=\"84\" y=\"79\" width=\"342\" height=\"13\"><title>b, steady: 10.0</title>"))
        #expect(svg.contains("x=\"84\" y=\"62\" width=\"68.4\" height=\"13\"><title>a, steady: 2.0</title>"))
        #expect(svg.contains("<title>b, kill: 5.0</title>"))
        #expect(!svg.contains("<title>a, kill"))
    }

    /// A figure stands behind its bar, in a line of its own, so that no two can meet.
    @Test func figuresDoNotOverlap() {
        let groups = ["steady", "churn", "outage", "restart", "kill", "far", "overload"].map {
            BarPlot.Group(name: $0, values: [0, 123_456_789, 12_345])
        }
        let svg = BarPlot(title: "t", names: ["narthex", "vmagent", "prometheus"], groups: groups) {
            RaceColumn.text($0, decimals: 0)
        }.svg
        let rows = svg.split(separator: "\n").filter { row in
            row.contains(">123456789</text>") || row.contains(">0<")
        }
        #expect(rows.count == 14)
        let heights = rows.compactMap { row -> Double? in
            row.firstRange(of: " y=\"").flatMap { start in
                Double(row[start.upperBound...].prefix { $0 != "\"" })
            }
        }
        #expect(zip(heights, heights.dropFirst()).allSatisfy { $1 - $0 >= 17 })
        // 9 letters behind the longest bar end within the page.
        #expect(svg.contains("x=\"392\"") && 392 + 9 * 8 <= 464)
    }

    @Test func textIsEscapedAndColoursFollowTheReader() {
        #expect(plot.svg.contains("CPU &lt;µs&gt;</text>"))
        #expect(plot.svg.contains("@media (prefers-color-scheme:dark)"))
    }
}

struct PlotPageTests {
    @Test func aLegendHasAsManyLinesAsItNeeds() {
        var page = PlotPage(title: "t")
        #expect(page.legend(["narthex", "vmagent", "prometheus"]) == 52)
        var long = PlotPage(title: "t")
        #expect(long.legend(["narthex", "vmagent", "prometheus", "prometheus3", "vmagent-wide"]) == 70)
    }
}

struct LinePlotTests {
    @Test func pointsStandWhereTheAxesPutThem() {
        let svg = LinePlot(
            title: "t", lines: [LinePlot.Line(name: "a", points: [(0, 0), (50, 50), (100, 100)])]
        ).svg
        #expect(svg.contains("<polyline class=\"line s0\" points=\"52,252 258,157 464,62\"/>"))
    }

    /// The same points always become the same text, and not more of it for a longer race.
    @Test func aLongRaceHasAsManyPointsAsAShortOne() {
        let points = (0..<1_000).map { (seconds: Double($0), value: Double($0 % 2)) }
        let thinned = LinePlot.thinned(points)
        #expect(thinned.count == 200)
        #expect(thinned.first?.seconds == 2)
        #expect(thinned.first?.value == 0.4)
        #expect(LinePlot.thinned(Array(points.prefix(200))).count == 200)
        #expect(LinePlot.thinned(Array(points.prefix(201))).count == 101)
        #expect(LinePlot.thinned([]).isEmpty)
        let line = LinePlot.Line(name: "a", points: points)
        let svg = LinePlot(title: "t", lines: [line, line, line]).svg
        #expect(svg == LinePlot(title: "t", lines: [line, line, line]).svg)
        #expect(svg.utf8.count < 12_000)
    }

    /// Two moments that are close to each other, and one at the end, whose name stands before it.
    @Test func eventsAreNamedInLinesOfTheirOwn() {
        let svg = LinePlot(
            title: "t", lines: [LinePlot.Line(name: "a", points: [(0, 1), (600, 1)])],
            events: [
                LinePlot.Event(seconds: 200, name: "outage"), LinePlot.Event(seconds: 220, name: "answers"),
                LinePlot.Event(seconds: 600, name: "end"), LinePlot.Event(seconds: 601, name: "never"),
            ]
        ).svg
        #expect(svg.contains("<text x=\"194.3\" y=\"71\" text-anchor=\"start\">outage</text>"))
        #expect(svg.contains("<text x=\"208.1\" y=\"86\" text-anchor=\"start\">answers</text>"))
        #expect(svg.contains("<text x=\"459\" y=\"101\" text-anchor=\"end\">end</text>"))
        #expect(!svg.contains("never"))
    }

    @Test func aLineOfNothingDrawsNothing() {
        let svg = LinePlot(title: "t", lines: [LinePlot.Line(name: "a", points: [])]).svg
        #expect(!svg.contains("class=\"line"))
    }
}
