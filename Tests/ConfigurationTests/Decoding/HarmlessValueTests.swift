import Testing

@testable import Configuration

/// Every key that is refused or ignored, with values that ask for nothing, of which nothing is said, and
/// values that ask for something.
@Suite struct HarmlessValueTests {
    struct Row: Sendable {
        /// The block and the key as in the schema, with a slash between.
        let key: String
        let harmless: [String]
        let refused: [String]
        /// Values that are accepted and told of as having no effect.
        let told: [String]

        init(_ key: String, _ harmless: [String], refused: [String] = [], told: [String] = []) {
            self.key = key
            self.harmless = harmless
            self.refused = refused
            self.told = told
        }
    }

    static let rows: [Row] =
        [
            Row("configuration file/runtime", ["{gogc: 75}", "{}"], refused: ["7"], told: ["{gogc: 50}"]),
            Row(
                "configuration file/alerting",
                [
                    "{}", "{alertmanagers: []}", "{alertmanagers: [{static_configs: [{targets: }]}]}",
                    "{alertmanagers: [{scheme: https, static_configs: []}], alert_relabel_configs: [{}]}",
                ],
                refused: ["[a]", "{alertmanager: [{}]}"],
                told: [
                    "{alertmanagers: [{static_configs: [{targets: [a:9093]}]}]}",
                    "{alertmanagers: [{dns_sd_configs: [{names: [a]}]}]}",
                    "{alertmanagers: [{kubernetes_sd_configs: [{}]}]}", "{alertmanagers: [{}]}",
                ]),
            Row("configuration file/rule_files", ["[]"], refused: ["a.yml"], told: ["[a.yml]"]),
            Row(
                "configuration file/remote_read", ["[]"], refused: ["{url: 'http://a/'}"],
                told: ["[{url: 'http://a/'}]"]),
            Row(
                "storage/exemplars", ["{max_exemplars: 100000}", "{}"], refused: ["5"],
                told: ["{max_exemplars: 5}"]),
            Row("tsdb/retention", ["{}"], refused: ["15d", "{tim: 15d}"], told: ["{time: 15d}"]),
            Row("tsdb/stale_series_compaction_threshold", ["0"], told: ["1"]),
            Row("tsdb/outofordertimewindow", ["0"], told: ["1800000"]),
            Row("configuration file/tracing", ["{}"], refused: ["a:4317"], told: ["{endpoint: 'a:4317'}"]),
            Row(
                "configuration file/otlp",
                [
                    "{promote_resource_attributes: []}",
                    "{keep_identifying_resource_attributes: false, label_name_underscore_sanitization: true}",
                ],
                told: ["{promote_resource_attributes: [a]}", "{convert_histograms_to_nhcb: true}"]),
            Row(
                "global/rule_query_offset", ["0s", "0", "0ms", "'0s'"], refused: ["[1m]", "soon"],
                told: ["1m"]),
            Row("global/query_log_file", ["''"], told: ["a.log"]),
            Row("global/evaluation_interval", [], refused: ["soon"], told: ["15s", "1m"]),
            Row("global/keep_dropped_targets", ["0"], refused: ["-1"], told: ["5"]),
            Row("queue_config/capacity", [], refused: ["many"], told: ["10000", "5"]),
            Row("remote_write/azuread", [""], refused: ["{}", "{cloud: AzurePublic}"]),
            Row("remote_write/google_iam", [""], refused: ["{}", "{credentials_file: a.json}"]),
            Row("basic_auth/username_ref", ["''"], refused: ["a"]),
            Row("basic_auth/password_ref", ["''"], refused: ["a"]),
            Row("authorization/credentials_ref", ["''"], refused: ["a"]),
            Row("oauth2/grant_type", ["''", "client_credentials"], refused: ["urn:x"]),
            Row("oauth2/client_secret_ref", ["''"], refused: ["a"]),
            // They mean something only beside a grant_type that is refused.
            Row("oauth2/client_certificate_key", [], told: ["a"]),
            Row("oauth2/client_certificate_key_file", [], told: ["a"]),
            Row("oauth2/client_certificate_key_ref", [], told: ["a"]),
            Row("oauth2/client_certificate_key_id", [], told: ["a"]),
            Row("oauth2/signature_algorithm", [], told: ["RS256"]),
            Row("oauth2/iss", [], told: ["a"]),
            Row("oauth2/audience", [], told: ["a"]),
            Row("oauth2/claims", [], told: ["{a: b}"]),
            Row("oauth2/http_headers", ["{}"], refused: ["{X-A: {values: [b]}}"]),
            Row("tls_config/ca_ref", ["''"], refused: ["a"]),
            Row("tls_config/cert_ref", ["''"], refused: ["a"]),
            Row("tls_config/key_ref", ["''"], refused: ["a"]),
        ] + ["ecs_sd_configs", "ec2_sd_configs", "aws_sd_configs"].flatMap(ofAWS)
        + ["ecs_sd_configs", "aws_sd_configs"].map {
            Row("\($0)/request_concurrency", [], refused: ["0"], told: ["5"])
        }

