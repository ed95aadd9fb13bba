/// The scenario `ramp`: one agent with more and more targets, each time started afresh.
struct RaceRamp {
    let plan: RacePlan
    let agent: RaceAgent
    let round: Int
    let interruption: RaceInterruption

    /// The result of the highest load that was borne, with a note for each load that was tried.
    func measure() async -> RaceResult {
        var search = RampSearch(first: plan.targets, limit: max(plan.targets, plan.rampTargets))
        var best = RaceResult(agent: agent.name, scenario: RaceScenario.ramp.rawValue, round: round)
        var notes: [String] = []
        while let targets = search.next, !interruption.hasCome {
            var step = plan
            step.targets = targets
            let run = RaceRun(
                plan: step, agent: agent, scenario: .ramp, round: round, interruption: interruption)
            let result = await run.measure()
            if result.fault != nil, interruption.hasCome {
                notes.append("\(targets) targets: interrupted")
                break
            }
            let why = Self.whyNotBorne(result, lagBoundSeconds: plan.lagBoundSeconds)
            search.note(targets, isBorne: why == nil)
            notes.append(
                "\(targets) targets: \(why.map { "not borne: \($0)" } ?? "borne")"
                    + (result.warning.map { "; WARNING: \($0)" } ?? ""))
            if why == nil, search.borne == targets {
                best = result
                best.figures[.borneTargets] = Double(targets)
                best.figures[.borneSeries] = Double(targets * plan.series)
            }
        }
        if search.borne == nil { best.fault = "bore no load at all" }
        if interruption.hasCome { best.fault = "interrupted" }
        if let borne = search.borne, search.notBorne == nil {
            notes.append("\(borne) targets are as many as were tried: the limit is higher")
        }
        best.notes += notes
        return best
    }

    /// What an agent did wrong under a load; nil when it delivered all, in time.
    static func whyNotBorne(_ result: RaceResult, lagBoundSeconds: Double) -> String? {
        if let fault = result.fault {
            let end = fault.firstRange(of: RacedProcess.logEnds)?.lowerBound ?? fault.endIndex
            return String(fault[..<end].prefix { $0 != "\n" })
        }
        for column in [RaceColumn.memoryKills, .missing, .leftOut, .givenUp, .refused, .badlySigned] {
            if let count = result.figures[column], count > 0 {
                return "\(column.title): \(column.text(count))"
            }
        }
        guard (result.figures[.exposed] ?? 0) > 0 else { return "nothing was scraped" }
        if let share = result.figures[.scrapedShare], share < leastScrapedShare {
            return "only \(RaceColumn.text(share * 100, decimals: 0)) % of the scrapes that were due"
        }
        guard let lag = result.figures[.lag99Seconds], lag > lagBoundSeconds else { return nil }
        return "\(RaceColumn.lag99Seconds.title): \(RaceColumn.lag99Seconds.text(lag))"
    }

    /// A page may fall just before or behind the measured time, and so one scrape of each target be
    /// uncounted.
    private static let leastScrapedShare = 0.9
}
