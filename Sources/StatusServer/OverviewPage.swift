/// The page at `/`: a few numbers and where the rest is. No script, no style sheet, nothing from elsewhere.
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
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>Narthex</title></head>
            <body>
            <h1>Narthex \(escape(summary.version))</h1>
            <p>\(isReady ? "Ready: scraping and buffering." : "Not ready yet.")</p>
            <table>
            \(table)
            </table>
            <ul>
            <li><a href="/metrics">/metrics</a>: the agent's own metrics</li>
            <li><a href="/-/healthy">/-/healthy</a>: is the process alive</li>
            <li><a href="/-/ready">/-/ready</a>: does it scrape and buffer</li>
            </ul>
            </body>
            </html>

            """
    }

    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
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