    private static func ofAWS(_ block: String) -> [Row] {
        [
            Row("\(block)/oauth2", ["{}"], refused: ["{client_id: a}"]),
            Row("\(block)/follow_redirects", [], refused: ["maybe", "'true'"], told: ["true", "false"]),
            Row("\(block)/basic_auth", [], told: ["{username: a, password: b}"]),
            Row("\(block)/authorization", [], told: ["{credentials: geheim}"]),
            Row("\(block)/bearer_token", ["''"], told: ["geheim"]),
            Row("\(block)/bearer_token_file", ["''"], told: ["a"]),
        ]
    }

    /// A file with the row's key.
    private func text(_ row: Row, _ value: String) -> String {
        let parts = row.key.split(separator: "/").map(String.init)
        let line = "\(parts[1]): \(value)"
        return switch parts[0] {
        case "configuration file": line + "\n"
        case "storage": "storage:\n  \(line)\n"
        case "tsdb": "storage:\n  tsdb:\n    \(line)\n"
        case "global": "global:\n  \(line)\n"
        case "remote_write": destination(line)
        case "queue_config": destination("queue_config:\n  \(line)")
        case "basic_auth": destination("basic_auth:\n  username: a\n  \(line)")
        case "authorization": destination("authorization:\n  credentials: a\n  \(line)")
        case "oauth2":
            destination("oauth2:\n  client_id: a\n  client_secret: b\n  token_url: http://a/\n  \(line)")
        case "tls_config": destination("tls_config:\n  server_name: a\n  \(line)")
        case "ecs_sd_configs", "ec2_sd_configs": job("\(parts[0]):\n  - region: eu-west-1\n    \(line)")
        default: job("aws_sd_configs:\n  - role: ecs\n    \(line)")
        }
    }

    @Test(arguments: rows) func whatAsksForNothingPasses(row: Row) throws {
        for value in row.harmless + ["", "null"] {
            #expect(errors(text(row, value)) == [], "\(value)")
            #expect(try load(text(row, value)).ignored == [], "\(value)")
        }
    }

    @Test(arguments: rows) func whatAsksForSomethingIsRefusedByName(row: Row) {
        let name = row.key.split(separator: "/")[1]
        for value in row.refused {
            let found = errors(text(row, value))
            #expect(found.count == 1 && found[0].contains(": \(name) "), "\(value): \(found)")
        }
    }

    @Test(arguments: rows) func whatHasNoEffectIsToldOfOnce(row: Row) throws {
        let path = row.key.split(separator: "/").joined(separator: ".")
        for value in row.told {
            let found = try load(text(row, value)).ignored
            #expect(found.count == 1, "\(value): \(found)")
            #expect(found.allSatisfy { "configuration file.\($0.key)".hasSuffix(path) }, "\(value): \(found)")
            #expect(!found.contains { "\($0)".contains("geheim") })
        }
    }

    @Test func discoveriesThatDoNotExistPassWhenEmpty() {
        for refused in Schema.scrapeConfig.refused {
            #expect(errors(job("\(refused.name): []")) == [])
            #expect(errors(job("\(refused.name): [{}]")).count == 1, "\(refused.name)")
        }
    }

    @Test func everyKeyWithoutEffectStandsInTheTable() {
        let known = Set(Self.rows.map(\.key))
        let all = Schema.all.flatMap { table in
            table.refused.filter { _ in table.name != "scrape_configs" }.map { "\(table.name)/\($0.name)" }
                + table.ignored.filter { _ in table.name != "scrape_configs" }.map {
                    "\(table.name)/\($0.name)"
                }
        }
        #expect(known == Set(all))
    }
}
