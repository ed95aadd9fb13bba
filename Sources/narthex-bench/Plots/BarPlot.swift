/// Lying bars: a group for each scenario, a bar in it for each agent, and the figure behind each bar.
struct BarPlot {
    struct Group {
        let name: String
        /// By agent, in the order of `names`; nil where there is no figure.
        let values: [Double?]
    }

    let title: String
    let names: [String]
    let groups: [Group]
    /// How a value is written behind its bar.
    let text: (Double) -> String

    private static let (left, right) = (84.0, 464.0)
    /// From one bar to the next, and from one group to the next besides.
    private static let (row, gap) = (17.0, 13.0)

    var svg: String {
        var page = PlotPage(title: title)
        var y = page.legend(names) + 8
        let values = groups.flatMap(\.values).compactMap { $0 }.filter(\.isFinite)
        // The longest bar leaves room for its figure.
        let room = values.map { PlotPage.width(text($0)) }.max() ?? 0
        let length = Self.right - Self.left - room - 6
        let greatest = max(values.max() ?? 0, 1e-9)
        let top = y
        for (index, group) in groups.enumerated() {
            if index > 0 {
                page.line([(16, y + Self.gap / 2), (Self.right, y + Self.gap / 2)], style: "grid")
                y += Self.gap
            }
            let rows = group.values.enumerated().filter { $0.element?.isFinite ?? false }
            page.text(
                16, y + Self.row * Double(max(1, rows.count)) / 2 + 4, group.name, anchor: "start")
            for (colour, value) in rows {
                let value = value ?? 0
                let width = length * max(0, value) / greatest
                page.bar(
                    x: Self.left, y: y + 2, width: width, height: Self.row - 4, colour: colour,
                    says: "\(names[colour]), \(group.name): \(text(value))")
                page.text(Self.left + width + 6, y + Self.row - 4, text(value), anchor: "start")
                y += Self.row
            }
            if rows.isEmpty { y += Self.row }
        }
        page.line([(Self.left, top), (Self.left, y)], style: "axis")
        return page.svg(height: y + 12)
    }
}
