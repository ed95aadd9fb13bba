/// The keys at the top of a file that are about a Prometheus server, with the values that such a file may
/// keep: what Prometheus' example file has, and the defaults.
extension Schema {
    static let ofAServer: [KeyTable.Refused] = [
        .init(
            "runtime", harmless: .only(["gogc": .numbers([75])]),
            reason: "tunes Go's garbage collector, which Narthex does not have; remove it"),
        .init(
            "alerting", harmless: .decided(by: ["alertmanagers": .items(.decided(by: alertmanager))]),
            reason: agent("sends no alerts")),
        .init("rule_files", reason: agent("evaluates no rules")),
        .init("remote_read", reason: agent("answers no queries")),
        .init(
            "storage",
            harmless: .only([
                "tsdb": .only(["out_of_order_time_window": .zeroDuration]),
                "exemplars": .only(["max_exemplars": .numbers([0, 100_000])]),
            ]),
            reason: "configures the database of a Prometheus server, which an agent does not have; remove it."
                + " How much is kept until it is sent is set by the flags"
                + " --storage.agent.retention.max-size and --storage.agent.retention.max-time"),
        .init(
            "tracing",
            reason: "sends traces of the Prometheus server itself, of which Narthex has none; remove it"),
        .init(
            "otlp", harmless: .only(otlpDefaults),
            reason: "configures the OTLP receiver of a Prometheus server, which Narthex does not have;"
                + " remove it"),
    ]

    /// An entry without a target and without a discovery is no Alertmanager.
    private static let alertmanager: [String: HarmlessValue] = {
        let found = (otherDiscovery + ["aws", "dns", "ecs", "file", "http"]).map {
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
