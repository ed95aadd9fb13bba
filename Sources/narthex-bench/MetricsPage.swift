/// One answer of a metrics page.
struct MetricsPage {
    let text: String

    /// The sum of all series of one family; 0 when there is none yet.
    func sum(of family: String) -> Double {
        text.split(separator: "\n").filter { line in
            line.hasPrefix(family)
                && (line.dropFirst(family.count).first.map { $0 == "{" || $0 == " " } ?? false)
        }.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }
}
