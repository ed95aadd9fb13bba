import ArgumentParser
import StandIns

/// What agents scrape.
struct RaceLoadOptions: ParsableArguments {
    @Option(help: "Targets.") var targets = 200
    @Option(help: "Series of each.") var series = 1_000
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 10
    @Option(help: "Share of the series that move at each scrape.") var movingShare = 0.15
    @Option(help: "Share of the lines that are new at each scrape in the scenario churn, 0 to 1.")
    var churn = 0.1
    @Option(help: "How they come: lines, front, buckets or shuffle.", transform: Self.word)
    var churnKind: FleetChurn.Kind = .lines
    @Flag(help: "Give every series a label with its exporter's number.") var distinct = false
    @Flag(help: "Exporters answer gzip.") var gzip = false
    @Option(
        help: "What exporters speak: text, openmetrics or protobuf, to agents that ask for it.",
        transform: Self.word)
    var format: FleetFormat = .text
    @Option(help: "Share of the exporters that answer late.") var slowShare = 0.0
    @Option(help: "Milliseconds that they are late.") var slowMs = 1_000
    @Option(help: "Share of the exporters that answer 500.") var failingShare = 0.0
    @Option(help: "How many times as long the list of targets becomes in the scenario overload.")
    var overloadTimes = 3
    @Option(help: "Seed of the numbers.") var seed = 1
    @Option(help: "Sets of numbers that exporters share, which makes their pages cheap; 0 for none shared.")
    var numberSets = 0

    func validate() throws {
        guard targets > 0, series > 0, intervalSeconds > 0, slowMs >= 0, seed >= 0, numberSets >= 0 else {
            throw ValidationError("counts and seconds must be more than zero")
        }
        guard (2...100).contains(overloadTimes) else {
            throw ValidationError("--overload-times is 2 to 100")
        }
        for (name, share) in [
            ("--moving-share", movingShare), ("--churn", churn), ("--slow-share", slowShare),
            ("--failing-share", failingShare),
        ] where !(0...1).contains(share) {
            throw ValidationError("\(name) is 0 to 1")
        }
    }

    /// One of the words that the stand-ins know.
    private static func word<Word: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Word {
        guard let word = Word(rawValue: text) else {
            let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(text)' is none of \(known)")
        }
        return word
    }

    /// Of the stand-ins, in every scenario. The share that fails stands in the plan.
    var flags: [String] {
        var flags = ["--moving-share", "\(movingShare)", "--seed", "\(seed)", "--format", format.rawValue]
        if numberSets > 0 { flags += ["--number-sets", "\(numberSets)"] }
        if distinct { flags.append("--distinct") }
        if gzip { flags.append("--gzip") }
        if slowShare > 0 { flags += ["--slow-share", "\(slowShare)", "--slow-ms", "\(slowMs)"] }
        return flags
    }

    /// Of the stand-ins, in the scenario churn.
    var churnFlags: [String] { ["--churn", "\(churn)", "--churn-kind", churnKind.rawValue] }
}

/// How the endpoint behaves.
struct RaceReceiverOptions: ParsableArguments {
    @Option(help: "Milliseconds that its answers take; the scenario far has 200.") var answerMs: Int64 = 0
    @Option(help: "Samples a second that it takes; further requests are answered 429.") var throttle: Int?
    @Option(help: "Seconds of the scenario outage in which it answers 503.") var outageSeconds = 20
    @Option(help: "Seconds in which it answers 503 before an agent is killed or restarted.")
    var killOutageSeconds = 5

    func validate() throws {
        guard (0...60_000).contains(answerMs), (1...3_000).contains(outageSeconds), killOutageSeconds >= 0,
            throttle.map({ $0 > 0 }) ?? true
        else {
            throw ValidationError(
                "--answer-ms is 0 to 60000, --throttle more than zero, --kill-outage-seconds zero or more, "
                    + "and --outage-seconds 1 to 3000: the endpoint refuses what is older than an hour")
        }
    }
}
