import Testing

@testable import Configuration

/// Every refused key with values that ask for nothing, which pass, and values that ask for something.
@Suite struct HarmlessValueTests {
    struct Row: Sendable {
        /// The block and the key as in the schema, with a slash between.
        let key: String
        let harmless: [String]
        let refused: [String]

        init(_ key: String, _ harmless: [String], refused: [String]) {
            self.key = key
            self.harmless = harmless
            self.refused = refused
        }
    }

    static let rows: [Row] = [
        Row("configuration file/runtime", ["{gogc: 75}", "{}"], refused: ["{gogc: 50}", "7"]),
        Row(
            "configuration file/alerting",
            [
                "{}", "{alertmanagers: []}", "{alertmanagers: [{static_configs: [{targets: }]}]}",
                "{alertmanagers: [{scheme: https, static_configs: []}], alert_relabel_configs: [{}]}",
            ],
            refused: [
                "{alertmanagers: [{static_configs: [{targets: [a:9093]}]}]}",
                "{alertmanagers: [{dns_sd_configs: [{names: [a]}]}]}",
                "{alertmanagers: [{kubernetes_sd_configs: [{}]}]}", "{alertmanagers: [{}]}", "[a]",
            ]),
        Row("configuration file/rule_files", ["[]"], refused: ["[a.yml]"]),
        Row("configuration file/remote_read", ["[]"], refused: ["[{url: 'http://a/'}]"]),
        Row(
            "configuration file/storage",
            ["{}", "{tsdb: {out_of_order_time_window: 0s}, exemplars: {max_exemplars: 100000}}"],
            refused: [
                "{tsdb: {out_of_order_time_window: 30m}}", "{tsdb: {retention: {time: 15d}}}",
                "{exemplars: {max_exemplars: 5}}",
            ]),
        Row("configuration file/tracing", ["{}"], refused: ["{endpoint: 'a:4317'}"]),
        Row(
            "configuration file/otlp",
            [
                "{promote_resource_attributes: []}",
                "{keep_identifying_resource_attributes: false, label_name_underscore_sanitization: true}",
            ],
            refused: ["{promote_resource_attributes: [a]}", "{convert_histograms_to_nhcb: true}"]),
        Row("global/rule_query_offset", ["0s", "0", "0ms", "'0s'"], refused: ["1m", "soon"]),
        Row("global/query_log_file", ["''"], refused: ["a.log"]),
        Row(
            "remote_write/metadata_config",
            ["{send: false}", "{send: no, send_interval: 1m, max_samples_per_send: 500}", "{}", "{send: }"],
            refused: ["{send: true}", "{send_interval: 5m}", "{send: 'false'}"]),
        Row("remote_write/azuread", [""], refused: ["{}", "{cloud: AzurePublic}"]),
        Row("remote_write/google_iam", [""], refused: ["{}", "{credentials_file: a.json}"]),
        Row("remote_write/failed_request_logging", ["false", "off"], refused: ["true", "7"]),
        Row("remote_write/round_robin_dns", ["false", "no"], refused: ["true", "'false'"]),
        Row(
            "remote_write/protobuf_message", ["prometheus.WriteRequest"],
            refused: ["io.prometheus.write.v2.Request"]),
        Row("basic_auth/username_ref", ["''"], refused: ["a"]),
        Row("basic_auth/password_ref", ["''"], refused: ["a"]),
        Row("authorization/credentials_ref", ["''"], refused: ["a"]),
        Row("oauth2/grant_type", ["''", "client_credentials"], refused: ["urn:x"]),
        Row("oauth2/client_secret_ref", ["''"], refused: ["a"]),
        // They mean something only beside a grant_type that is refused.
        Row("oauth2/client_certificate_key", ["a"], refused: []),
        Row("oauth2/client_certificate_key_file", ["a"], refused: []),
        Row("oauth2/client_certificate_key_ref", ["a"], refused: []),
        Row("oauth2/client_certificate_key_id", ["a"], refused: []),
        Row("oauth2/signature_algorithm", ["RS256"], refused: []),
        Row("oauth2/iss", ["a"], refused: []),
        Row("oauth2/audience", ["a"], refused: []),
        Row("oauth2/claims", ["{a: b}"], refused: []),
        Row("tls_config/ca_ref", ["''"], refused: ["a"]),
        Row("tls_config/cert_ref", ["''"], refused: ["a"]),
        Row("tls_config/key_ref", ["''"], refused: ["a"]),
        Row("ecs_sd_configs/follow_redirects", ["true", "false"], refused: ["maybe", "'true'"]),
        Row("ecs_sd_configs/oauth2", ["{}"], refused: ["{client_id: a}"]),
        Row("aws_sd_configs/follow_redirects", ["true", "false"], refused: ["maybe"]),
        Row("aws_sd_configs/oauth2", ["{}"], refused: ["{client_id: a}"]),
    ]

    private func errors(_ row: Row, _ value: String) -> [String] {
        let parts = row.key.split(separator: "/").map(String.init)
        let line = "\(parts[1]): \(value)"
        let text =
            switch parts[0] {
            case "configuration file": line + "\n"
            case "global": "global:\n  \(line)\n"
            case "remote_write": destination(line)
            case "basic_auth": destination("basic_auth:\n  username: a\n  \(line)")
            case "authorization": destination("authorization:\n  credentials: a\n  \(line)")
            case "oauth2":
                destination(
                    "oauth2:\n  client_id: a\n  client_secret: b\n  token_url: http://a/\n  \(line)")
            case "tls_config": destination("tls_config:\n  server_name: a\n  \(line)")
            case "ecs_sd_configs": job("ecs_sd_configs:\n  - region: eu-west-1\n    \(line)")
            default: job("aws_sd_configs:\n  - role: ecs\n    \(line)")
            }
        return ConfigurationTests.errors(text)
    }

    @Test(arguments: rows) func whatAsksForNothingPasses(row: Row) {
        for value in row.harmless + ["", "null"] { #expect(errors(row, value) == [], "\(value)") }
    }

    @Test(arguments: rows) func whatAsksForSomethingIsRefusedByName(row: Row) {
        let name = row.key.split(separator: "/")[1]
        for value in row.refused {
            let found = errors(row, value)
            #expect(found.count == 1 && found[0].contains(": \(name) "), "\(value): \(found)")
        }
    }

    @Test func discoveriesThatDoNotExistPassWhenEmpty() {
        for refused in Schema.scrapeConfig.refused {
            #expect(ConfigurationTests.errors(job("\(refused.name): []")) == [])
            #expect(ConfigurationTests.errors(job("\(refused.name): [{}]")).count == 1, "\(refused.name)")
        }
    }

    @Test func everyRefusedKeyStandsInTheTable() {
        let known = Set(Self.rows.map(\.key))
        let all = Schema.all.filter { $0.name != "scrape_configs" }.flatMap { table in
            table.refused.map { "\(table.name)/\($0.name)" }
        }
        #expect(known == Set(all))
    }

    @Test func theStorageOfAServerIsSaidToBeThat() {
        let found = ConfigurationTests.errors("storage: {tsdb: {retention: {time: 15d}}}")
        #expect(
            found == [
                "1:1: storage configures the database of a Prometheus server, which an agent does not have;"
                    + " remove it. How much is kept until it is sent is set by the flags"
                    + " --storage.agent.retention.max-size and --storage.agent.retention.max-time"
            ])
    }
}
