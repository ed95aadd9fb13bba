/// The schema: every key that is decoded, and every other key of Prometheus 3.14 by name, ignored or refused.
enum Schema {
    static let all =
        [
            top, scrapeConfigFile, storage, tsdb, global, scrapeConfig, staticConfig, fileSD, httpSD, dnsSD,
            ecsSD, ec2SD, awsSD, ec2Filters,
            ecsDockerLabels, ecsServices, ecsTaskDefinitions, relabel, remoteWrite, sigv4, queue, metadata,
            limits,
        ] + httpClientTables

    static let top = KeyTable(
        "configuration file",
        [
            .init("global", "mapping"),
            .init("scrape_configs", "list of mapping"),
            .init("scrape_config_files", "list of string"),
            .init("remote_write", "list of mapping"),
            .init("storage", "mapping"),
        ],
        ignored: ofAServer)

    /// A file that `scrape_config_files` names.
    static let scrapeConfigFile = KeyTable(
        "scrape_config_files", [.init("scrape_configs", "list of mapping")])

    static let global = KeyTable(
        "global",
        [
            .init("scrape_interval", "duration", "1m"),
            .init("scrape_timeout", "duration", "10s"),
            .init("evaluation_interval", "duration", "1m"),
            .init("external_labels", "mapping of string"),
            .init("body_size_limit", "size", "0"),
            .init("target_limit", "int", "0"),
            .init("keep_dropped_targets", "int", "0"),
            .init("scrape_native_histograms", "bool", "false"),
            .init("always_scrape_classic_histograms", "bool", "false"),
            .init("convert_classic_histograms_to_nhcb", "bool", "false"),
            .init("sample_limit", "int", "0"),
            .init("label_limit", "int", "0"),
            .init("label_name_length_limit", "int", "0"),
            .init("label_value_length_limit", "int", "0"),
            .init("extra_scrape_metrics", "bool", "false"),
            .init("scrape_failure_log_file", "path"),
            .init("scrape_protocols", "list of scrape protocol", "the job's default"),
            .init("metric_name_validation_scheme", "utf8 or legacy", "utf8"),
            .init("metric_name_escaping_scheme", "escaping scheme", "allow-utf-8, underscores with legacy"),
        ],
        ignored: globalOfAServer)

    static let scrapeConfig = KeyTable(
        "scrape_configs",
        [
            .init("job_name", "string"),
            .init("scrape_interval", "duration", "global.scrape_interval"),
            .init("scrape_timeout", "duration", "global.scrape_timeout"),
            .init("metrics_path", "string", "/metrics"),
            .init("scheme", "http or https", "http"),
            .init("params", "mapping of list of string"),
            .init("honor_labels", "bool", "false"),
            .init("honor_timestamps", "bool", "true"),
            .init("enable_compression", "bool", "true"),
            .init("body_size_limit", "size", "global.body_size_limit"),
            .init("target_limit", "int", "global.target_limit"),
            .init("scrape_native_histograms", "bool", "global.scrape_native_histograms"),
            .init("always_scrape_classic_histograms", "bool", "global.always_scrape_classic_histograms"),
            .init("convert_classic_histograms_to_nhcb", "bool", "global.convert_classic_histograms_to_nhcb"),
            .init("native_histogram_bucket_limit", "int", "0"),
            .init("native_histogram_min_bucket_factor", "number", "0"),
            .init("sample_limit", "int", "global.sample_limit"),
            .init("label_limit", "int", "global.label_limit"),
            .init("label_name_length_limit", "int", "global.label_name_length_limit"),
            .init("label_value_length_limit", "int", "global.label_value_length_limit"),
            .init("extra_scrape_metrics", "bool", "global.extra_scrape_metrics"),
            .init("scrape_failure_log_file", "path", "global.scrape_failure_log_file"),
            .init("on_limit", "fail or shed", "fail"),
            .init("on_bad_line", "fail or skip", "fail"),
            .init("track_timestamps_staleness", "bool", "false"),
            .init("scrape_protocols", "list of scrape protocol", "global.scrape_protocols"),
            .init("fallback_scrape_protocol", "scrape protocol"),
            .init(
                "metric_name_validation_scheme", "utf8 or legacy", "global.metric_name_validation_scheme"),
            .init(
                "metric_name_escaping_scheme", "escaping scheme", "global.metric_name_escaping_scheme"),
            .init("relabel_configs", "list of mapping"),
            .init("metric_relabel_configs", "list of mapping"),
            .init("keep_dropped_targets", "int", "global.keep_dropped_targets"),
            .init("static_configs", "list of mapping"),
            .init("file_sd_configs", "list of mapping"),
            .init("http_sd_configs", "list of mapping"),
            .init("dns_sd_configs", "list of mapping"),
            .init("ecs_sd_configs", "list of mapping"),
            .init("ec2_sd_configs", "list of mapping"),
            .init("aws_sd_configs", "list of mapping"),
        ],
        refused: otherDiscovery.map { .init("\($0)_sd_configs", reason: notYet) },
        ignored: [keepDroppedTargets],
        shared: [httpClient])

