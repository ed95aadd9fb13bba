/// The keys at the top of a file and in `global` that are about a Prometheus server. People bring a server's
/// file; what has no meaning in an agent is accepted and told of.
extension Schema {
    static let ofAServer: [KeyTable.Ignored] = [
        .init(
            "rule_files", .list, severity: .missed,
            says:
                "is not followed: an agent evaluates no rules, so these rules record nothing and alert"
                + " nobody. Evaluate them where the samples go, for instance in a rule groups namespace of"
                + " Amazon Managed Service for Prometheus"),
        .init(
            "alerting", .mapping(["alertmanagers", "alert_relabel_configs"]),
            silent: .decided(by: ["alertmanagers": .items(.decided(by: alertmanager))]), severity: .missed,
            says:
                "has no effect: an agent evaluates no rules, so no alert is ever sent to these Alertmanagers."
                + " Let what evaluates the rules send the alerts"),
        .init(
            "remote_read", .list,
            says: "has no effect: an agent answers no queries, so nothing is read from elsewhere for them"),
        .init(
            "tracing", .mapping([]),
            says:
                "has no effect: it is about traces that the Prometheus server makes of itself, and Narthex"
                + " makes none"),
        .init(
            "otlp", .mapping([]), silent: .only(otlpDefaults),
            says: "has no effect: it is about the OTLP receiver of a Prometheus server, and Narthex receives"
                + " nothing"),
        .init(
            "runtime", .mapping(["gogc"]), silent: .only(["gogc": .numbers([75])]),
            says: "has no effect: it tunes Go's garbage collector, which Narthex does not have"),
    ]

    static let storage = KeyTable(
        "storage", [.init("tsdb", "mapping")],
        ignored: [
            .init(
                "exemplars", .mapping(["max_exemplars"]),
                silent: .only(["max_exemplars": .numbers([0, 100_000])]),
                says:
                    "has no effect: an agent has no store of exemplars. They are sent beside their samples"
                    + " where a remote_write has send_exemplars")
        ])

    static let tsdb = KeyTable(
        "tsdb", [.init("out_of_order_time_window", "duration", "0s")],
        ignored: [
            .init(
                "retention", .mapping(["time", "size", "percentage"]),
                says:
                    "has no effect: it is about the database of a Prometheus server. How much is kept until"
                    + " it is sent is set by the flags --storage.agent.retention.max-size and"
                    + " --storage.agent.retention.max-time"),
            .init(
                "stale_series_compaction_threshold", .scalar, silent: .numbers([0]),
                says: "has no effect: it is about the database of a Prometheus server"),
            .init(
                "outofordertimewindow", .scalar, silent: .numbers([0]),
                says:
                    "has no effect, as in Prometheus, which shows out_of_order_time_window so on its pages"),
        ])

    static let globalOfAServer: [KeyTable.Ignored] = [
        .init("evaluation_interval", says: "has no effect: an agent evaluates no rules"),
        .init(
            "rule_query_offset", .duration, silent: .zeroDuration,
            says: "has no effect: an agent evaluates no rules"),
        .init(
            "query_log_file", .scalar, silent: .texts([""]),
            says: "has no effect: an agent answers no queries, so there are none to log"),
        keepDroppedTargets,
    ]

    static let keepDroppedTargets = KeyTable.Ignored(
        "keep_dropped_targets", silent: .numbers([0]),
        says: "bounds what narthex discover lists; the pages of a running agent show no dropped targets")

    /// An entry without a target and without a discovery is no Alertmanager.
    private static let alertmanager: [String: HarmlessValue] = {
        let found = (otherDiscovery + ["aws", "dns", "ec2", "ecs", "file", "http"]).map {
            ("\($0)_sd_configs", HarmlessValue.empty)
        }
        let listed = ("static_configs", HarmlessValue.items(.decided(by: ["targets": .empty])))
        return Dictionary(uniqueKeysWithValues: found + [listed])
    }()

    private static let otlpDefaults: [String: HarmlessValue] = [
        "promote_all_resource_attributes": .bools([false]), "promote_resource_attributes": .empty,
        "ignore_resource_attributes": .empty,
        "translation_strategy": .texts(["UnderscoreEscapingWithSuffixes"]),
        "keep_identifying_resource_attributes": .bools([false]),
        "convert_histograms_to_nhcb": .bools([false]), "promote_scope_metadata": .bools([false]),
        "label_name_underscore_sanitization": .bools([true]),
        "label_name_preserve_multiple_underscores": .bools([true]),
    ]
}
