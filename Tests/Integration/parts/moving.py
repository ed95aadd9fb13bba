"""The names that docs/moving-from-*.md must have in their tables, as they stand in the sources that the pages
name, with the version. One that is wrong there is wrong here as well: nothing is downloaded.
"""


def names(text, prefix=""):
    """`a.{b c}` is a.b and a.c; words are apart by spaces."""
    found, words = [], text.replace("\n", " ").strip()
    while words:
        head, brace, rest = words.partition("{")
        plain = head.split(" ")
        group = plain.pop() if brace else ""
        found += [prefix + word for word in plain if word]
        inner, _, words = rest.partition("}")
        found += [f"{prefix}{group}{word}" for word in inner.split()]
    return found


# README at commit 04c0c9a8a350.
SIGV4_PROXY = names(
    """verbose log-failed-requests log-signing-process unsigned-payload port strip custom-headers
    duplicate-headers role-arn name sign-host host region upstream-url-scheme no-verify-ssl
    transport.idle-conn-timeout""",
    "--",
)

# main.go of teralytics/prometheus-ecs-discovery at commit b1f5e3a863a6.
ECS_DISCOVERY = names(
    """config.{cluster write-to scrape-interval scrape-times role-arn port-label path-label scheme-label
    filter-label server-name-label job-name-label dynamic-port-detection}""",
    "-",
)

_STREAM_AGGREGATION = """{config dedupInterval dropInput dropInputLabels enableWindows ignoreFirstIntervals
    ignoreOldSamples keepInput}"""

# vmagent_flags.md at commit 04e80a556db6: what is about scraping, remote write and the process itself; and
# remoteWrite.disableMetadata of remotewrite.go at 006720389cef.
VMAGENT = names(
    f"""promscrape.{{config config.dryRun config.strictParse configCheckInterval maxScrapeSize
    seriesLimitPerTarget disableCompression disableKeepAlive noStaleMarkers streamParse
    minResponseSizeForStreamParse maxResponseHeadersSize dropOriginalLabels maxDroppedTargets
    suppressScrapeErrors suppressScrapeErrorsDelay suppressDuplicateScrapeTargetErrors discovery.concurrency
    discovery.concurrentWaitTime fileSDCheckInterval httpSDCheckInterval dnsSDCheckInterval
    ec2SDCheckInterval azureSDCheckInterval consulSDCheckInterval consul.waitTime consulagentSDCheckInterval
    digitaloceanSDCheckInterval dockerSDCheckInterval dockerswarmSDCheckInterval eurekaSDCheckInterval
    gceSDCheckInterval hetznerSDCheckInterval kubernetesSDCheckInterval kubernetes.apiServerTimeout
    kubernetes.attachNodeMetadataAll kubernetes.useHTTP2Client kumaSDCheckInterval marathonSDCheckInterval
    nomadSDCheckInterval nomad.waitTime openstackSDCheckInterval ovhcloudSDCheckInterval
    puppetdbSDCheckInterval vultrSDCheckInterval yandexcloudSDCheckInterval}}
    promscrape.cluster.{{membersCount memberNum memberLabel memberURLTemplate name replicationFactor}}
    remoteWrite.{{url showURL label relabelConfig urlRelabelConfig headers proxyURL bearerToken
    bearerTokenFile sendTimeout tmpDataPath maxDiskUsagePerURL keepDanglingQueues disableOnDiskQueue
    dropSamplesOnOverload queues maxRowsPerBlock maxBlockSize maxMetadataPerBlock disableMetadata
    flushInterval retryMinInterval retryMaxInterval retryMaxTime rateLimit maxHourlySeries
    maxDailySeries roundDigits significantFigures shardByURL shardByURL.labels shardByURL.ignoreLabels
    shardByURLReplicas forcePromProto forceVMProto vmProtoCompressLevel}}
    remoteWrite.aws.{{useSigv4 region roleARN accessKey secretKey service stsEndpoint ec2Endpoint}}
    remoteWrite.basicAuth.{{username password passwordFile}}
    remoteWrite.oauth2.{{clientID clientSecret clientSecretFile endpointParams scopes tokenUrl}}
    remoteWrite.tls{{CAFile CertFile KeyFile ServerName InsecureSkipVerify HandshakeTimeout}}
    remoteWrite.streamAggr.{_STREAM_AGGREGATION} streamAggr.{_STREAM_AGGREGATION}
    dryRun enableMetadata maxIngestionRate maxLabelsPerTimeseries maxLabelNameLen maxLabelValueLen sortLabels
    usePromCompatibleNaming envflag.{{enable prefix}} httpListenAddr http.pathPrefix loggerLevel loggerFormat
    enableTCP6 memory.{{allowedBytes allowedPercent}}""",
    "-",
)

