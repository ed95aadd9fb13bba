import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderECSTests {
    @Test func everyKeyArrives() throws {
        let job = try load(
            """
            scrape_configs:
              - job_name: j
                ecs_sd_configs:
                  - clusters: ["*"]
                    region: eu-west-1
                    profile: p
                    filter_label: scrape=yes
                    dynamic_port_detection: true
                    address_family: ipv6
                    address_attribute: my.address
                    compat: prometheus-ecs-discovery
                    describe_services: true
                    describe_clusters: false
                    describe_network_interfaces: true
                    docker_labels:
                      - port_label: P
                        metrics_path_label: A
                        scheme_label: S
                        job_name_label: J
                        server_name_label: N
                        scrape_interval_label: I
                        dynamic_label: D
                      - {port_label: Q}
            """
        ).scrapeConfigs[0]
        var expected = ECSSDConfiguration(clusters: ["*"], region: "eu-west-1", profile: "p")
        expected.filterLabel = "scrape=yes"
        expected.dynamicPortDetection = true
        expected.addressFamily = .ipv6
        expected.addressAttribute = "my.address"
        expected.compatibility = .prometheusECSDiscovery
        expected.describesServices = true
        expected.describesClusters = false
        expected.describesInterfaces = true
        expected.dockerLabels = [
            ECSDockerLabels(
                port: "P", path: "A", scheme: "S", jobName: "J", serverName: "N", interval: "I",
                dynamic: "D"),
            ECSDockerLabels(port: "Q"),
        ]
        #expect(job.ecsSDConfigs == [expected])
    }

    @Test func withoutKeysContainersOfTheOwnClusterAreTargets() throws {
        let text = "scrape_configs: [{job_name: j, ecs_sd_configs: [{}]}]"
        let entry = try load(text).scrapeConfigs[0].ecsSDConfigs[0]
        #expect(entry == ECSSDConfiguration())
        #expect(entry.clusters.isEmpty && entry.port == nil && entry.dockerLabels == ECSDockerLabels.usual)
    }

    @Test func exportersAreKnownByPatternsAsInECSObserver() throws {
        let text = """
            scrape_configs:
              - job_name: j
                ecs_sd_configs:
                  - role_arn: arn:aws:iam::2:role/r
                    external_id: e
                    services:
                      - name_pattern: ^retail-.*$
                        container_name_pattern: ^app$
                        metrics_ports: [9113, 9090]
                        metrics_path: /m
                        job_name: nginx
                    task_definitions:
                      - {arn_pattern: '.*:task-definition/memcached.*', metrics_ports: [9150]}
            """
        let entry = try load(text).scrapeConfigs[0].ecsSDConfigs[0]
        #expect(entry.roleARN == "arn:aws:iam::2:role/r" && entry.externalID == "e")
        #expect(entry.dockerLabels.isEmpty, "as in ecs_observer")
        #expect(
            entry.services == [
                ECSExporterPattern(
                    pattern: try ECSExporterPattern.anywhere("^retail-.*$"),
                    containerPattern: try ECSExporterPattern.anywhere("^app$"), ports: [9113, 9090],
                    path: "/m", jobName: "nginx")
            ])
        #expect(entry.taskDefinitions.map(\.ports) == [[9150]])
    }

    @Test(
        arguments: [
            ("[{source_labels: [__meta_ecs_tag_service_team], target_label: team}]", true, nil),
            ("[{action: labelmap, regex: __meta_ecs_tag_service_(team|env)}]", true, nil),
            ("[{action: keepequal, source_labels: [a], target_label: __meta_ecs_tag_cluster_a}]", nil, true),
            ("[{source_labels: [__meta_ecs_service_status], action: drop, regex: DRAINING}]", true, nil),
            ("[{action: labelmap, regex: __meta_ecs_tag_(.+)}]", true, true),
            ("[{action: labelmap, regex: __meta_ecs_tag_cluster_(.+)}]", nil, true),
            ("[{source_labels: [__meta_ecs_service], target_label: service}]", nil, nil),
        ] as [(String, Bool?, Bool?)])
    func rulesSayWhatIsAskedFor(rules: String, services: Bool?, clusters: Bool?) throws {
        let text = "scrape_configs: [{job_name: j, ecs_sd_configs: [{}], relabel_configs: \(rules)}]"
        let entry = try load(text).scrapeConfigs[0].ecsSDConfigs[0]
        #expect(entry.describesServices == services && entry.describesClusters == clusters)
        #expect(entry.rulesNeed.contains(.services) == (services ?? false))
        #expect(entry.rulesNeed.contains(.clusters) == (clusters ?? false))
        let refused =
            "scrape_configs: [{job_name: j, ecs_sd_configs: [{describe_services: false}],"
            + " relabel_configs: \(rules)}]"
        #expect(try load(refused).scrapeConfigs[0].ecsSDConfigs[0].describesServices == false)
    }

    @Test(
        arguments: [
            ("[{source_labels: [__meta_ecs_public_ip, __meta_ecs_task_id], target_label: a}]", true),
            ("[{action: labelmap, regex: __meta_ecs_(.+)}]", true),
            ("[{action: labelmap, regex: __meta_ecs_(public_ip)}]", true),
            ("[{action: labelmap, regex: __meta_ecs_(cluster|public_ip|task_id)}]", true),
            ("[{action: labelmap, regex: __meta_ecs_task_(.+)}]", nil),
            ("[{source_labels: [__meta_ecs_ec2_instance_public_ip], target_label: a}]", nil),
            ("[]", nil),
        ] as [(String, Bool?)])
    func rulesSayWhetherPublicAddressesAreAskedFor(rules: String, interfaces: Bool?) throws {
        let text = "scrape_configs: [{job_name: j, ecs_sd_configs: [{}], relabel_configs: \(rules)}]"
        #expect(try load(text).scrapeConfigs[0].ecsSDConfigs[0].describesInterfaces == interfaces)
    }

    @Test func prometheusShapeIsTaken() throws {
        let text = """
            scrape_configs:
              - job_name: j
                ecs_sd_configs: [{port: 8080, refresh_interval: 2m, follow_redirects: true}]
                aws_sd_configs: [{role: ecs, region: eu-west-1, port: 9100, clusters: [a]}]
            """
        let entries = try load(text).scrapeConfigs[0].ecsSDConfigs
        #expect(entries.map(\.port) == [8080, 9100])
        #expect(entries.map(\.clusters) == [[], ["a"]])
        #expect(entries[0].refreshIntervalMs == 120_000)
    }

    @Test func whatHasNoEffectIsToldOf() throws {
        let block = "[{role: ecs, request_concurrency: 20}]"
        let loaded = try load("scrape_configs: [{job_name: j, aws_sd_configs: \(block)}]")
        #expect(loaded.ignored.map(\.key) == ["aws_sd_configs.request_concurrency"])
    }

    @Test func theWayToAWSIsTaken() throws {
        let text = """
            scrape_configs:
              - job_name: j
                ecs_sd_configs:
                  - tls_config: {ca_file: ca.pem}
                    proxy_url: http://u:p@proxy:3128
                    no_proxy: inside
                    enable_http2: true
                    follow_redirects: false
                    http_headers: {X-A: {files: [f]}}
                  - {}
            """
        let entries = try load(text).scrapeConfigs[0].ecsSDConfigs
        #expect(
            entries[0].http
                == HTTPClientOptions(
                    tls: TLSOptions(authority: .file("conf/ca.pem")),
                    proxy: ProxyOptions(url: Secret("http://u:p@proxy:3128"), noProxy: "inside"),
                    headers: [.init(name: "X-A", files: ["conf/f"])]))
        #expect(entries[1].http == HTTPClientOptions(enableHTTP2: false))
    }

    @Test(arguments: [
        ("basic_auth", "{username: u, password: geheim}"), ("authorization", "{credentials: geheim}"),
        ("bearer_token", "geheim"), ("bearer_token_file", "gone"),
    ])
    func whoAsksIsLeftToTheSignatureWithAWarning(key: String, value: String) throws {
        let pair = "\(key): \(value)"
        for block in ["ecs_sd_configs: [{\(pair)}]", "aws_sd_configs: [{role: ecs, \(pair)}]"] {
            let loaded = try load("scrape_configs: [{job_name: j, \(block)}]")
            #expect(loaded.scrapeConfigs[0].ecsSDConfigs[0].http == HTTPClientOptions(enableHTTP2: false))
            let told = loaded.ignored.map(\.description)
            #expect(told.count == 1 && told[0].contains("\(key) has no effect, as in"), "\(told)")
            #expect(!told[0].contains("geheim"))
        }
    }

    @Test(arguments: [
        (
            "ecs_sd_configs: [{basic_auth: {username: u}, authorization: {credentials: geheim}}]",
            "at most one way to authenticate"
        ),
        ("ecs_sd_configs: [{authorization: {type: basic}}]", "use basic_auth"),
        ("ecs_sd_configs: [{basic_auth: {user: u}}]", "unknown key \"user\""),
        ("aws_sd_configs: [{role: ecs, oauth2: {client_id: a}}]", "the place of the signature"),
        ("ecs_sd_configs: [{follow_redirects: maybe}]", "must be true or false"),
        ("ecs_sd_configs: [{proxy_url: 'http://p', proxy_from_environment: true}]", "not both"),
        ("ecs_sd_configs: [{http_headers: {Authorization: {values: [geheim]}}}]", "reserved header"),
        ("ecs_sd_configs: [{clusters: []}]", "leave the key out"),
        ("ecs_sd_configs: [{clusters: [a, b, a]}]", "the cluster \"a\" stands twice"),
        ("ecs_sd_configs: [{clusters: [a, '*']}]", "* is all clusters"),
        ("ecs_sd_configs: [{clusters: ['a/b']}]", "is neither a cluster's name nor its ARN"),
        ("ecs_sd_configs: [{clusters: ['arn:aws:ecs:r:1:task/x']}]", "is neither a cluster's name"),
        ("ecs_sd_configs: [{clusters: [a], region: '<aws-region>'}]", "is not an AWS region"),
        ("ecs_sd_configs: [{clusters: [a], endpoint: localhost}]", "must begin with http://"),
        ("ecs_sd_configs: [{clusters: [a], refresh_interval: 1ms}]", "at least 1s"),
        ("ecs_sd_configs: [{clusters: [a], access_key: k}]", "access_key without secret_key"),
        ("ecs_sd_configs: [{port: 70000}]", "from 1 to 65535"),
        ("ecs_sd_configs: [{port: 80, docker_labels: [{port_label: a}]}]", "use one or the other"),
        ("ecs_sd_configs: [{compat: teralytics}]", "Valid: prometheus-ecs-discovery"),
        ("ecs_sd_configs: [{address_family: ipv5}]", "did you mean ipv4?"),
        ("ecs_sd_configs: [{docker_labels: [{}]}]", "needs a port_label"),
        ("ecs_sd_configs: [{docker_labels: [{port_label: a, path_label: b}]}]", "unknown key \"path_label\""),
        ("ecs_sd_configs: [{role_arn: x}]", "is not a role's ARN"),
        ("ecs_sd_configs: [{external_id: x}]", "external_id without role_arn"),
        ("ecs_sd_configs: [{services: [{metrics_ports: [1]}]}]", "needs name_pattern"),
        ("ecs_sd_configs: [{services: [{name_pattern: a}]}]", "needs metrics_ports"),
        ("ecs_sd_configs: [{services: [{name_pattern: '(', metrics_ports: [1]}]}]", "RE2"),
        ("ecs_sd_configs: [{task_definitions: [{arn_pattern: a, metrics_ports: [0]}]}]", "65535, not \"0\""),
        ("aws_sd_configs: [{clusters: [a]}]", "needs a role"),
        ("aws_sd_configs: [{role: esc}]", "did you mean ecs?"),
    ])
    func faultsAreNamed(line: String, message: String) {
        let found = errors(job(line))
        #expect(found.contains { $0.contains(message) }, "\(found)")
        #expect(!found.contains { $0.contains("geheim") })
    }
}
