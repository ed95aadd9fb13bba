import Synchronization
import Telemetry

/// Counters of what `on_limit: shed` left out in a job, by the label that grew. Targets make up these names:
/// so only the first few of them get a counter of their own.
final class ShedCounters: Sendable {
    static let mostLabels = 20
    static let mostNameBytes = 128

    private let registry: MetricRegistry
    private let job: String
    private let names = Mutex<Set<String>>([])

    init(registry: MetricRegistry, job: String) {
        self.registry = registry
        self.job = job
    }

    /// Without a label, or beyond the bounds, the counter's label is empty.
    func count(_ samples: Int, label: String?) {
        registry.counter(
            "narthex_scrape_shed_samples_total",
            help: "Samples of new series that on_limit shed left out, by the label that grew.",
            labels: [(name: "scrape_job", value: job), (name: "label", value: bounded(label ?? ""))]
        ).add(UInt64(samples))
    }

    private func bounded(_ name: String) -> String {
        guard name.utf8.count <= Self.mostNameBytes else { return "" }
        return names.withLock { names in
            if names.contains(name) { return name }
            guard names.count < Self.mostLabels else { return "" }
            names.insert(name)
            return name
        }
    }
}
