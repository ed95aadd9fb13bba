public import Configuration
import MetricModel

/// The targets of one job from all of its providers, relabelled, equal ones collapsed.
public struct TargetMerge: Sendable, Equatable {
    /// What is scraped, in the order of providers and groups.
    public private(set) var targets: [DiscoveredTarget] = []
    /// What is not, in the same order; of those that rules dropped at most `keep_dropped_targets`.
    public private(set) var leftOut: [LeftOutTarget] = []
    /// Everything that was discovered.
    public private(set) var discoveredCount = 0
    /// Targets that rules dropped, those included that `leftOut` has no room for.
    public private(set) var droppedCount = 0
    /// Targets of a while ago of which their provider says that they have ended for good, as they were
    /// scraped; what is scraped now is not among them.
    public private(set) var stopped: [DiscoveredTarget] = []
    /// What is allowed and surely not meant, in sentences.
    public private(set) var warnings: [String] = []

    private struct Identity: Hashable {
        let url: String
        let unixSocketPath: String?
        let labels: LabelSet
        let intervalMs: Int64
        let timeoutMs: Int64

        init(_ target: DiscoveredTarget) {
            url = target.url
            unixSocketPath = target.unixSocketPath
            labels = target.labels
            intervalMs = target.scrapeIntervalMs
            timeoutMs = target.scrapeTimeoutMs
        }
    }

    /// `held` are groups of providers that are gone, whose successors have not all answered yet: their
    /// targets stay where nobody else has their labels.
    public init(_ groups: [TargetGroup], held: [TargetGroup] = [], job: ScrapeConfiguration) {
        let builder = TargetBuilder(job: job)
        var origins: [Identity: String] = [:]
        var urls: [LabelSet: String] = [:]
        for group in groups {
            discoveredCount += group.targets.count
            for result in builder.results(of: group) {
                switch result {
                case .target(let target): take(target, group, &origins, &urls)
                case .leftOut(let target): leaveOut(target, job)
                }
            }
        }
        // Held ones may have the labels of one another, but not those of what was found again.
        let found = Set(urls.keys)
        for group in held {
            for case .target(let target) in builder.results(of: group) where !found.contains(target.labels) {
                discoveredCount += 1
                take(target, group, &origins, &urls)
            }
        }
        for group in groups where !group.stopped.isEmpty {
            let ended = TargetGroup(source: group.source, targets: group.stopped, labels: group.labels)
            for case .target(let target) in builder.results(of: ended)
            where origins[Identity(target)] == nil { stopped.append(target) }
        }
    }

    /// What could not be scraped as relabelling left it: a fault, unlike a dropped target.
    public var invalid: [LeftOutTarget] { leftOut.filter { $0.cause == .invalid } }

    /// Targets equal in all that Prometheus compares are scraped once. Those of equal labels under several
    /// URLs are not the same: a job may well scrape two paths of one instance.
    private mutating func take(
        _ target: DiscoveredTarget, _ group: TargetGroup, _ origins: inout [Identity: String],
        _ urls: inout [LabelSet: String]
    ) {
        let identity = Identity(target)
        if let first = origins[identity] {
            let message =
                "target \(target.url) \(target.labels) was found twice and is scraped once:"
                + " in \(first) and in \(origin(target, group))"
            warnings.append(message)
            leftOut.append(
                LeftOutTarget(
                    cause: .duplicate, message: message, source: group.source,
                    discoveredLabels: target.discoveredLabels, labels: target.labels))
            return
        }
        origins[identity] = origin(target, group)
        targets.append(target)
        if let other = urls[target.labels] {
            warnings.append(
                "targets \(other) and \(target.url) have the same labels \(target.labels),"
                    + " so their samples are taken for one another's")
        } else {
            urls[target.labels] = target.url
        }
    }

    private mutating func leaveOut(_ target: LeftOutTarget, _ job: ScrapeConfiguration) {
        if case .dropped = target.cause {
            droppedCount += 1
            if job.keepDroppedTargets > 0, droppedCount > job.keepDroppedTargets { return }
        }
        leftOut.append(target)
    }

    /// Where a target came from: the group, its address before relabelling, and what its meta labels know.
    private func origin(_ target: DiscoveredTarget, _ group: TargetGroup) -> String {
        var parts: [String] = []
        if let address = target.discoveredLabels["__address__"] { parts.append(address) }
        if let container = target.discoveredLabels["__meta_ecs_container_name"],
            let task = target.discoveredLabels["__meta_ecs_task_arn"]
        {
            parts.append("container \(container) of \(task)")
        }
        return parts.isEmpty ? group.source : "\(group.source) (\(parts.joined(separator: ", ")))"
    }
}
