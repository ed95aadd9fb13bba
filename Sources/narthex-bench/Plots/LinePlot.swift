/// Curves over seconds, one for each agent.
struct LinePlot {
    struct Line {
        let name: String
        let points: [(seconds: Double, value: Double)]
    }

    /// What happened to every agent at the same moment.
    struct Event: Equatable {
        let seconds: Int
        let name: String
    }

    let title: String
    let lines: [Line]
    var events: [Event] = []

    /// Of one line: more cannot be seen, and a page that shows the plot has to be loaded.
    static let mostPoints = 200
    private static let (left, right, height) = (52.0, 464.0, 190.0)
    /// Between the lines of events' names.
    private static let eventRow = 15.0

    var svg: String {
        var page = PlotPage(title: title)
        let points = lines.flatMap(\.points)
        // The curve ends where the paper does, and not at the next round number.
        let endSeconds = max(points.map(\.seconds).max() ?? 0, 1e-3)
        let shown = events.filter { Double($0.seconds) <= endSeconds }
        let top = page.legend(lines.map(\.name)) + 10 + Self.eventRow * Double(shown.count)
        let bottom = top + Self.height
        let across = PlotScale(greatest: endSeconds)
        let up = PlotScale(greatest: points.map(\.value).filter(\.isFinite).max() ?? 0)
        func x(_ seconds: Double) -> Double {
            Self.left + (Self.right - Self.left) * min(max(seconds, 0), endSeconds) / endSeconds
        }
        func y(_ value: Double) -> Double {
            bottom - (bottom - top) * min(max(value, 0), up.end) / up.end
        }
        for mark in up.marks {
            page.line([(Self.left, y(mark)), (Self.right, y(mark))], style: mark == 0 ? "axis" : "grid")
            page.text(Self.left - 7, y(mark) + 4, up.text(mark), anchor: "end")
        }
        for mark in across.marks where mark <= endSeconds {
            page.text(x(mark), bottom + 18, across.text(mark), anchor: "middle")
        }
        page.text(Self.right, bottom + 36, "seconds", anchor: "end")
        // Each name has a line of its own above the curves, so that two moments may be close to each other.
        for (index, event) in shown.enumerated() {
            let at = x(Double(event.seconds))
            let base = top - 6 - Self.eventRow * Double(shown.count - 1 - index)
            page.line([(at, base - 9), (at, bottom)], style: "event")
            let isLate = at + 5 + PlotPage.width(event.name) > Self.right
            page.text(at + (isLate ? -5 : 5), base, event.name, anchor: isLate ? "end" : "start")
        }
        for (index, line) in lines.enumerated() where line.points.count > 1 {
            page.line(
                Self.thinned(line.points.filter { $0.value.isFinite }).map { (x($0.seconds), y($0.value)) },
                style: "line s\(index % PlotPage.colours)")
        }
        return page.svg(height: bottom + 46)
    }

    /// At most `mostPoints` points: each is the mean of as many neighbours as all the others, save the last.
    static func thinned(
        _ points: [(seconds: Double, value: Double)]
    ) -> [(seconds: Double, value: Double)] {
        let each = (points.count + mostPoints - 1) / mostPoints
        guard each > 1 else { return points }
        return stride(from: 0, to: points.count, by: each).map { start in
            let some = points[start..<min(start + each, points.count)]
            let sum = some.reduce((0.0, 0.0)) { ($0.0 + $1.seconds, $0.1 + $1.value) }
            return (sum.0 / Double(some.count), sum.1 / Double(some.count))
        }
    }
}
