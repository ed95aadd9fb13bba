import Configuration
import MetricModel

/// The targets of one job from all of its providers, equal ones collapsed.
struct TargetMerge {
    /// In the order of providers and groups.
    private(set) var targets: [DiscoveredTarget] = []
    /// Targets before collapsing.
    private(set) var discoveredCount = 0
    private(set) var failures: [DiscoveryError] = []
    /// What is allowed and surely not meant, in sentences.
    private(set) var warnings: [String] = []

    private struct Identity: Hashable {
        let url: String
        let labels: LabelSet
    }

    init(_ groups: [TargetGroup], job: ScrapeConfiguration) {
        let builder = TargetBuilder(job: job)
        var sources: [Identity: String] = [:]
        var urls: [LabelSet: String] = [:]
        for group in groups {
            let built = builder.targets(of: group)
            failures += built.failures
            discoveredCount += built.targets.count
            for target in built.targets {
                let identity = Identity(url: target.url, labels: target.labels)
                if let first = sources[identity] {
                    warnings.append(
                        "target \(target.url) \(target.labels) was found twice and is scraped once:"
                            + " in \(first) and in \(origin(target, group))")
                    continue
                }
                sources[identity] = origin(target, group)
                targets.append(target)
                if let other = urls[target.labels] {
                    warnings.append(
                        "targets \(other) and \(target.url) have the same labels \(target.labels),"
                            + " so their samples are taken for one another's")
                } else {
                    urls[target.labels] = target.url
                }
            }
        }
    }

    /// Where a target came from, as far as its meta labels know.
    private func origin(_ target: DiscoveredTarget, _ group: TargetGroup) -> String {
        let container = target.discoveredLabels["__meta_ecs_container_name"]
        let task = target.discoveredLabels["__meta_ecs_task_arn"]
        guard let container, let task else { return group.source }
        return "\(group.source) (container \(container) of \(task))"
    }
}
