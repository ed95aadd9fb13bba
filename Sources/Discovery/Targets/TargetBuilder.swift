public import Configuration
import MetricModel

/// Makes targets of what providers found, as Prometheus' scrape/target.go (PopulateLabels) does, without
/// relabelling.
public struct TargetBuilder: Sendable {
    private let job: ScrapeConfiguration

    public init(job: ScrapeConfiguration) { self.job = job }

    /// A group's targets in order, and what is wrong with those left out.
    public func targets(of group: TargetGroup) -> (targets: [DiscoveredTarget], failures: [DiscoveryError]) {
        var targets: [DiscoveredTarget] = []
        var failures: [DiscoveryError] = []
        for own in group.targets {
            do throws(DiscoveryError) {
                targets.append(try target(own, group))
            } catch {
                failures.append(error)
            }
        }
        return (targets, failures)
    }

    private func target(_ own: LabelSet, _ group: TargetGroup) throws(DiscoveryError) -> DiscoveredTarget {
        let discovered = discoveredLabels(own, group)
        func fail(_ message: String) -> DiscoveryError {
            DiscoveryError(.badTarget, message, place: group.source)
        }
        guard let address = discovered["__address__"] else { throw fail("a target has no __address__") }
        if let problem = TargetAddress.problem(address) { throw fail(problem) }
        let scheme = discovered["__scheme__"] ?? "http"
        guard scheme == "http" || scheme == "https" else {
            throw fail("the target \(address) has the scheme \(scheme); valid: http, https")
        }
        let intervalMs = try durationMs("__scrape_interval__", discovered, group)
        let timeoutMs = try durationMs("__scrape_timeout__", discovered, group)
        guard timeoutMs <= intervalMs else {
            throw fail("the target \(address) has a scrape timeout longer than its interval")
        }
        var labels = LabelSet(discovered.labels.filter { !$0.name.hasPrefix("__") })
        if labels["instance"] == nil { labels["instance"] = address }
        return DiscoveredTarget(
            job: job.jobName,
            url: TargetURL.text(
                scheme: scheme, address: address, path: discovered["__metrics_path__"] ?? "",
                parameters: parameters(discovered)),
            labels: labels, discoveredLabels: discovered, scrapeIntervalMs: intervalMs,
            scrapeTimeoutMs: timeoutMs)
    }

    /// The target's labels, the group's where it has none, the job's where neither has one.
    private func discoveredLabels(_ own: LabelSet, _ group: TargetGroup) -> LabelSet {
        var labels = own
        func fill(_ name: String, _ value: String) {
            if labels[name] == nil { labels[name] = value }
        }
        for label in group.labels.labels { fill(label.name, label.value) }
        fill("job", job.jobName)
        fill("__scrape_interval__", PrometheusDuration.text(ms: job.scrapeIntervalMs))
        fill("__scrape_timeout__", PrometheusDuration.text(ms: job.scrapeTimeoutMs))
        fill("__metrics_path__", job.metricsPath)
        fill("__scheme__", job.scheme)
        for parameter in job.params {
            if let first = parameter.values.first { fill("__param_\(parameter.name)", first) }
        }
        return labels
    }

    private func durationMs(
        _ name: String, _ labels: LabelSet, _ group: TargetGroup
    ) throws(DiscoveryError) -> Int64 {
        let text = labels[name] ?? ""
        guard let ms = PrometheusDuration.parse(text), ms > 0 else {
            throw DiscoveryError(
                .badTarget, "\(name) must be a duration longer than 0, not \"\(text)\"", place: group.source)
        }
        return ms
    }

    /// The job's query parameters; a `__param_` label takes the place of the first value.
    private func parameters(_ labels: LabelSet) -> [(name: String, values: [String])] {
        var result = job.params.map { (name: $0.name, values: $0.values) }
        for label in labels.labels where label.name.hasPrefix("__param_") {
            let name = String(label.name.dropFirst("__param_".count))
            if let index = result.firstIndex(where: { $0.name == name }) {
                if result[index].values.isEmpty {
                    result[index].values = [label.value]
                } else {
                    result[index].values[0] = label.value
                }
            } else {
                result.append((name, [label.value]))
            }
        }
        return result
    }
}
