import MetricModel

/// The top of the file and the blocks that jobs and destinations inherit from.
struct ConfigurationDecoder {
    let sink: ErrorSink
    /// What relative paths are taken from.
    let folder: String
    let environment: [String: String]
    var features = FeatureFlags()
    /// The files of `scrape_config_files` and what is wrong in them.
    var inclusion = Inclusion()
    /// How many files a resolved pattern of `rule_files` names; nil where nobody can tell.
    var ruleFileCount: ((String) -> Int?)?
    /// Whether every value has its variables replaced.
    var expandsEnvironment = false

    /// The root of a file with its variables replaced, where that is wished for.
    func expanded(_ root: YAMLNode?) -> YAMLNode? {
        guard let root else { return nil }
        UnexpandedVariables.tell(of: root, expands: expandsEnvironment, sink)
        guard expandsEnvironment else { return root }
        var expansion = EnvironmentExpansion(environment: environment, sink: sink)
        return expansion.expanded(root)
    }

    func decode(_ root: YAMLNode?) -> Configuration {
        guard let root, !root.isNull, let reader = MappingReader(root, Schema.top, sink) else {
            return Configuration(global: defaultGlobal)
        }
        var global = reader.value("global").map(global) ?? defaultGlobal
        global.outOfOrderWindowMs = outOfOrderWindowMs(reader)
        countRules(reader)
        var result = Configuration(global: global)
        let nodes = reader.list("scrape_configs", of: "jobs")
        let scrapes = nodes.compactMap { [global] node in scrapeConfig(node, global) }
        unique(scrapes.map { ($0.value.jobName, $0.mark) }, what: "job_name")
        result.scrapeConfigs = scrapes.map(\.value)
        let writes = reader.list("remote_write", of: "destinations").compactMap(remoteWrite)
        inclusion.shipsToAMP = writes.contains { WorkspaceURL.isOfAMP($0.value.url) }
        result.scrapeConfigs += includedJobs(
            reader, global, after: scrapes.map { ($0.value.jobName, $0.mark) })
        unique(
            writes.map { ($0.value.name, $0.mark) }, what: "the name of a remote_write entry",
            otherwise: "without a name an entry is known by its URL, less user and password: two of one URL"
                + " need a name each")
        result.remoteWrites = writes.map(\.value)
        warnOfUnsentHistograms(scrapes, result.remoteWrites)
        if inclusion.shipsToAMP { warnOfNames(in: root) }
        // One that could not be read is an error, and nobody is told of anything else then.
        if scrapes.count == nodes.count {
            for (scrape, node) in zip(scrapes, nodes) { lint(scrape.value, node) }
            warnOfUnknownJobs(
                reader.list("remote_write", of: "destinations"), known: result.scrapeConfigs.map(\.jobName))
        }
        lint(writes.map(\.value), reader.list("remote_write", of: "destinations"))
        return result
    }

    /// The global block of a file without one.
    private var defaultGlobal: GlobalConfiguration {
        var result = GlobalConfiguration()
        result.extraScrapeMetrics = features.reportsExtra
        return result
    }

    private func global(_ node: YAMLNode) -> GlobalConfiguration {
        var result = GlobalConfiguration()
        guard let reader = MappingReader(node, Schema.global, sink) else { return result }
        // As in Prometheus, 0 means unset.
        if let ms = reader.durationMs("scrape_interval", allowsZero: true), ms > 0 {
            result.scrapeIntervalMs = ms
        }
        result.scrapeTimeoutMs = timeoutMs(reader, intervalMs: result.scrapeIntervalMs, inheritedMs: 10_000)
        if let ms = reader.durationMs("evaluation_interval", allowsZero: true), ms > 0 {
            result.evaluationIntervalMs = ms
        }
        result.bodySizeLimitBytes = reader.sizeBytes("body_size_limit") ?? 0
        result.keepDroppedTargets = reader.int("keep_dropped_targets", 0...Int.max) ?? 0
        result.targetLimit = reader.int("target_limit", 0...Int.max) ?? 0
        result.externalLabels = externalLabels(reader)
        result.limits = limits(reader)
        result.extraScrapeMetrics = reader.bool("extra_scrape_metrics") ?? features.reportsExtra
        result.scrapeFailureLogFile = filled(reader, "scrape_failure_log_file").map(resolved)
        result.scrapeProtocols = scrapeProtocols(reader)
        (result.metricNameValidationScheme, result.metricNameEscapingScheme) = globalNameSchemes(reader)
        result.histograms = histogramSwitches(reader)
        return result
    }

    /// The timeout given, which may not exceed the interval; else the inherited one, lowered to the interval.
    func timeoutMs(_ reader: MappingReader, intervalMs: Int64, inheritedMs: Int64) -> Int64 {
        guard let ms = reader.durationMs("scrape_timeout", allowsZero: true), ms > 0 else {
            return min(inheritedMs, intervalMs)
        }
        if ms > intervalMs {
            reader.report(
                "scrape_timeout",
                "scrape_timeout (\(PrometheusDuration.text(ms: ms))) is longer than scrape_interval"
                    + " (\(PrometheusDuration.text(ms: intervalMs)))")
        }
        return ms
    }

    private func externalLabels(_ reader: MappingReader) -> LabelSet {
        var labels = Checks.labels(reader, "external_labels")
        for entry in reader.entries("external_labels", of: "label names and values") {
            guard let value = labels[entry.name] else { continue }
            let expansion = VariableExpansion(value, environment: environment)
            if let fault = expansion.fault { sink.report(entry.value, fault) }
            for name in expansion.unset {
                let more = name == "ECS_TASK_ID" ? "; in an ECS task it is the task's id" : ""
                sink.warn(
                    entry.value.mark,
                    "the environment has no \(name); it counts as empty in \(entry.name)\(more)")
            }
            labels[entry.name] = expansion.text
        }
        return labels
    }

    /// `otherwise` stands behind the error.
    private func unique(
        _ names: [(name: String, mark: YAMLMark)], what: String, otherwise: String? = nil
    ) {
        var first: [String: YAMLMark] = [:]
        for (name, mark) in names where !name.isEmpty {
            if let other = first[name] {
                sink.report(
                    mark,
                    "\(what) must be unique: \(quoted(name)) stands in line \(other.line) already"
                        + (otherwise.map { " (\($0))" } ?? ""))
            } else {
                first[name] = mark
            }
        }
    }
}
