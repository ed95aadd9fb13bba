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
    /// How long the endpoint's answers take, in all scenarios but `far`.
    var answerMs: Int64 = 0
    /// Answers of the scenario `far`.
    var farMs: Int64 = 200
    /// Requests a second that the endpoint takes; others are answered 429. Nil for all.
    var requestsPerSecond: Int?
    /// Flags of the stand-ins for every scenario, and for `churn` besides.
    var fleet: [String] = []
    var churn: [String] = []
    var standInsPath = ""
    var limits = AgentBox.Limits()

    /// The least lag that still counts as keeping up, in seconds: one interval, and what the answers take.
    var lagBoundSeconds: Double { Double(intervalSeconds) + Double(answerMs) / 1_000 }
}
