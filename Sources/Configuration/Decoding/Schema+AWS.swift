/// The keys of the discoveries of AWS: Prometheus' and Narthex' own.
extension Schema {
    static let ecsSD = KeyTable(
        "ecs_sd_configs",
        [.init("clusters", "list of string", "the agent's own"), .init("port", "int")] + awsKeys
            + [requestConcurrency] + signedKeys + ecsOwnKeys,
        refused: awsRefused, ignored: [concurrencyIgnored] + awsIgnored, shared: [transport])

    static let ec2SD = KeyTable(
        "ec2_sd_configs",
        [filters, .init("port", "int", "80")] + awsKeys + signedKeys,
        refused: awsRefused, ignored: awsIgnored, shared: [transport])

    static let awsSD = KeyTable(
        "aws_sd_configs",
        [
            .init("role", "ec2 or ecs"), filters, .init("clusters", "list of string", "the agent's own"),
            .init("port", "int", "80 with role ec2"),
        ] + awsKeys + [requestConcurrency] + signedKeys + ecsOwnKeys,
        refused: awsRefused, ignored: [concurrencyIgnored] + awsIgnored, shared: [transport])

    /// What says which tasks are targets, and how; nothing of it is about instances.
    static let ecsSelectionKeys = ["clusters"] + ecsOwnKeys.map(\.name)

    static let ec2Filters = KeyTable(
        "filters", [.init("name", "string"), .init("values", "list of string")])

    private static let filters = KeyTable.Key("filters", "list of mapping")

    static let ecsDockerLabels = KeyTable(
        "docker_labels",
        [
            .init("port_label", "string"),
            .init("metrics_path_label", "string"),
            .init("scheme_label", "string"),
            .init("job_name_label", "string"),
            .init("server_name_label", "string"),
            .init("scrape_interval_label", "string"),
            .init("dynamic_label", "string"),
        ])

    static let ecsServices = KeyTable("services", [.init("name_pattern", "regex")] + ecsExporter)

    static let ecsTaskDefinitions = KeyTable(
        "task_definitions", [.init("arn_pattern", "regex")] + ecsExporter)

    /// Who asks, where and how often.
    private static let awsKeys: [KeyTable.Key] = [
        .init("refresh_interval", "duration", "1m"),
        .init("region", "string", "found as for sigv4"),
        .init("endpoint", "URL", "the region's"),
        .init("access_key", "string"),
        .init("secret_key", "secret"),
        .init("profile", "string"),
        .init("role_arn", "string"),
        .init("external_id", "string"),
        .init("enable_http2", "bool", "false"),
        .init("http_headers", "mapping of mapping"),
    ]

    private static let requestConcurrency = KeyTable.Key("request_concurrency", "int")

    /// Ways to authenticate that a signature leaves no room for.
    private static let signedKeys: [KeyTable.Key] = [
        .init("basic_auth", "mapping"),
        .init("authorization", "mapping"),
        .init("bearer_token", "secret"),
        .init("bearer_token_file", "string"),
    ]

    private static let ecsOwnKeys: [KeyTable.Key] = [
        .init("docker_labels", "list of mapping", "see below"),
        .init("services", "list of mapping"),
        .init("task_definitions", "list of mapping"),
        .init("filter_label", "string"),
        .init("dynamic_port_detection", "bool", "false"),
        .init("address_family", "ipv4 or ipv6", "ipv4"),
        .init("address_attribute", "string", "narthex.address"),
        .init("compat", "prometheus-ecs-discovery"),
        .init("describe_services", "bool", "as rules need"),
        .init("describe_clusters", "bool", "as rules need"),
        .init("describe_network_interfaces", "bool", "as rules need"),
    ]

    private static let ecsExporter: [KeyTable.Key] = [
        .init("container_name_pattern", "regex"),
        .init("metrics_ports", "list of int"),
        .init("metrics_path", "string"),
        .init("job_name", "string"),
    ]

    private static let awsRefused: [KeyTable.Refused] = [
        .init(
            "oauth2",
            reason: "would take the place of the signature that AWS wants, so that every call is refused,"
                + " in Prometheus too; remove it")
    ]

    private static let concurrencyIgnored = KeyTable.Ignored(
        "request_concurrency",
        says: "has no effect: calls are held to half the rates that AWS allows, however many are on the way")

    private static let awsIgnored: [KeyTable.Ignored] =
        [.init("follow_redirects", .bool, says: "has no effect: AWS redirects no calls")]
        + ["basic_auth", "authorization", "bearer_token", "bearer_token_file"].map {
            .init(
                $0, silent: .texts([""]),
                says:
                    "has no effect, as in Prometheus: calls to AWS are signed, and the signature says who"
                    + " asks"
            )
        }
}
