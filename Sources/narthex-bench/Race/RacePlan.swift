import JSON

/// What every agent of a race gets to do.
struct RacePlan {
    var targets = 200
    var series = 1_000
    var intervalSeconds = 10
    var seconds = 60
    var warmupSeconds = 25
    /// For what is still on its way when the measured time is over.
    var settleSeconds = 60
    var outageSeconds = 20
    /// How long the endpoint answers 503 before an agent is ended, so that it has something to lose.
    var killOutageSeconds = 5
    /// How long the endpoint's answers take, in all scenarios but `far`.
    var answerMs: Int64 = 0
    /// Answers of the scenario `far`.
    var farMs: Int64 = 200
    /// Samples a second that the endpoint takes; further requests are answered 429. Nil for all.
    var samplesPerSecond: Int?
    /// Flags of the stand-ins for every scenario, and for `churn` besides.
    var fleet: [String] = []
    var churn: [String] = []
    /// Whether exporters give text without gzip to everybody, so that no agent can be given anything else.
    var isPlainText = true
    var standInsPath = ""
    var limits = AgentBox.Limits()

    /// Share of the exporters that answer 500.
    var failingShare = 0.0
    /// The ramp begins with `targets` and ends with this many at most.
    var rampTargets = 0

    /// The second of the measured time in which a scenario's event begins.
    var eventAt: Int { max(1, seconds / 3) }

    /// How long the scenario `outage` is measured at least: the outage is over then, and a second has passed.
    var outageRunSeconds: Int { max(seconds, eventAt + outageSeconds + 1) }

    /// The lag of 99 % of the samples with which an agent still keeps up: an interval, and what the answers
    /// take.
    var lagBoundSeconds: Double { Double(intervalSeconds) + Double(answerMs) / 1_000 }

    /// Exporters that answer 500: those with the highest numbers.
    var failingTargets: Int { Int((failingShare * Double(targets)).rounded()) }

    /// Scrapes of exporters that answer that are due in so many milliseconds.
    func scrapesDue(inMs ms: Int) -> Double {
        let answering = Double(targets - failingTargets)
        return max(1, answering * Double(ms) / 1_000 / Double(intervalSeconds))
    }

    /// What the stand-ins of a run are started with. Every sample is looked for, and signatures are taken as
    /// AWS takes them.
    func session(_ folder: String, churns: Bool) -> AgentSession.Plan {
        var flags = ["--keep-arrivals", "--unsigned-content-type"] + fleet + (churns ? churn : [])
        if failingShare > 0 { flags += ["--failing-share", "\(failingShare)"] }
        if let samplesPerSecond { flags += ["--samples-per-second", "\(samplesPerSecond)"] }
        return AgentSession.Plan(
            folder: folder, agentPath: "", standInsPath: standInsPath, targets: targets, series: series,
            intervalSeconds: intervalSeconds, fleet: flags)
    }

    var json: JSONValue {
        .object([
            "targets": .integer(targets), "series": .integer(series),
            "intervalSeconds": .integer(intervalSeconds), "seconds": .integer(seconds),
            "warmupSeconds": .integer(warmupSeconds), "settleSeconds": .integer(settleSeconds),
            "outageSeconds": .integer(outageSeconds),
            "killOutageSeconds": .integer(killOutageSeconds), "answerMs": .integer(answerMs),
            "samplesPerSecond": samplesPerSecond.map { .integer($0) }, "fleet": .strings(fleet),
            "failingShare": .double(failingShare), "churn": .strings(churn),
            "cpus": limits.cpus.map { .double($0) },
            "memoryMiB": limits.memoryMiB.map { .integer($0) },
        ])
    }
}
