/// Turns numbers into plain words: on a terminal a few lines redrawn in place, elsewhere one line every few
/// seconds. Pure: it gives the text to write and writes nothing.
struct DemoScreen: Sendable {
    private let isTerminal: Bool
    private let columns: Int
    private let lineIntervalMs: Int64
    private var drawnLines = 0
    private var lastLineMs: Int64?
    private var before: DemoNumbers?
    private var samplesASecond = 0.0

    /// `columns` is the terminal's width: longer lines are cut, since a wrapped line cannot be redrawn in
    /// place.
    init(isTerminal: Bool, columns: Int = 100, lineIntervalMs: Int64 = 5_000) {
        self.isTerminal = isTerminal
        self.columns = max(20, columns)
        self.lineIntervalMs = lineIntervalMs
    }

    /// The text to write now; nil when nothing is due yet.
    mutating func render(_ numbers: DemoNumbers) -> String? {
        measureRate(numbers)
        if isTerminal { return redraw(lines(numbers)) }
        if let lastLineMs, numbers.elapsedMs - lastLineMs < lineIntervalMs { return nil }
        lastLineMs = numbers.elapsedMs
        return line(numbers) + "\n"
    }

    /// What is said at the end: the ledger, and whether it holds.
    func summary(_ numbers: DemoNumbers) -> String {
        let parts = [
            ("scraped", numbers.scrapedSamples), ("delivered", numbers.acknowledgedSamples),
            ("buffered", numbers.bufferedSamples), ("dropped", numbers.droppedSamples),
        ]
        let cells = parts.map { (name: $0.0, number: Self.grouped($0.1)) }
        let widths = cells.map { max($0.name.count, $0.number.count) }
        func row(_ texts: [String]) -> String {
            let padded = zip(texts, widths).map { Self.padded($0, $1) }
            return "\(padded[0]) = \(padded[1]) + \(padded[2]) + \(texts[3])"
        }
        let accounted = numbers.acknowledgedSamples + numbers.bufferedSamples + numbers.droppedSamples
        let verdict: String
        if accounted == numbers.scrapedSamples {
            verdict = "Every sample is accounted for."
        } else {
            let missing = max(accounted, numbers.scrapedSamples) - min(accounted, numbers.scrapedSamples)
            let what = accounted < numbers.scrapedSamples ? "unaccounted for" : "counted twice"
            verdict = "The ledger does not hold: \(Self.count(missing, "sample is", "samples are")) \(what)."
        }
        return """
            \(row(cells.map(\.name)))
            \(row(cells.map(\.number)))
            \(verdict)
            In \(seconds(numbers)): \(requests(numbers)); \(signatures(numbers))

            """
    }

    private func lines(_ numbers: DemoNumbers) -> [String] {
        let targets = Self.count(UInt64(numbers.discoveredTargets), "target", "targets")
        let answering = numbers.healthyTargets == 1 ? "1 answers" : "\(numbers.healthyTargets) answer"
        return [
            "Narthex has been running for \(seconds(numbers)). Ctrl-C ends it.",
            "Discovered    \(targets), of which \(answering)",
            "Scraped       \(samples(numbers.scrapedSamples)) of "
                + Self.count(UInt64(numbers.series), "series", "series")
                + ", \(Self.grouped(UInt64(samplesASecond.rounded()))) a second",
            "Buffered      \(samples(numbers.bufferedSamples)) on disk, not answered for yet",
            "Acknowledged  \(samples(numbers.acknowledgedSamples)), \(requests(numbers))",
            "Dropped       \(samples(numbers.droppedSamples))",
            "Signatures    \(signatures(numbers))",
            "Status page   \(numbers.statusURL)",
        ]
    }

    private func line(_ numbers: DemoNumbers) -> String {
        let discovered = Self.count(UInt64(numbers.discoveredTargets), "target", "targets")
        let rate = Self.grouped(UInt64(samplesASecond.rounded()))
        return "\(seconds(numbers)): discovered \(discovered), "
            + "scraped \(samples(numbers.scrapedSamples)) (\(rate) a second), "
            + "buffered \(Self.grouped(numbers.bufferedSamples)), "
            + "acknowledged \(Self.grouped(numbers.acknowledgedSamples)), "
            + "dropped \(Self.grouped(numbers.droppedSamples)), \(requests(numbers)), "
            + "\(Self.count(numbers.signaturesChecked, "signature", "signatures")) checked, "
            + "status page \(numbers.statusURL)"
    }

    /// Up to the first line drawn before, then each line wiped and written anew.
    private mutating func redraw(_ lines: [String]) -> String {
        let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
        drawnLines = lines.count
        return up + lines.map { "\r\u{1B}[2K\($0.prefix(columns - 1))\n" }.joined()
    }

    /// Samples scraped a second since the picture before, smoothed over a few pictures: scrapes come in
    /// bursts.
    private mutating func measureRate(_ numbers: DemoNumbers) {
        defer { before = numbers }
        guard let before, numbers.elapsedMs > before.elapsedMs,
            numbers.scrapedSamples >= before.scrapedSamples
        else { return }
        let elapsed = Double(numbers.elapsedMs - before.elapsedMs) / 1_000
        let now = Double(numbers.scrapedSamples - before.scrapedSamples) / elapsed
        // About ten seconds of memory; before that the mean since the start.
        let weight = min(1, elapsed / 10)
        let sinceStart = Double(numbers.scrapedSamples) / (Double(numbers.elapsedMs) / 1_000)
        samplesASecond =
            numbers.elapsedMs < 10_000 ? sinceStart : samplesASecond + (now - samplesASecond) * weight
    }

    private func requests(_ numbers: DemoNumbers) -> String {
        let requests = Self.count(numbers.requests, "request", "requests")
        guard numbers.acknowledgedSamples > 0 else { return requests }
        let tenths = (Double(numbers.requestBytes) / Double(numbers.acknowledgedSamples) * 10).rounded()
        let whole = UInt64(tenths)
        return "\(requests), \(whole / 10).\(whole % 10) bytes a sample"
    }

    private func signatures(_ numbers: DemoNumbers) -> String {
        "\(Self.count(numbers.signaturesChecked, "signature", "signatures")) checked and right, "
            + "\(Self.grouped(numbers.signaturesRefused)) refused."
    }

    private func samples(_ number: UInt64) -> String { Self.count(number, "sample", "samples") }

    private func seconds(_ numbers: DemoNumbers) -> String { "\(max(0, numbers.elapsedMs) / 1_000) s" }

    private static func count(_ number: UInt64, _ one: String, _ many: String) -> String {
        "\(grouped(number)) \(number == 1 ? one : many)"
    }

    /// `1234567` is `1,234,567`.
    static func grouped(_ number: UInt64) -> String {
        var text = ""
        let digits = String(number)
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
