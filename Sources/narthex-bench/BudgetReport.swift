/// Figures beside their budgets, as a table.
struct BudgetReport {
    private var rows: [(name: String, figure: String, budget: String, verdict: String)] = []
    private(set) var isExceeded = false

    /// A figure that has a budget and a bound above it that fails the run, for what varies from run to run.
    mutating func check(_ name: String, _ figure: Double, budget: Double, bound: Double) {
        if figure > bound { isExceeded = true }
        let within = figure <= bound ? "over budget, below \(Self.text(bound))" : "EXCEEDED"
        let verdict = figure <= budget ? "ok" : within
        rows.append((name, Self.text(figure), Self.text(budget), verdict))
    }

    /// A figure beside a budget that holds on a machine this one may not be.
    mutating func compare(_ name: String, _ figure: Double, budget: Double) {
        rows.append((name, Self.text(figure), Self.text(budget), figure <= budget ? "ok" : "over budget"))
    }

    /// A figure that must not be above its budget.
    mutating func check(_ name: String, _ figure: Double, atMost budget: Double) {
        let holds = figure <= budget
        if !holds { isExceeded = true }
        rows.append((name, Self.text(figure), Self.text(budget), holds ? "ok" : "EXCEEDED"))
    }

    /// A figure without a budget.
    mutating func note(_ name: String, _ figure: Double) {
        rows.append((name, Self.text(figure), "", ""))
    }

    /// The table, a line a figure.
    var text: String {
        let rows =
            [("figure", "measured", "budget", "")] + rows.map { ($0.name, $0.figure, $0.budget, $0.verdict) }
        let name = rows.map(\.0.count).max() ?? 0
        let figure = rows.map(\.1.count).max() ?? 0
        let budget = rows.map(\.2.count).max() ?? 0
        return rows.map { row in
            let line = [
                row.0 + Self.spaces(name - row.0.count), Self.spaces(figure - row.1.count) + row.1,
                Self.spaces(budget - row.2.count) + row.2, row.3,
            ].joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }

    /// Three decimals below a hundred, none above.
    private static func text(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        if abs(value) >= 100 { return String(Int64(value.rounded())) }
        let thousandths = Int64((value * 1_000).rounded())
        if thousandths % 1_000 == 0 { return String(thousandths / 1_000) }
        let fraction = String(abs(thousandths % 1_000))
        return (thousandths < 0 ? "-" : "") + "\(abs(thousandths / 1_000))."
            + String(repeating: "0", count: 3 - fraction.count) + fraction
    }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
}