# ScrapeConfig of lib/promscrape/config.go at commit d1d59d63483e, without what Prometheus has too.
VMAGENT_KEYS = names(
    """max_scrape_size series_limit disable_compression disable_keepalive stream_parse scrape_align_interval
    scrape_offset no_stale_markers headers proxy_{headers authorization basic_auth bearer_token
    bearer_token_file tls_config} consulagent_sd_configs yandexcloud_sd_configs vultr_configs"""
)

# opentelemetry-collector-contrib 0.156 and after, with the keys of 0.9x that are gone; table by table.
ADOT = {
    "prometheus receiver": names(
        """config trim_metric_suffixes report_extra_scrape_metrics use_start_time_metric
        start_time_metric_regex target_allocator.{endpoint interval collector_id http_sd_config
        http_scrape_config} api_server.{enabled server_config}"""
    ),
    "ecs_observer": names(
        """cluster_name cluster_region refresh_interval result_file job_label_name
        services.{name_pattern container_name_pattern metrics_ports metrics_path job_name}
        task_definitions.{arn_pattern container_name_pattern metrics_ports metrics_path job_name}
        docker_labels.{port_label metrics_path_label job_name_label job_name metrics_path metrics_ports}"""
    ),
    "prometheusremotewrite exporter": names(
        """endpoint http auth.authenticator headers include_metadata_keys timeout proxy_url
        tls.{ca_file ca_pem include_system_ca_certs_pool cert_file cert_pem key_file key_pem min_version
        max_version server_name_override insecure_skip_verify insecure reload_interval cipher_suites
        include_insecure_cipher_suites curve_preferences tpm} compression compression_params read_buffer_size
        write_buffer_size max_idle_conns max_idle_conns_per_host max_conns_per_host idle_conn_timeout
        disable_keep_alives force_attempt_http2 http2_read_idle_timeout http2_ping_timeout cookies middlewares
        retry_on_failure.{enabled initial_interval max_interval multiplier randomization_factor
        max_elapsed_time} remote_write_queue.{enabled queue_size num_consumers} max_batch_size_bytes
        max_batch_request_parallelism wal.{directory buffer_size truncate_frequency lag_record_frequency}
        external_labels namespace add_metric_suffixes translation_strategy
        resource_to_telemetry_conversion.{enabled exclude_service_attributes included excluded}
        resource_constant_labels.{included excluded} target_info.enabled scope_info.enabled
        disable_scope_info export_created_metric.enabled send_metadata protobuf_message
        convert_explicit_histograms_to_nhcb keep_classic_histograms"""
    ),
    "sigv4auth extension": names(
        """region service assume_role.{arn session_name sts_region web_identity_token_file} role_arn
        external_id profile shared_credentials_file local_mode imds_retries certificate_file_path
        proxy_address no_verify_ssl endpoint num_workers request_timeout_seconds max_retries resource_arn"""
    ),
    "Processors": names(
        """batch.{timeout send_batch_size send_batch_max_size metadata_keys metadata_cardinality_limit}
        memory_limiter.{check_interval limit_mib limit_percentage spike_limit_mib spike_limit_percentage
        min_gc_interval_when_soft_limited min_gc_interval_when_hard_limited max_gc_interval_when_soft_limited
        max_gc_interval_when_hard_limited} resource.attributes
        resource.attributes.{key value from_attribute from_context pattern converted_type action}"""
    ),
    "awsecscontainermetrics receiver": names("collection_interval"),
}
