public import Configuration
public import Platform

/// What a job's discovery finds, looked at from outside instead of run: for `narthex discover`. What was
/// found before stays where it cannot be had again.
public struct ProviderLook: Sendable {
    /// One look at all of a job's providers.
    public struct Findings: Sendable {
        public var groups: [TargetGroup] = []
        /// What cannot be scraped before any rule is asked, in sentences.
        public var faults: [String] = []
        /// What is scraped otherwise than it asks, in sentences.
        public var remarks: [String] = []
        /// What does not ask to be scraped, in sentences.
        public var silent: [String] = []
        /// What could not be asked, in sentences.
        public var failures: [String] = []
        /// Everything was read at least once, now or before: nothing is missing but what is not there.
        public var isComplete = true
        /// The same, or what is missing is refused for good and costs some targets only, which are named.
        public var isWorthWriting = true
    }

    /// How long a provider may take for its first answer where nobody says.
    static let usualWaitMs: Int64 = 15_000

    private let surveys: [ECSSurvey]
    private let others: [any TargetProvider]
    private let clock: any AgentClock
    private let waitMs: Int64
    /// How long the reading of clusters may take; nil: as long as it takes.
    private let surveyWaitMs: Int64?

    /// `ecs` are the accesses of the job's `ecs_sd_configs`, in their order. `patienceMs` is how long tasks
    /// wait whose service or cluster cannot be described, when nobody knows what rules will look at; nil:
    /// as long as it takes, where the job's rules look at that. `waitMs` is how long a provider may take for
    /// its first answer, the reading of clusters included; where nobody says, that is waited for.
    public init(
        _ job: ScrapeConfiguration, ecs: [TargetProviders.ECSAccess], others: [any TargetProvider],
        clock: any AgentClock, patienceMs: Int64? = nil, waitMs: Int64? = nil
    ) {
        surveys = zip(job.ecsSDConfigs, ecs).map {
            ECSSurvey(
                $0, metricsPath: job.metricsPath, inventory: $1.inventory, ownCluster: $1.ownCluster,
                patience: patienceMs.map { .atMostMs($0) } ?? .asRulesNeed)
        }
        self.others = others
        self.clock = clock
        self.waitMs = waitMs ?? Self.usualWaitMs
        surveyWaitMs = waitMs
    }

    /// All are asked at the same time.
    public func look() async -> Findings {
        async let rounds = inOrder(surveys) { await self.round(of: $0) }
        let reports = await inOrder(others) { await self.firstReport(of: $0) }
        var findings = Findings()
        for (provider, groups) in zip(others, reports) {
            findings.groups += groups ?? []
            var missing = provider.unread
            if groups == nil {
                let problems = provider.problems
                missing = problems.isEmpty ? ["no answer in time"] : problems
            }
            guard !missing.isEmpty else { continue }
            findings.failures += missing.map { "\(provider.name): \($0)" }
            findings.isComplete = false
            findings.isWorthWriting = false
        }
        for round in await rounds {
            guard let round else {
                findings.failures.append("ecs: no answer in time")
                findings.isComplete = false
                findings.isWorthWriting = false
                continue
            }
            findings.groups += round.groups
            findings.isComplete = findings.isComplete && round.isComplete
            findings.isWorthWriting = findings.isWorthWriting && round.isWorthWriting
            findings.failures += round.faults.filter(\.fault.isFailure).map(Self.text)
            findings.remarks += round.faults.filter { !$0.fault.isFailure }.map(Self.text)
            findings.faults += round.leftOut.filter(\.isFault).map(\.description)
            findings.remarks += round.leftOut.filter { $0.kind == .remark }.map(\.description)
            findings.silent += round.leftOut.filter { $0.kind == .silent }.map(\.description)
        }
        return findings
    }

    private static func text(_ entry: (cluster: String, fault: ECSFault)) -> String {
        let cluster = ECSLabels.lastPart(of: entry.cluster)
        return cluster.isEmpty ? entry.fault.message : "cluster \(cluster): \(entry.fault.message)"
    }

    /// What `ask` says of each, in their order; they are asked at the same time.
    private func inOrder<Asked: Sendable, Answer: Sendable>(
        _ asked: [Asked], _ ask: @escaping @Sendable (Asked) async -> Answer
    ) async -> [Answer] {
        await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, one) in asked.enumerated() { group.addTask { (index, await ask(one)) } }
            var answers: [(Int, Answer)] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Nil where there is none in time.
    private func round(of survey: ECSSurvey) async -> ECSSurvey.Round? {
        guard let surveyWaitMs else { return await survey.round(freshNs: 0) }
        return await within(surveyWaitMs) { await survey.round(freshNs: 0) }
    }

    private func firstReport(of provider: any TargetProvider) async -> [TargetGroup]? {
        await within(waitMs) {
            // The first report ends the provider: it is asked no further.
            let (reports, report) = AsyncStream.makeStream(of: [TargetGroup].self)
            return await withTaskGroup(of: Void.self) { inner in
                inner.addTask {
                    await provider.run { report.yield($0) }
                    report.finish()
                }
                let first = await reports.first { _ in true }
                inner.cancelAll()
                return first
            }
        }
    }

    /// What `work` says; nil after `ms`, when it is cancelled.
    private func within<Value: Sendable>(
        _ ms: Int64, _ work: @escaping @Sendable () async -> Value?
    ) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await work() }
            group.addTask { [clock] in
                // Cancelled when there is an answer.
                try? await clock.sleep(forMs: ms)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
