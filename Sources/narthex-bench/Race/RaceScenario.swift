import ArgumentParser

/// What the harness does to an agent, to its exporters or to the endpoint during the measured time.
enum RaceScenario: String, CaseIterable, ExpressibleByArgument {
    /// Nothing.
    case steady
    /// A share of the lines is new at each scrape, all the time.
    case churn
    /// The endpoint answers 503 for a while; measured until the agent has caught up.
    case outage
    /// SIGTERM, and a new start as soon as the agent has ended. The endpoint answers 503 for some seconds
    /// before, so that the agent has something to lose, and answers again right before the signal, however
    /// long the agent takes to end.
    case restart
    /// SIGKILL, and a new start at once. The endpoint answers 503 for some seconds before, and again after
    /// the start.
    case kill
    /// Answers take 200 ms, all the time.
    case far
    /// A list of targets some times as long for a third of the time, and the first one again afterwards.
    case overload
    /// More and more targets, a fresh start each, until the agent no longer delivers all in time.
    case ramp
}
