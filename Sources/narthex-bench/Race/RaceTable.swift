/// The results of a race as text: a table for each scenario, a line for each figure, a column for each agent.
enum RaceTable {
    /// Ratios are to the agent named `base`, or to the first one.
    static func text(_ results: [RaceResult], base: String?) -> String {
        scenarios(results).map { scenario in
            text(scenario, results.filter { $0.scenario == scenario }, base: base)
        }.joined(separator: "\n")
    }

    /// In the order of the results.
    static func scenarios(_ results: [RaceResult]) -> [String] {
        results.map(\.scenario).reduce(into: []) { names, name in
            if !names.contains(name) { names.append(name) }
        }
    }

    private static func text(_ scenario: String, _ results: [RaceResult], base: String?) -> String {
        let reference = results.first { $0.agent == base } ?? results.first
        var rows: [[String]] = [[scenario] + results.map(\.agent)]
        for column in RaceColumn.allCases where results.contains(where: { $0.figures[column] != nil }) {
            let cells = results.map { result -> String in
                guard let value = result.figures[column] else { return "–" }
                let text = column.text(value)
                guard column.hasRatio, result.agent != reference?.agent,
                    let whole = reference?.figures[column], whole > 0
                else { return text }
                return "\(text) (×\(RaceColumn.text(value / whole, decimals: 2)))"
            }
            rows.append([column.title] + cells)
        }
        let widths = rows[0].indices.map { index in rows.map { $0[index].count }.max() ?? 0 }
        var text = ""
        for row in rows {
            var line = row[0] + spaces(widths[0] - row[0].count)
            for (index, cell) in row.enumerated().dropFirst() {
                line += "  " + spaces(widths[index] - cell.count) + cell
            }
            text += line + "\n"
        }
        for result in results {
            if let fault = result.fault { text += "  \(result.agent): FAILED: \(fault)\n" }
            if let warning = result.warning { text += "  \(result.agent): WARNING: \(warning)\n" }
            for note in result.notes { text += "  \(result.agent): \(note)\n" }
        }
        return text
    }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
}
