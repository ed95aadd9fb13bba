import Relabel

/// What is right and costs more than somebody may know: told by `narthex check-config`.
extension ConfigurationDecoder {
    /// Below this, samples cost more than most people mean to pay.
    private static let cheapIntervalMs: Int64 = 10_000
    /// Labels that tell the series of one metric, or those of two targets, apart.
    private static let tellingLabels = ["le", "quantile", "instance", "job"]

    /// Looks at a job; `node` is its block.
    func lint(_ job: ScrapeConfiguration, _ node: YAMLNode) {
        let name = quoted(job.jobName)
        if job.limits.samples == 0 {
            sink.lint(
                node.mark,
                "the job \(name) has no sample_limit: a target that goes wrong may bring any number of"
                    + " series, which are kept in memory and paid for. Set sample_limit here or in global")
        }
        if inclusion.shipsToAMP, job.scrapeIntervalMs < Self.cheapIntervalMs {
            sink.lint(
                (node.entry("scrape_interval") ?? node).mark,
                "the job \(name) scrapes every \(PrometheusDuration.text(ms: job.scrapeIntervalMs)): Amazon"
                    + " Managed Service for Prometheus bills each sample, and 10s or more costs accordingly"
                    + " less")
        }
        lint(job.metricRelabelRules, node.entry("metric_relabel_configs"), "the job \(name)")
    }

    /// Looks at the destinations; `nodes` are their blocks.
    func lint(_ writes: [RemoteWriteConfiguration], _ nodes: [YAMLNode]) {
        guard writes.count == nodes.count else { return }
        for (write, node) in zip(writes, nodes) {
            lint(
                write.writeRelabelRules, node.entry("write_relabel_configs"),
                "the destination \(quoted(write.name))")
        }
    }

    /// Series that differ in such a label alone become one, and all but one of their samples are lost.
    private func lint(_ rules: RelabelRules, _ node: YAMLNode?, _ place: String) {
        let nodes = node?.items ?? []
        guard nodes.count == rules.rules.count else { return }
        for (rule, node) in zip(rules.rules, nodes) {
            let lost = Self.tellingLabels.filter { label in
                switch rule.action {
                case .labeldrop: rule.pattern.matches(label)
                case .labelkeep: !rule.pattern.matches(label)
                default: false
                }
            }
            guard !lost.isEmpty else { continue }
            sink.lint(
                (node.entry("regex") ?? node).mark,
                "in \(place), this \(rule.action.rawValue) takes \(lost.joined(separator: ", ")) away: series"
                    + " that differ in nothing else become duplicates, of which one is stored. Narrow the"
                    + " regex, or drop whole series with action drop")
        }
    }
}
