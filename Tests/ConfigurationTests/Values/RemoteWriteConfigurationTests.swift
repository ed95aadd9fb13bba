import Testing

@testable import Configuration

/// Every key that an entry of `remote_write` has in Prometheus 3.14, one after the other: a value that is not
/// the default makes another configuration, or is told of, or is refused with a sentence, as the schema (and
/// by `SchemaTests` the page of keys) says of it.
@Suite struct RemoteWriteConfigurationTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let block: String
        let key: String
        let yaml: String
        /// What must stand beside it.
        var beside = ""

        var testDescription: String { "\(block): \(key)" }
    }

    static let rows: [Row] =
        [
            Row(block: "remote_write", key: "url", yaml: "http://other/w"),
            Row(block: "remote_write", key: "protobuf_message", yaml: "io.prometheus.write.v2.Request"),
            Row(block: "remote_write", key: "remote_timeout", yaml: "7s"),
            Row(block: "remote_write", key: "headers", yaml: "{X-Team: a}"),
            Row(
                block: "remote_write", key: "write_relabel_configs",
                yaml: "[{action: labeldrop, regex: a}]"),
            Row(block: "remote_write", key: "name", yaml: "main"),
            Row(block: "remote_write", key: "send_exemplars", yaml: "true"),
            Row(block: "remote_write", key: "send_native_histograms", yaml: "true"),
            Row(block: "remote_write", key: "round_robin_dns", yaml: "true"),
            Row(block: "remote_write", key: "sigv4", yaml: "{region: eu-west-1}"),
            Row(block: "remote_write", key: "azuread", yaml: "{cloud: AzurePublic}"),
            Row(block: "remote_write", key: "google_iam", yaml: "{credentials_file: a}"),
            Row(block: "remote_write", key: "queue_config", yaml: "{max_shards: 7}"),
            Row(block: "remote_write", key: "metadata_config", yaml: "{send_interval: 5m}"),
            Row(block: "remote_write", key: "failed_request_logging", yaml: "true"),
            Row(block: "HTTP client options", key: "basic_auth", yaml: "{username: a, password: b}"),
            Row(block: "HTTP client options", key: "authorization", yaml: "{credentials: a}"),
            Row(block: "HTTP client options", key: "bearer_token", yaml: "a"),
            Row(block: "HTTP client options", key: "bearer_token_file", yaml: "/run/a"),
            Row(
                block: "HTTP client options", key: "oauth2",
                yaml: "{client_id: a, client_secret: b, token_url: 'http://h/t'}"),
            Row(block: "HTTP client options", key: "follow_redirects", yaml: "false"),
            Row(block: "HTTP client options", key: "enable_http2", yaml: "true"),
            Row(block: "HTTP client options", key: "http_headers", yaml: "{X-A: {values: [b]}}"),
            Row(block: "TLS and proxy", key: "tls_config", yaml: "{insecure_skip_verify: true}"),
            Row(block: "TLS and proxy", key: "proxy_url", yaml: "http://proxy:1"),
            Row(
                block: "TLS and proxy", key: "no_proxy", yaml: "localhost",
                beside: "proxy_url: http://proxy:1"),
            Row(block: "TLS and proxy", key: "proxy_from_environment", yaml: "true"),
            Row(
                block: "TLS and proxy", key: "proxy_connect_header", yaml: "{X-A: [b]}",
                beside: "proxy_url: http://proxy:1"),
        ] + inside
    /// Keys within blocks; `block` is the key that they stand under.
    static let inside: [Row] =
        [
            ("region", "eu-west-1"), ("profile", "a"), ("role_arn", "arn:aws:iam::123456789012:role/a"),
            ("use_fips_sts_endpoint", "true"), ("service_name", "es"),
        ].map { Row(block: "sigv4", key: $0.0, yaml: $0.1) } + [
            Row(
                block: "sigv4", key: "external_id", yaml: "a",
                beside: "role_arn: 'arn:aws:iam::123456789012:role/a'"),
            Row(block: "sigv4", key: "access_key", yaml: "a", beside: "secret_key: b"),
            Row(block: "sigv4", key: "secret_key", yaml: "c", beside: "access_key: a"),
            Row(block: "queue_config", key: "capacity", yaml: "777"),
        ]
        + [
            ("max_shards", "7"), ("min_shards", "3"), ("max_samples_per_send", "77"),
            ("batch_send_deadline", "7s"), ("min_backoff", "70ms"), ("max_backoff", "7s"),
            ("retry_on_http_429", "false"), ("sample_age_limit", "7m"),
        ].map { Row(block: "queue_config", key: $0.0, yaml: $0.1) }
        + [("send", "false"), ("send_interval", "7m"), ("max_samples_per_send", "77")].map {
            Row(block: "metadata_config", key: $0.0, yaml: $0.1)
        }

    private func text(_ row: Row, with value: String?) -> String {
        var own = [row.beside, value.map { "\(row.key): \($0)" } ?? ""].filter { !$0.isEmpty }
        if ["sigv4", "queue_config", "metadata_config"].contains(row.block) {
            own = ["\(row.block): {\(own.joined(separator: ", "))}"]
        }
        if row.key != "url" || value == nil { own.append("url: 'http://h/w'") }
        return "remote_write: [{\(own.joined(separator: ", "))}]"
    }

    @Test(arguments: rows) func aKeyHasItsMeaning(row: Row) throws {
        let table = try #require(Schema.all.first { $0.name == row.block })
        let text = text(row, with: row.yaml)
        if let refused = table.refused.first(where: { $0.name == row.key }) {
            let found = errors(text)
            #expect(found.count == 1 && found[0].contains(refused.reason), "\(found)")
            return
        }
        let configuration = try load(text)
        let told = configuration.ignored.map(\.key)
        guard !table.ignored.contains(where: { $0.name == row.key }) else {
            #expect(told == [table.path(of: row.key)])
            return
        }
        #expect(told.isEmpty)
        // Keys of a pair stand together: another value of the one is compared.
        let isOfPair = row.beside.contains("_key")
        let other = try load(self.text(row, with: isOfPair ? "another" : nil))
        #expect(
            withoutPlaces(configuration.remoteWrites) != withoutPlaces(other.remoteWrites),
            "\(row.key) changes nothing")
    }

    private func withoutPlaces(_ writes: [RemoteWriteConfiguration]) -> [RemoteWriteConfiguration] {
        writes.map {
            var write = $0
            write.urlPlace = SettingPlace()
            return write
        }
    }

    /// The rows are all keys that there are.
    @Test func noKeyIsLeftOut() throws {
        for block in [
            "remote_write", "HTTP client options", "TLS and proxy", "sigv4", "queue_config",
            "metadata_config",
        ] {
            let keys = try #require(PrometheusKeys.blocks.first { $0.block == block }).keys
            #expect(Self.rows.filter { $0.block == block }.map(\.key).sorted() == keys.sorted(), "\(block)")
        }
    }
}
