/// The keys of ECS discovery: Prometheus' and Narthex' own.
extension Schema {
    static let ecsSD = KeyTable(
        "ecs_sd_configs", ecsKeys, refused: ecsRefused, ignored: ecsIgnored, shared: [transport])

    static let awsSD = KeyTable(
        "aws_sd_configs", [.init("role", "ecs")] + ecsKeys, refused: ecsRefused + [filters],
        ignored: ecsIgnored, shared: [transport])

    private static let filters = KeyTable.Refused(
        "filters",
        reason: "selects machines of the role ec2, and nothing of the role ecs, where Prometheus passes over"
            + " it: every task would be a target. Select with clusters, or with keep and drop in"
            + " relabel_configs")

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

    private static let ecsKeys: [KeyTable.Key] = [
        .init("clusters", "list of string", "the agent's own"),
        .init("port", "int"),
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
        .init("request_concurrency", "int"),
        .init("basic_auth", "mapping"),
        .init("authorization", "mapping"),
        .init("bearer_token", "secret"),
        .init("bearer_token_file", "string"),
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

    private static let ecsRefused: [KeyTable.Refused] = [
        .init(
            "oauth2",
            reason: "would take the place of the signature that AWS wants, so that every call is refused,"
                + " in Prometheus too; remove it")
    ]

    private static let ecsIgnored: [KeyTable.Ignored] =
        [
            .init(
                "request_concurrency",
                says:
                    "has no effect: calls are held to half the rates that AWS allows, however many are on"
                    + " the way"
            ),
            .init("follow_redirects", .bool, says: "has no effect: AWS redirects no calls"),
        ]
        + ["basic_auth", "authorization", "bearer_token", "bearer_token_file"].map {
            .init(
                $0, silent: .texts([""]),
                says:
                    "has no effect, as in Prometheus: calls to AWS are signed, and the signature says who"
                    + " asks"
            )
        }
}
