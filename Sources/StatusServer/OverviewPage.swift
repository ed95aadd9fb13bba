import Platform

/// The page at `/`: a few numbers and where the rest is. No script, no style sheet, nothing from elsewhere.
/// Its links are relative, since it may be under a prefix, and a proxy in front may add another.
enum OverviewPage {
    static func html(_ summary: StatusSummary, isReady: Bool) -> String {
        let rows = [
            ("Targets discovered", "\(summary.discoveredTargets)"),
            ("Targets whose last scrape succeeded", "\(summary.healthyTargets)"),
            ("Samples scraped", "\(summary.scrapedSamples)"),
            ("Samples buffered", "\(summary.bufferedSamples)"),
            ("Samples acknowledged", "\(summary.acknowledgedSamples)"),
            ("Samples dropped", "\(summary.droppedSamples)"),
        ]
        let table = rows.map { "<tr><td>\($0.0)</td><td>\($0.1)</td></tr>" }.joined(separator: "\n")
        let targetsTable = targets(summary.targets)
        let destinationsTable = destinations(summary.destinations)
        let problemsTable = problems(summary.discoveryProblems)
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>Narthex</title></head>
            <body>
            <h1>Narthex \(escape(summary.version))</h1>
            <p>\(state(summary, isReady: isReady))</p>
            \(disk(summary.diskRefusal))
            \(fault(summary.configurationFault))
            \(ignored(summary.ignoredSettings))
            <table>
            \(table)
            </table>
            \(problemsTable)
            \(destinationsTable)
            \(targetsTable)
            <ul>
            <li><a href="metrics">/metrics</a>: the agent's own metrics</li>
            <li><a href="-/healthy">/-/healthy</a>: is the process alive</li>
            <li><a href="-/ready">/-/ready</a>: does it scrape and buffer</li>
            </ul>
            </body>
            </html>

            """
    }

    private static func state(_ summary: StatusSummary, isReady: Bool) -> String {
        guard isReady else { return "Not ready yet." }
        guard !summary.discoveryProblems.isEmpty else {
            return summary.targets.isEmpty
                ? "Ready to scrape, but no target is known." : "Ready: scraping and buffering."
        }
        return summary.targets.isEmpty
            ? "Ready to scrape, but no target is known: see what is wrong with discovery below."
            : "Ready: scraping and buffering. Targets may be missing: see what is wrong with discovery below."
    }

    private static func disk(_ refusal: StatusSummary.DiskRefusal?) -> String {
        guard let refusal else { return "" }
        let isOne = refusal.samplesInMemory == 1
        let samples = isOne ? "1 sample" : "\(refusal.samplesInMemory) samples"
        if let reason = refusal.reason {
            return "<p>The disk takes no samples (\(escape(reason))): "
                + "\(samples) \(isOne ? "is" : "are") in memory alone.</p>"
        }
        return "<p>The disk takes samples again, and \(samples) from before \(isOne ? "is" : "are") still in "
            + "memory alone: it has no room for them yet.</p>"
    }

    private static func fault(_ text: String?) -> String {
        guard let text else { return "" }
        let lines = text.split(separator: "\n").map { escape(String($0)) }.joined(separator: "<br>\n")
        return """
            <p>The configuration that runs is not the one at its source, which cannot be used:</p>
            <p>\(lines)</p>
            """
    }

    /// What somebody may rely on comes first.
    private static func ignored(_ all: [StatusSummary.IgnoredSetting]) -> String {
        guard !all.isEmpty else { return "" }
        let ordered = all.filter(\.isMissed) + all.filter { !$0.isMissed }
        return table(
            "Settings of the configuration that have no effect",
            ["setting", "place", "what does not happen"],
            ordered.prefix(mostTargets).map { [$0.key, $0.place, "\($0.key) \($0.sentence)"] })
            + (all.count > mostTargets ? "\n<p>and \(all.count - mostTargets) more</p>" : "")
    }

    private static func problems(_ all: [StatusSummary.DiscoveryProblem]) -> String {
        guard !all.isEmpty else { return "" }
        return table(
            "Discovery", ["job", "provider", "what is wrong"],
            all.prefix(mostTargets).map { [$0.job, $0.provider, $0.message] })
    }

    /// Rows beyond are left out: those that are up, since the others come first.
    static let mostTargets = 1_000

    private static func destinations(_ all: [StatusSummary.Destination]) -> String {
        guard !all.isEmpty else { return "" }
        return table(
            "Destinations",
            [
                "name", "url", "samples delivered", "samples dropped", "samples buffered",
                "what becomes of samples", "in the way",
            ],
            all.map { destination in
                let inTheWay = [destination.lastError, destination.readingStopped].compactMap { $0 }
                return [
                    destination.name, destination.url, "\(destination.delivered)",
                    dropped(destination.dropped), "\(destination.buffered)", state(destination),
                    inTheWay.joined(separator: "; "),
                ]
            })
    }

    /// Reasons that a row names.
    static let mostReasons = 8

    /// How many, and for the most frequent reasons how many of them: `12 (too_old 10, unwritten 2)`.
    private static func dropped(_ reasons: [String: UInt64]) -> String {
        let total = reasons.values.reduce(0, &+)
        guard total > 0 else { return "0" }
        let ordered = reasons.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let named = ordered.prefix(mostReasons).map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let more = ordered.count - mostReasons
        return "\(total) (\(named)\(more > 0 ? " and \(more) more reasons" : ""))"
    }

    /// Whether samples are lost by what is in the way.
    private static func state(_ destination: StatusSummary.Destination) -> String {
        let age = destination.ageLimit.map { " and they are younger than \($0)" } ?? ""
        let isLosing = destination.lostForRoom > 0
        let lost = destination.lostForRoom == 1 ? "1 sample was" : "\(destination.lostForRoom) samples were"
        let loss = "\(lost) lost, as the buffer had no room or they were too old"
        let held =
            isLosing
            ? "held, but not all: \(loss)" : "held: nothing is lost while the buffer has room for them\(age)"
        let sent = isLosing ? "being sent, but not all: \(loss)" : "being sent"
        let dropped = "dropped: samples that the receiver refuses are lost"
        switch (destination.isDropping, destination.isHolding && destination.buffered > 0) {
        case (false, false):
            guard destination.buffered == 0 else { return sent }
            return isLosing ? "sent: none waits; of late \(loss)" : "sent: none waits"
        case (false, true): return held
        case (true, false): return dropped
        case (true, true): return "\(dropped); others are \(held)"
        }
    }

    private static func targets(_ all: [StatusSummary.Target]) -> String {
        guard !all.isEmpty else { return "" }
        let ordered =
            all.filter { $0.isUp == false } + all.filter { $0.isUp == nil } + all.filter { $0.isUp == true }
        let rows = ordered.prefix(mostTargets).map { target in
            let state = target.isUp.map { $0 ? "up" : "down" } ?? "not scraped yet"
            return [target.job, target.url, target.labels, state, target.lastError ?? ""]
        }
        let more = all.count - rows.count
        return table("Targets", ["job", "url", "labels", "state", "last error"], rows)
            + (more > 0 ? "\n<p>and \(more) more</p>" : "")
    }

    private static func table(_ title: String, _ heads: [String], _ rows: [[String]]) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\(escape($0))</\(tag)>" }.joined() + "</tr>"
        }
        let body = [row(heads, "th")] + rows.map { row($0, "td") }
        return "<h2>\(title)</h2>\n<table>\n\(body.joined(separator: "\n"))\n</table>"
    }

    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in VisibleText.shown(text).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
