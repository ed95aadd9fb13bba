/// Curves over seconds, one for each agent.
struct LinePlot {
    struct Line {
        let name: String
        let points: [(seconds: Double, value: Double)]
    }

    let title: String
    let lines: [Line]

    private static let height = 320.0
    private static let (left, right, top, bottom) = (60.0, 704.0, 62.0, 270.0)

    var svg: String {
        var page = PlotPage(title: title, height: Self.height)
        page.legend(lines.map(\.name), y: 44)
        let points = lines.flatMap(\.points)
        // The curve ends where the paper does, and not at the next round number.
        let endSeconds = max(points.map(\.seconds).max() ?? 0, 1e-3)
        let across = PlotScale(greatest: endSeconds)
        let up = PlotScale(greatest: points.map(\.value).filter(\.isFinite).max() ?? 0)
        func x(_ seconds: Double) -> Double {
            Self.left + (Self.right - Self.left) * min(max(seconds, 0), endSeconds) / endSeconds
        }
        func y(_ value: Double) -> Double {
            Self.bottom - (Self.bottom - Self.top) * min(max(value, 0), up.end) / up.end
        }
        for mark in up.marks {
            page.line([(Self.left, y(mark)), (Self.right, y(mark))], style: mark == 0 ? "axis" : "grid")
            page.text(Self.left - 8, y(mark) + 4, up.text(mark), anchor: "end")
        }
        for mark in across.marks where mark <= endSeconds {
            page.text(x(mark), Self.bottom + 18, across.text(mark), anchor: "middle")
        }
        page.text((Self.left + Self.right) / 2, Self.bottom + 38, "seconds", anchor: "middle")
        for (index, line) in lines.enumerated() where line.points.count > 1 {
            page.line(
                line.points.filter { $0.value.isFinite }.map { (x($0.seconds), y($0.value)) },
                style: "line s\(index % PlotPage.colours)")
        }
        return page.svg
    }
}
