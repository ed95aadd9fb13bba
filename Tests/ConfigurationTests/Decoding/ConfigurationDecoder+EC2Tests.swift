import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderEC2Tests {
    private func entries(_ lines: String) throws -> [EC2SDConfiguration] {
        try load(job(lines)).scrapeConfigs[0].ec2SDConfigs
    }

    private static let keys = """
        region: eu-west-1, endpoint: 'http://127.0.0.1:1', access_key: k, secret_key: geheim, profile: p,
        role_arn: 'arn:aws:iam::2:role/r', external_id: e, refresh_interval: 2m, port: 9100,
        filters: [{name: 'tag:Team', values: [shop, 7]}, {name: instance-state-name, values: [running]}],
        tls_config: {ca_file: ca.pem}, proxy_url: 'http://proxy:3128', enable_http2: true,
        http_headers: {X-A: {values: [b]}}
        """

    @Test(arguments: ["ec2_sd_configs: [{\(keys)}]", "aws_sd_configs: [{role: ec2, \(keys)}]"])
    func everyKeyArrives(lines: String) throws {
        let expected = EC2SDConfiguration(
            region: "eu-west-1", endpoint: "http://127.0.0.1:1", refreshIntervalMs: 120_000, accessKey: "k",
            secretKey: "geheim", profile: "p", roleARN: "arn:aws:iam::2:role/r", externalID: "e", port: 9_100,
            filters: [
                .init(name: "tag:Team", values: ["shop", "7"]),
                .init(name: "instance-state-name", values: ["running"]),
            ],
            http: HTTPClientOptions(
                tls: TLSOptions(authority: .file("conf/ca.pem")),
                proxy: ProxyOptions(url: Secret("http://proxy:3128")),
                headers: [.init(name: "X-A", values: ["b"])]))
        let found = try entries(lines)
        #expect(found == [expected])
        #expect(!"\(found)".contains("geheim"))
    }

    @Test(arguments: [
        "ec2_sd_configs: [{}]", "aws_sd_configs: [{role: ec2}]",
        "aws_sd_configs: [{role: ec2, clusters: [], filters: [], docker_labels: }]",
    ])
    func withoutKeysThereArePrometheusDefaults(lines: String) throws {
        let found = try entries(lines)
        #expect(found == [EC2SDConfiguration()])
        #expect(found[0].port == 80 && found[0].refreshIntervalMs == 60_000 && found[0].filters.isEmpty)
    }

    @Test func rolesStandSideBySide() throws {
        let text = job(
            """
            ec2_sd_configs: [{port: 1}]
            aws_sd_configs: [{role: ecs, port: 2}, {role: ec2, port: 3}]
            ecs_sd_configs: [{port: 4}]
            """)
        let loaded = try load(text).scrapeConfigs[0]
        #expect(loaded.ec2SDConfigs.map(\.port) == [1, 3])
        #expect(loaded.ecsSDConfigs.map(\.port) == [4, 2])
        // A job with another such entry is another job.
        var other = loaded
        other.ec2SDConfigs[1].port = 5
        #expect(other != loaded)
    }

    @Test(arguments: [
        ("basic_auth", "{username: u, password: geheim}"), ("authorization", "{credentials: geheim}"),
        ("bearer_token", "geheim"), ("bearer_token_file", "gone"), ("follow_redirects", "true"),
    ])
    func whatHasNoEffectIsToldOf(key: String, value: String) throws {
        let loaded = try load(job("ec2_sd_configs: [{\(key): \(value)}]"))
        #expect(loaded.ignored.map(\.key) == ["ec2_sd_configs.\(key)"])
        #expect(loaded.scrapeConfigs[0].ec2SDConfigs[0].http == HTTPClientOptions(enableHTTP2: false))
    }

    @Test(arguments: [
        ("ec2_sd_configs: [{filters: [{values: [a]}]}]", "3:33: an entry of filters needs a name"),
        ("ec2_sd_configs: [{filters: [{name: '', values: [a]}]}]", "needs a name"),
        ("ec2_sd_configs: [{filters: [{name: a}]}]", "3:33: an entry of filters needs values"),
        ("ec2_sd_configs: [{filters: [{name: a, values: []}]}]", "3:51: an entry of filters needs values"),
        ("ec2_sd_configs: [{filters: [{name: a, values: b}]}]", "3:51: values must be a list"),
        ("ec2_sd_configs: [{filters: [{name: a, values: [[b]]}]}]", "an item of values must be a string"),
        ("ec2_sd_configs: [{filters: {name: a}}]", "filters must be a list of mappings"),
        ("ec2_sd_configs: [{filters: [a]}]", "filters takes a mapping (name, values, …)"),
        ("ec2_sd_configs: [{filters: [{nane: a, values: [b]}]}]", "did you mean name?"),
        ("ec2_sd_configs: [{port: 0}]", "from 1 to 65535"),
        ("ec2_sd_configs: [{port: http}]", "whole number"),
        ("ec2_sd_configs: [{refresh_interval: 1ms}]", "at least 1s: the EC2 API"),
        ("ec2_sd_configs: [{secret_key: geheim}]", "secret_key without access_key"),
        ("ec2_sd_configs: [{role_arn: x}]", "is not a role's ARN"),
        ("ec2_sd_configs: [{external_id: x}]", "external_id without role_arn"),
        ("ec2_sd_configs: [{region: '<aws-region>'}]", "is not an AWS region"),
        ("ec2_sd_configs: [{endpoint: localhost}]", "must begin with http://"),
        ("ec2_sd_configs: [{oauth2: {client_id: a}}]", "the place of the signature"),
        ("ec2_sd_configs: [{role: ec2}]", "unknown key \"role\" in ec2_sd_configs; it belongs in"),
        ("ec2_sd_configs: [{clusters: [a]}]", "unknown key \"clusters\" in ec2_sd_configs"),
        ("aws_sd_configs: [{role: ec2, clusters: [a]}]", "3:44: clusters is for the role ecs"),
        ("aws_sd_configs: [{role: ec2, compat: prometheus-ecs-discovery}]", "compat is for the role ecs"),
        (
            "aws_sd_configs: [{role: ecs, filters: [{name: a, values: [b]}]}]",
            "3:43: filters selects machines of the role ec2"
        ),
        ("aws_sd_configs: [{role: lightsail}]", "the role lightsail is one that this version"),
        ("aws_sd_configs: [{role: msk}]", "file_sd_configs, or answer http_sd_configs. Valid: ec2, ecs"),
        ("aws_sd_configs: [{role: rds}]", "the role rds"),
        ("aws_sd_configs: [{role: elasticache}]", "the role elasticache"),
        ("aws_sd_configs: [{role: ec3}]", "did you mean ec2?"),
        ("lightsail_sd_configs: [{}]", "lightsail_sd_configs is a service discovery of Prometheus"),
    ])
    func faultsAreNamedWithTheirPlaces(line: String, message: String) {
        let found = errors(job(line))
        #expect(found.contains { $0.contains(message) }, "\(found)")
        #expect(!found.contains { $0.contains("geheim") })
    }
}
