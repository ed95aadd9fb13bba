/// Keys and values of other agents' configurations that people bring along, and what to write for them.
///
/// Only names that neither Prometheus nor Narthex has in that block stand here. The whole tables are in
/// docs/moving-from-vmagent.md and docs/moving-from-adot.md.
enum ForeignKeys {
    /// What an unknown key of a block is elsewhere and what to do, to stand behind a semicolon; nil for a
    /// key that is nobody's.
    static func advice(_ key: String, in block: String) -> String? {
        if let advice = vmagent[block]?[key] {
            return "it is a key of vmagent; \(advice) (docs/moving-from-vmagent.md)"
        }
        guard let advice = collector[block]?[key] else { return nil }
        return "it is a key of the OpenTelemetry collector; \(advice) (docs/moving-from-adot.md)"
    }

    /// The same for the action of a relabelling rule.
    static func advice(action: String) -> String? {
        guard let advice = actions[action] else { return nil }
        return "it is an action of vmagent; \(advice) (docs/moving-from-vmagent.md)"
    }

    private static let notNeeded = "it is not needed here, remove it"
    private static let section = "Narthex has no pipelines, write scrape_configs and remote_write"

    private static let vmagent = [
        "scrape_configs": [
            "disable_compression": "write enable_compression: false",
            "disable_keepalive": notNeeded,
            "headers": "write http_headers: {NAME: {values: [VALUE]}}",
            "max_scrape_size": "write body_size_limit",
            "no_stale_markers": "stale markers are always sent, remove it",
            "scrape_align_interval": notNeeded,
            "scrape_offset": notNeeded,
            "series_limit": "write sample_limit, with on_limit: shed",
            "stream_parse": notNeeded,
        ],
        "relabel_configs": ["if": "write source_labels and a regex"],
    ]

    private static let observer = [
        "cluster_name": "write clusters: [NAME]",
        "cluster_region": "write region",
        "job_label_name": "the label is job, which a rule of relabel_configs may copy",
        "result_file": "there is no file between, remove it",
    ]

    private static let collector = [
        "configuration file": [
            "connectors": section, "exporters": section, "extensions": section, "processors": section,
            "receivers": section, "service": section,
        ],
        "ecs_sd_configs": observer,
        "aws_sd_configs": observer,
        "docker_labels": [
            "job_name": "write a job of that name for these labels",
            "metrics_path": "write a job with that metrics_path for these labels",
        ],
        "remote_write": [
            "add_metric_suffixes": "names stay as the targets give them, remove it",
            "auth": "write sigv4, or another way to authenticate",
            "endpoint": "write url",
            "external_labels": "write them in global",
            "remote_write_queue": "write queue_config",
            "resource_to_telemetry_conversion": "labels are made by relabel_configs, remove it",
            "retry_on_failure": "write queue_config",
            "target_info": "there is none here, remove it",
            "timeout": "write remote_timeout",
            "tls": "write tls_config",
        ],
        "sigv4": [
            "assume_role": "write role_arn",
            "service": "write service_name",
        ],
    ]

    private static let actions = [
        "drop_if_contains": "write a rule for each value",
        "drop_if_equal": "write dropequal",
        "drop_metrics": "write drop with source_labels: [__name__]",
        "graphite": "Narthex has none like it",
        "keep_if_contains": "write a rule for each value",
        "keep_if_equal": "write keepequal",
        "keep_metrics": "write keep with source_labels: [__name__]",
        "labelmap_all": "write a rule for each label",
        "replace_all": "write replace as often as the text may stand there",
    ]
}
