/// Bars side by side: a group for each scenario, a bar in it for each agent.
struct BarPlot {
    struct Group {
        let name: String
        /// By agent, in the order of `names`; nil where there is no figure.
        let values: [Double?]
    }

    let title: String
    let names: [String]
    let groups: [Group]
    /// How a value is written above its bar.
    let text: (Double) -> String

    private static let height = 320.0
    private static let (left, right, top, bottom) = (60.0, 704.0, 62.0, 284.0)

    var svg: String {
        var page = PlotPage(title: title, height: Self.height)
        page.legend(names, y: 44)
        let scale = PlotScale(greatest: groups.flatMap(\.values).compactMap { $0 }.max() ?? 0)
        func y(_ value: Double) -> Double { Self.bottom - (Self.bottom - Self.top) * value / scale.end }
        for mark in scale.marks {
            page.line([(Self.left, y(mark)), (Self.right, y(mark))], style: mark == 0 ? "axis" : "grid")
            page.text(Self.left - 8, y(mark) + 4, scale.text(mark), anchor: "end")
        }
        let slot = (Self.right - Self.left) / Double(max(1, groups.count))
        let width = min(60, slot * 0.8 / Double(max(1, names.count)))
        for (index, group) in groups.enumerated() {
            let middle = Self.left + slot * (Double(index) + 0.5)
            page.text(middle, Self.bottom + 20, group.name, anchor: "middle")
            var x = middle - width * Double(names.count) / 2
            for (colour, value) in group.values.enumerated() {
                if let value, value.isFinite {
                    page.bar(
                        x: x + 2, y: y(value), width: width - 4, height: Self.bottom - y(value),
                        colour: colour,
                        says: "\(names[colour]), \(group.name): \(text(value))")
                    page.text(x + width / 2, y(value) - 4, text(value), anchor: "middle")
                }
                x += width
            }
        }
        return page.svg
    }
}
