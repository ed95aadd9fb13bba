import Platform
import Discovery
import MetricModel

/// Findings for people: what is scraped with which labels, and what is not and why.
enum DiscoverTable {
    static func text(_ found: [Discovered], showsAll: Bool) -> String {
        var text = ""
        for job in found {
            let faults = job.leftOut.filter(\.isFault)
            let silent = job.leftOut.filter { !$0.isFault }
            if !text.isEmpty { text += "\n" }
            text += "job \(job.job): \(count(job.targets.count, "target"))"
            if !faults.isEmpty { text += ", \(faults.count) left out" }
            if !silent.isEmpty { text += ", \(silent.count) that do not ask to be scraped" }
            text += "\n"
            let width = min(80, job.targets.map(\.url.count).max() ?? 0)
            for target in job.targets {
                let padding = String(repeating: " ", count: max(0, width - target.url.count))
                text += "  \(shown(target.url))\(padding)  \(shown("\(target.labels)"))\n"
                text += "      before relabelling: \(shown("\(target.discoveredLabels)"))\n"
            }
            text += section("left out", faults.map(line))
            if showsAll { text += section("do not ask to be scraped", silent.map(line)) }
            text += section("warnings", job.warnings.map(shown))
            text += section("could not be asked", job.failures.map(shown))
        }
        return text
    }

    private static func line(_ left: Discovered.LeftOut) -> String {
        let what = shown(left.what.isEmpty ? left.reason : "\(left.what): \(left.reason)")
        return left.before.map { "\(what)\n      before relabelling: \(shown("\($0)"))" } ?? what
    }

    private static func shown(_ text: String) -> String { VisibleText.shown(text) }

    private static func section(_ title: String, _ lines: [String]) -> String {
        lines.isEmpty ? "" : "  \(title):\n" + lines.map { "    \($0)\n" }.joined()
    }

    private static func count(_ number: Int, _ what: String) -> String {
        "\(number) \(what)\(number == 1 ? "" : "s")"
    }
}
