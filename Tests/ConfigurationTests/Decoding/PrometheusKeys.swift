@testable import Configuration

/// Every key of Prometheus 3.14, block by block, drawn from its page "Configuration" and, for what that page
/// leaves out (`…_ref`, `bearer_token`), from the configuration types of its libraries.
enum PrometheusKeys {
    /// By the name of the block's table in `Schema`.
    static let blocks: [(block: String, keys: [String])] = [
        (
            "configuration file",
            words(
                """
                global runtime rule_files scrape_config_files scrape_configs alerting remote_write otlp
                remote_read storage tracing
                """)
        ),
        (
            "global",
            words(
                """
                scrape_interval scrape_timeout scrape_protocols evaluation_interval rule_query_offset
                external_labels query_log_file scrape_failure_log_file body_size_limit sample_limit
                label_limit label_name_length_limit label_value_length_limit target_limit
                keep_dropped_targets
                metric_name_validation_scheme metric_name_escaping_scheme scrape_native_histograms
                convert_classic_histograms_to_nhcb always_scrape_classic_histograms extra_scrape_metrics
                """)
        ),
        ("scrape_config_files", ["scrape_configs"]),
        ("storage", ["tsdb", "exemplars"]),
        ("tsdb", ["out_of_order_time_window", "retention"]),
        (
            "scrape_configs",
            words(
                """
                job_name scrape_interval scrape_timeout scrape_protocols fallback_scrape_protocol metrics_path
                honor_labels honor_timestamps track_timestamps_staleness scheme params enable_compression
                scrape_failure_log_file body_size_limit sample_limit label_limit label_name_length_limit
                label_value_length_limit target_limit keep_dropped_targets metric_name_validation_scheme
                metric_name_escaping_scheme native_histogram_bucket_limit native_histogram_min_bucket_factor
                scrape_native_histograms convert_classic_histograms_to_nhcb always_scrape_classic_histograms
                extra_scrape_metrics relabel_configs metric_relabel_configs static_configs
                """)
                + words(
                    """
                    aws azure consul digitalocean dns docker dockerswarm ec2 ecs elasticache eureka file gce
                    hetzner http ionos kubernetes kuma lightsail linode marathon msk nerve nomad oci openstack
                    outscale ovhcloud puppetdb rds scaleway serverset stackit triton uyuni vultr
                    """
                ).map { "\($0)_sd_configs" }
        ),
        ("static_configs", ["targets", "labels"]),
        ("file_sd_configs", ["files", "refresh_interval"]),
        ("http_sd_configs", ["url", "refresh_interval"]),
        ("dns_sd_configs", ["names", "type", "port", "refresh_interval"]),
        ("aws_sd_configs", ["role", "filters"] + aws),
        ("ec2_sd_configs", ["filters"] + aws.filter { !["clusters", "request_concurrency"].contains($0) }),
        ("filters", ["name", "values"]),
        ("ecs_sd_configs", aws),
        (
            "relabel_configs",
            words("action source_labels separator regex target_label replacement modulus")
        ),
        (
            "remote_write",
            words(
                """
                url protobuf_message remote_timeout headers write_relabel_configs name send_exemplars
                send_native_histograms round_robin_dns sigv4 azuread google_iam queue_config metadata_config
                failed_request_logging
                """)
        ),
        ("metadata_config", ["send", "send_interval", "max_samples_per_send"]),
        (
            "HTTP client options",
            words(
                """
                basic_auth authorization bearer_token bearer_token_file oauth2 follow_redirects enable_http2
                http_headers
                """)
        ),
        (
            "TLS and proxy",
            words("tls_config proxy_url no_proxy proxy_from_environment proxy_connect_header")
        ),
        ("basic_auth", words("username username_file username_ref password password_file password_ref")),
        ("authorization", words("type credentials credentials_file credentials_ref")),
        (
            "oauth2",
            words(
                """
                client_id grant_type client_secret client_secret_file client_secret_ref
                client_certificate_key client_certificate_key_file client_certificate_key_ref
                client_certificate_key_id signature_algorithm iss audience claims scopes token_url
                endpoint_params http_headers
                """)
        ),
        (
            "tls_config",
            words(
                """
                ca ca_file ca_ref cert cert_file cert_ref key key_file key_ref server_name
                insecure_skip_verify min_version max_version
                """)
        ),
        ("http_headers", ["values", "secrets", "files"]),
        (
            "sigv4",
            words(
                """
                region access_key secret_key profile role_arn external_id use_fips_sts_endpoint service_name
                """)
        ),
        (
            "queue_config",
            words(
                """
                capacity max_shards min_shards max_samples_per_send batch_send_deadline min_backoff
                max_backoff retry_on_http_429 sample_age_limit
                """)
        ),
    ]

    /// Blocks that go the way of the key that they stand under: the path of that key in `Schema`.
    static let within: [(block: String, under: String, keys: [String])] = [
        ("alerting", "alerting", ["alertmanagers", "alert_relabel_configs"]),
        (
            "alertmanagers", "alerting",
            words("timeout api_version path_prefix scheme relabel_configs sigv4 static_configs …_sd_configs")
        ),
        (
            "remote_read", "remote_read",
            words("url name required_matchers remote_timeout headers read_recent filter_external_labels")
        ),
        ("retention", "tsdb.retention", ["time", "size"]),
        ("exemplars", "storage.exemplars", ["max_exemplars"]),
        (
            "tracing", "tracing",
            words("client_type endpoint sampling_fraction insecure headers compression timeout tls_config")
        ),
        (
            "otlp", "otlp",
            words(
                """
                promote_resource_attributes promote_all_resource_attributes ignore_resource_attributes
                translation_strategy keep_identifying_resource_attributes convert_histograms_to_nhcb
                promote_scope_metadata label_name_underscore_sanitization
                label_name_preserve_multiple_underscores
                """)
        ),
        ("runtime", "runtime", ["gogc"]),
        (
            "azuread", "remote_write.azuread",
            words("cloud managed_identity workload_identity oauth sdk scope")
        ),
        ("google_iam", "remote_write.google_iam", ["credentials_file"]),
    ]

    private static let aws = words(
        """
        region endpoint access_key secret_key profile role_arn external_id port refresh_interval clusters
        request_concurrency basic_auth authorization bearer_token bearer_token_file oauth2 follow_redirects
        enable_http2 http_headers tls_config proxy_url no_proxy proxy_from_environment proxy_connect_header
        """)

    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