    static let staticConfig = KeyTable(
        "static_configs",
        [.init("targets", "list of string"), .init("labels", "mapping of string")])

    static let fileSD = KeyTable(
        "file_sd_configs",
        [.init("files", "list of string"), .init("refresh_interval", "duration", "5m")])

    static let httpSD = KeyTable(
        "http_sd_configs",
        [.init("url", "URL"), .init("refresh_interval", "duration", "1m")],
        shared: [httpClient])

    static let dnsSD = KeyTable(
        "dns_sd_configs",
        [
            .init("names", "list of string"),
            .init("type", "A, AAAA, SRV, MX or NS", "SRV"),
            .init("port", "int"),
            .init("refresh_interval", "duration", "30s"),
        ])

    /// The same for `relabel_configs`, `metric_relabel_configs` and `write_relabel_configs`.
    static let relabel = KeyTable(
        "relabel_configs",
        [
            .init("action", "action", "replace"),
            .init("source_labels", "list of string"),
            .init("separator", "string", ";"),
            .init("regex", "regex", "(.*)"),
            .init("target_label", "string"),
            .init("replacement", "string", "$1"),
            .init("modulus", "int"),
        ])

    static let remoteWrite = KeyTable(
        "remote_write",
        [
            .init("url", "URL"),
            .init("name", "string", "made from the URL"),
            .init("remote_timeout", "duration", "30s"),
            .init("headers", "mapping of string"),
            .init("sigv4", "mapping"),
            .init("write_relabel_configs", "list of mapping"),
            .init("queue_config", "mapping"),
            .init(
                "protobuf_message", "prometheus.WriteRequest, io.prometheus.write.v2.Request or auto",
                "prometheus.WriteRequest"),
            .init("metadata_config", "mapping"),
            .init("round_robin_dns", "bool", "false"),
            .init("limits", "mapping"),
            .init("escape_utf8_names", "bool", "true for AMP, else false"),
            .init("send_exemplars", "bool", "false"),
            .init("send_native_histograms", "bool", "false"),
            .init("send_custom_bucket_histograms", "bool", "false"),
            .init("failed_request_logging", "bool", "false"),
        ],
        refused: [
            // Even `{}` asks for requests that say who sends them.
            .init(
                "azuread", harmless: .null,
                reason: "signs requests for Azure Monitor, which this version of Narthex does not support;"
                    + " oauth2 with client credentials gets a token from Microsoft Entra ID as well"),
            .init(
                "google_iam", harmless: .null,
                reason:
                    "gets tokens from Google Cloud, which this version of Narthex does not do; a program that"
                    + " writes a token to a file for authorization.credentials_file does"),
        ],
        shared: [httpClient])

    static let sigv4 = KeyTable(
        "sigv4",
        [
            .init("region", "string", "found: see below"),
            .init("access_key", "string"),
            .init("secret_key", "secret"),
            .init("profile", "string"),
            .init("role_arn", "string"),
            .init("external_id", "string"),
            .init("use_fips_sts_endpoint", "bool", "false"),
            .init("service_name", "string", "aps"),
        ])

    static let metadata = KeyTable(
        "metadata_config",
        [
            .init("send", "bool", "true"),
            .init("send_interval", "duration", "1m"),
            .init("max_samples_per_send", "int", "2000"),
        ])

    static let limits = KeyTable(
        "limits",
        [
            .init("bytes_per_second", "size", "0"),
            .init("requests_per_second", "number", "0"),
            .init("samples_per_second", "int", "0"),
            .init("bytes_per_day", "size", "0"),
            .init("high_priority_jobs", "list of string"),
            .init("low_priority_jobs", "list of string"),
        ])

    static let queue = KeyTable(
        "queue_config",
        [
            .init("capacity", "int", "10000"),
            .init("max_shards", "int", "50"),
            .init("min_shards", "int", "1"),
            .init("max_samples_per_send", "int", "5000"),
            .init("batch_send_deadline", "duration", "5s"),
            .init("min_backoff", "duration", "30ms"),
            .init("max_backoff", "duration", "5s"),
            .init("retry_on_http_429", "bool", "true"),
            .init("sample_age_limit", "duration", "0s"),
        ],
        ignored: [
            .init(
                "capacity",
                says: "has no effect: what waits for its request is on disk, not in memory, and"
                    + " --storage.agent.retention.max-size bounds it")
        ])

    static let otherDiscovery = [
        "azure", "consul", "digitalocean", "docker", "dockerswarm", "elasticache",
        "eureka",
        "gce", "hetzner", "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "msk",
        "nerve",
        "nomad", "oci", "openstack", "outscale", "ovhcloud", "puppetdb", "rds", "scaleway", "serverset",
        "stackit",
        "triton", "uyuni", "vultr",
    ]

    /// Why another service discovery is refused: without it targets would be missing.
    private static let notYet =
        "is a service discovery of Prometheus that this version of Narthex does not support yet; let what"
        + " knows the targets write a file for file_sd_configs, or answer http_sd_configs"
}
