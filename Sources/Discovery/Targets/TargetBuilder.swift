import Addresses
public import Configuration
import MetricModel
import Relabel

/// Makes targets of what providers found, as Prometheus does (scrape/target.go, PopulateLabels): the job's
/// settings become labels, `relabel_configs` work on all of them, and what they leave says what is scraped.
public struct TargetBuilder: Sendable {
    /// What became of something discovered.
    public enum Result: Sendable {
        case target(DiscoveredTarget)
        case leftOut(LeftOutTarget)
    }

    private let job: ScrapeConfiguration

    public init(job: ScrapeConfiguration) { self.job = job }

    /// What becomes of each of a group's targets, in order.
    public func results(of group: TargetGroup) -> [Result] { group.targets.map { result($0, group) } }

    private func result(_ own: LabelSet, _ group: TargetGroup) -> Result {
        let discovered = discoveredLabels(own, group)
        let (labels, outcome) = job.relabelRules.apply(to: discovered)
        func leftOut(_ cause: LeftOutTarget.Cause, _ message: String) -> Result {
            .leftOut(
                LeftOutTarget(
                    cause: cause, message: message, source: group.source, discoveredLabels: discovered,
                    labels: labels))
        }
        switch outcome {
        case .kept: break
        case .dropped(let index):
            return leftOut(
                .dropped(byRule: index),
                "relabel_configs[\(index)] drops it: \(job.relabelRules.rules[index])")
        case .tooLong(let index):
            return leftOut(
                .invalid,
                "relabel_configs[\(index)] makes its labels longer than \(RelabelRules.maxTextBytes) bytes")
        }
        do throws(DiscoveryError) {
            return .target(try target(labels, discovered, group.source))
        } catch {
            return leftOut(.invalid, error.message)
        }
    }

    private func target(
        _ relabelled: LabelSet, _ discovered: LabelSet, _ source: String
    ) throws(DiscoveryError) -> DiscoveredTarget {
        func fail(_ message: String) -> DiscoveryError { DiscoveryError(.badTarget, message, place: source) }
        guard let address = relabelled["__address__"] else { throw fail("a target has no __address__") }
        do throws(AddressError) { _ = try HostPort(parsing: address) } catch {
            let shown = HTTPURL.shownStart(of: address).map(ECSHostName.quoted)
            throw fail("the target \(shown ?? "(not shown, as it may hold a password)") \(error)")
        }
        let scheme = relabelled["__scheme__"] ?? ""
        guard scheme == "http" || scheme == "https" else {
            throw fail(
                "the target \(address) has \(scheme.isEmpty ? "no scheme" : "the scheme \(scheme)");"
                    + " valid: http, https")
        }
        let intervalMs = try durationMs("__scrape_interval__", relabelled, source)
        let timeoutMs = try durationMs("__scrape_timeout__", relabelled, source)
        guard timeoutMs <= intervalMs else {
            throw fail("the target \(address) has a scrape timeout longer than its interval")
        }
        var labels = LabelSet(relabelled.labels.filter { !$0.name.hasPrefix("__") })
        if labels["instance"] == nil { labels["instance"] = address }
        return DiscoveredTarget(
            job: job.jobName,
            url: TargetURL.text(
                scheme: scheme, address: address, path: relabelled["__metrics_path__"] ?? "",
                parameters: parameters(relabelled)),
            labels: labels, discoveredLabels: discovered, scrapeIntervalMs: intervalMs,
            scrapeTimeoutMs: timeoutMs, unixSocketPath: relabelled["__unix_socket__"])
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
        // A target that asks for a shorter interval than the job's timeout has a timeout that fits.
        let intervalMs = labels["__scrape_interval__"].flatMap { PrometheusDuration.parse($0) } ?? 0
        let timeoutMs = intervalMs > 0 ? min(job.scrapeTimeoutMs, intervalMs) : job.scrapeTimeoutMs
        fill("__scrape_timeout__", PrometheusDuration.text(ms: timeoutMs))
        fill("__metrics_path__", job.metricsPath)
        fill("__scheme__", job.scheme)
        for parameter in job.params {
            if let first = parameter.values.first { fill("__param_\(parameter.name)", first) }
        }
        return labels
    }

    private func durationMs(
        _ name: String, _ labels: LabelSet, _ source: String
    ) throws(DiscoveryError) -> Int64 {
        let text = labels[name] ?? ""
        guard let ms = PrometheusDuration.parse(text), ms > 0 else {
            throw DiscoveryError(
                .badTarget, "\(name) must be a duration longer than 0, not \"\(text)\"", place: source)
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
