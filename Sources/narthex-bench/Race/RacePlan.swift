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
    /// How many times as long the list of targets becomes in the scenario `overload`.
    var overloadTimes = 3
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

    /// The longest list of targets of the scenario `overload`.
    var longTargets: Int { targets * overloadTimes }

    /// Exporters that answer 500: those with the highest numbers.
    var failingTargets: Int { targets - answering(targets, of: targets) }

    /// How many of the first `targets` of so many exporters answer.
    func answering(_ targets: Int, of exporters: Int) -> Int {
        min(targets, exporters - Int((failingShare * Double(exporters)).rounded()))
    }

    /// Scrapes of exporters that answer that are due in so many milliseconds.
    func scrapesDue(inMs ms: Int) -> Double { scrapesDue(inMs: ms, answering: targets - failingTargets) }

    /// The same for the list of targets that a scenario begins with.
    func scrapesDue(inMs ms: Int, in scenario: RaceScenario) -> Double {
        scenario == .overload ? scrapesDue(inMs: ms, targets: targets) : scrapesDue(inMs: ms)
    }

    /// The same for a list of so many targets in the scenario `overload`.
    func scrapesDue(inMs ms: Int, targets: Int) -> Double {
        scrapesDue(inMs: ms, answering: answering(targets, of: longTargets))
    }

    private func scrapesDue(inMs ms: Int, answering: Int) -> Double {
        max(1, Double(answering) * Double(ms) / 1_000 / Double(intervalSeconds))
    }

    /// What the stand-ins of a run are started with. Every sample is looked for, and signatures are taken as
    /// AWS takes them.
    func session(_ folder: String, _ scenario: RaceScenario = .steady) -> AgentSession.Plan {
        var flags = ["--keep-arrivals", "--unsigned-content-type"] + fleet
        if scenario == .churn { flags += churn }
        if failingShare > 0 { flags += ["--failing-share", "\(failingShare)"] }
        if let samplesPerSecond { flags += ["--samples-per-second", "\(samplesPerSecond)"] }
        return AgentSession.Plan(
            folder: folder, agentPath: "", standInsPath: standInsPath,
            targets: scenario == .overload ? longTargets : targets, series: series,
            intervalSeconds: intervalSeconds, fleet: flags)
    }

    /// What happens at which second of the measured time, for the curves of a scenario.
    func events(of scenario: String) -> [LinePlot.Event] {
        switch RaceScenario(rawValue: scenario) {
        case .outage:
            [
                LinePlot.Event(seconds: eventAt, name: "outage"),
                LinePlot.Event(seconds: eventAt + outageSeconds, name: "answers again"),
            ]
        case .restart: [LinePlot.Event(seconds: eventAt, name: "SIGTERM, new start")]
        case .kill: [LinePlot.Event(seconds: eventAt, name: "SIGKILL, new start")]
        case .overload:
            [
                LinePlot.Event(seconds: eventAt, name: "\(overloadTimes) × the targets"),
                LinePlot.Event(seconds: eventAt * 2, name: "1 ×"),
            ]
        case .steady, .churn, .far, .ramp, nil: []
        }
    }

    var json: JSONValue {
        .object([
            "targets": .integer(targets), "series": .integer(series),
            "intervalSeconds": .integer(intervalSeconds), "seconds": .integer(seconds),
            "warmupSeconds": .integer(warmupSeconds), "settleSeconds": .integer(settleSeconds),
            "outageSeconds": .integer(outageSeconds),
            "killOutageSeconds": .integer(killOutageSeconds), "overloadTimes": .integer(overloadTimes),
            "answerMs": .integer(answerMs),
            "samplesPerSecond": samplesPerSecond.map { .integer($0) }, "fleet": .strings(fleet),
            "failingShare": .double(failingShare), "churn": .strings(churn),
            "cpus": limits.cpus.map { .double($0) },
            "memoryMiB": limits.memoryMiB.map { .integer($0) },
        ])
    }
}
