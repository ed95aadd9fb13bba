import Configuration
import Discovery
import MetricModel

/// What was found for one job.
struct Discovered: Sendable {
    struct LeftOut: Sendable {
        let what: String
        let reason: String
        /// It asks to be scraped, or was found; else it never asked.
        let isFault: Bool
        let before: LabelSet?
    }

    let job: String
    let targets: [DiscoveredTarget]
    let leftOut: [LeftOut]
    let failures: [String]
    let warnings: [String]
    /// As the providers gave them, for file_sd.
    let groups: [TargetGroup]
    let isComplete: Bool
    let isWorthWriting: Bool

    init(_ job: ScrapeConfiguration, _ findings: ProviderLook.Findings) {
        self.job = job.jobName
        let merge = TargetMerge(findings.groups, job: job)
        targets = merge.targets
        warnings = merge.warnings + findings.remarks
        leftOut =
            findings.faults.map { LeftOut(what: "", reason: $0, isFault: true, before: nil) }
            + merge.leftOut.map { left in
                LeftOut(
                    what: left.discoveredLabels["__address__"] ?? left.source, reason: left.message,
                    isFault: true, before: left.discoveredLabels)
            }
            + findings.silent.map { LeftOut(what: "", reason: $0, isFault: false, before: nil) }
        failures = findings.failures
        groups = findings.groups
        isComplete = findings.isComplete
        isWorthWriting = findings.isWorthWriting
    }
}
