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

    /// The space between 62 and 284 is as high as the axis: 10.
    @Test func barsAreAsHighAsTheirValues() {
        let svg = plot.svg
        #expect(svg.contains("y=\"62\" width=\"56\" height=\"222\"><title>b, steady: 10.0</title>"))
        #expect(svg.contains("y=\"239.6\" width=\"56\" height=\"44.4\"><title>a, steady: 2.0</title>"))
        #expect(svg.contains("<title>b, kill: 5.0</title>"))
        #expect(!svg.contains("<title>a, kill"))
    }

    @Test func textIsEscapedAndColoursFollowTheReader() {
        #expect(plot.svg.contains("CPU &lt;µs&gt;</text>"))
        #expect(plot.svg.contains("@media (prefers-color-scheme:dark)"))
    }
}

struct LinePlotTests {
    @Test func pointsStandWhereTheAxesPutThem() {
        let svg = LinePlot(
            title: "t", lines: [LinePlot.Line(name: "a", points: [(0, 0), (50, 50), (100, 100)])]
        ).svg
        #expect(svg.contains("<polyline class=\"line s0\" points=\"60,270 382,166 704,62\"/>"))
    }

    @Test func aLineOfNothingDrawsNothing() {
        let svg = LinePlot(title: "t", lines: [LinePlot.Line(name: "a", points: [])]).svg
        #expect(!svg.contains("class=\"line"))
    }
}
