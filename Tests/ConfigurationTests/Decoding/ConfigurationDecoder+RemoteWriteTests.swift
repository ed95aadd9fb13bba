import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderRemoteWriteTests {
    @Test func everyKeyIsRead() throws {
        let writes = try load(
            """
            remote_write:
              - url: https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write
                name: amp
                remote_timeout: 10s
                headers: {X-Tenant: a, X-Number: 5}
                sigv4: {region: eu-west-1, access_key: AKID, secret_key: hidden, profile: p, \
            service_name: aps}
                queue_config:
                  capacity: 1_000
                  max_shards: 0x10
                  min_shards: 2
                  max_samples_per_send: 5e2
                  batch_send_deadline: 1s
                  min_backoff: 1s
                  max_backoff: 1m
                  retry_on_http_429: false
                  sample_age_limit: 50m
            """
        ).remoteWrites
        #expect(
            writes == [
                RemoteWriteConfiguration(
                    url: "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
                    name: "amp", remoteTimeoutMs: 10_000,
                    headers: [.init(name: "X-Tenant", value: "a"), .init(name: "X-Number", value: "5")],
                    sigv4: SigV4Configuration(
                        region: "eu-west-1", accessKey: "AKID", secretKey: "hidden", profile: "p"),
                    queue: QueueConfiguration(
                        capacity: 1_000, maxShards: 16, minShards: 2, maxSamplesPerSend: 500,
                        batchSendDeadlineMs: 1_000, minBackoffMs: 1_000, maxBackoffMs: 60_000,
                        retryOnHTTP429: false, sampleAgeLimitMs: 3_000_000))
            ])
        #expect(!"\(writes)".contains("hidden"))
        var dumped = ""
        dump(writes, to: &dumped)
        #expect(!dumped.contains("hidden"))
    }

    @Test(arguments: [
        ("", ProtobufMessage.v1), ("protobuf_message: prometheus.WriteRequest", .v1),
        ("protobuf_message: io.prometheus.write.v2.Request", .v2), ("protobuf_message: auto", .auto),
    ])
    func messageIsRead(key: String, message: ProtobufMessage) throws {
        #expect(try load(destination(key)).remoteWrites[0].protobufMessage == message)
    }

    @Test func messageThatIsNoneIsRefused() {
        #expect(errors(destination("protobuf_message: v2")).first?.contains("Valid:") == true)
    }

    /// Whoever asks for exemplars where the host is one of AMP is told, once, that they are of no use there.
    @Test(
        arguments: [
            ("https://aps-workspaces.eu-west-1.amazonaws.com", ", send_exemplars: true", 1),
            ("https://vpce-1.aps-workspaces.eu-west-1.vpce.amazonaws.com", ", send_exemplars: true", 1),
            ("https://aps-workspaces.eu-west-1.amazonaws.com", ", send_exemplars: false", 0),
            ("https://aps-workspaces.eu-west-1.amazonaws.com", "", 0),
            ("https://receiver.example", ", send_exemplars: true", 0),
        ])
    func amazonIsKnownToTakeNoExemplars(host: String, key: String, count: Int) throws {
        let url = "\(host)/workspaces/ws-1/api/v1/remote_write"
        let configuration = try load("remote_write: [{url: '\(url)', sigv4: {region: eu-west-1}\(key)}]")
        let warnings = configuration.warnings
        #expect(warnings.count == count, "\(warnings)")
        #expect(warnings.allSatisfy { $0.line == 1 && $0.message.contains("does not support exemplars") })
        #expect(configuration.remoteWrites[0].sendExemplars == key.contains("true"), "the key has its way")
    }

    @Test func amazonIsNotKnownToTake20() throws {
        let url = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
        func warnings(_ message: String) throws -> Int {
            try load(
                "remote_write:\n- url: \(url)\n  sigv4: {region: eu-west-1}\n  protobuf_message: \(message)"
            ).warnings.count
        }
        #expect(try warnings("io.prometheus.write.v2.Request") == 1)
        #expect(try warnings("auto") == 0)
    }

    @Test func metadataAreSentUnlessTheyAreNotWanted() throws {
        #expect(try load(destination("")).remoteWrites[0].metadata == MetadataConfiguration())
        #expect(
            try load(
                destination("metadata_config: {send: false, send_interval: 5m, max_samples_per_send: 500}")
            ).remoteWrites[0].metadata
                == MetadataConfiguration(send: false, sendIntervalMs: 300_000, maxSamplesPerSend: 500))
        #expect(errors(destination("metadata_config: {max_samples_per_send: 0}")).count == 1)
    }

    @Test func namesAreStableAndUnique() throws {
        let name = try load(destination("")).remoteWrites[0].name
        #expect(try load(destination("remote_timeout: 5s")).remoteWrites[0].name == name)
        #expect(name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        // FNV-1a 64 of "a", from the algorithm's own test vectors.
        #expect(RemoteWriteConfiguration.name(forURL: "a") == "af63dc4c8601ec8c")
        let twice = errors("remote_write: [{url: 'http://a/b'}, {url: 'http://a/b'}]")
        #expect(twice.count == 1 && twice[0].contains("must be unique"))
        #expect(errors("remote_write: [{url: 'http://a/b'}, {url: 'http://a/b', name: other}]").isEmpty)
        #expect(errors("remote_write: [{url: 'http://a', name: x}, {url: 'http://b', name: x}]").count == 1)
    }

    @Test func anEmptySigV4BlockIsAskedAbout() throws {
        for lines in ["sigv4:", "sigv4:\nbasic_auth: {username: a}"] {
            let found = errors(destination(lines))
            #expect(found.count == 1 && found[0].contains("write sigv4: {}"), "\(found)")
            #expect(found.allSatisfy { $0.contains("or remove the key") }, "\(found)")
        }
        #expect(try load(destination("sigv4: {}")).remoteWrites[0].sigv4 == SigV4Configuration())
    }

    @Test(arguments: [
        ("aps-workspaces.eu-west-1.amazonaws.com", "us-east-1", 1),
        ("aps-workspaces.eu-west-1.amazonaws.com", "eu-west-1", 0),
        ("aps-workspaces-fips.us-gov-west-1.amazonaws.com", "us-gov-east-1", 1),
        ("vpce-1.aps-workspaces.eu-west-1.vpce.amazonaws.com", "eu-west-2", 1),
        ("proxy.example.com", "us-east-1", 0),
    ])
    func aRegionThatIsNotTheHostsIsWarnedOf(host: String, region: String, count: Int) throws {
        let url = "https://\(host)/workspaces/ws-1/api/v1/remote_write"
        let warnings = try load("remote_write:\n- url: \(url)\n  sigv4: {region: \(region)}").warnings
        #expect(warnings.count == count)
        #expect(warnings.allSatisfy { $0.line == 3 && $0.column == 19 && $0.message.contains(region) })
    }

    @Test func unsignedRequestsToAMPAreWarnedOf() throws {
        let host = "https://aps-workspaces.eu-west-1.amazonaws.com"
        let warnings = try load("remote_write: [{url: '\(host)/workspaces/ws-1/api/v1/remote_write'}]")
            .warnings
        #expect(warnings.count == 1 && warnings.first?.message.contains("add sigv4") == true)
    }

    @Test(arguments: [
        ("headers: {Authorization: geheim}", "made by sigv4"),
        ("headers: {Content-Type: geheim}", "reserved header"),
        ("headers: {X-Amz-Date: geheim}", "reserved header"),
        ("headers: {'a b': geheim}", "is not a header's name"),
        ("headers: {a: geheim, A: geheim}", "stands twice; case makes no difference"),
        ("headers: {a: \"geheim\\r\\nb: c\"}", "must be a string on one line"),
        ("headers: {a: [geheim]}", "must be a string on one line"),
        ("sigv4: {access_key: a}", "access_key without secret_key"),
        ("sigv4: {secret_key: geheim}", "secret_key without access_key"),
        ("sigv4: {secret_key: [geheim], access_key: a}", "secret_key must be a string"),
        ("sigv4: {region: '<aws-region>'}", "is not an AWS region"),
        ("sigv4: {role_arn: a}", "is not a role's ARN"),
        ("sigv4: [a]", "sigv4 takes a mapping"),
        ("queue_config: {capacity: 0}", "capacity must be a whole number from 1 to"),
        ("queue_config: {capacity: '5'}", "but this is a string"),
        ("queue_config: {capacity: 1.5}", "but this is a number"),
        ("queue_config: {capacity: 99999999999999999999}", "capacity must be a whole number"),
        ("queue_config: {min_shards: 60}", "min_shards (60) is larger than max_shards (50)"),
        ("queue_config: {min_backoff: 1m}", "min_backoff (1m) is longer than max_backoff (5s)"),
        ("queue_config: {batch_send_deadline: 0s}", "must be longer than 0"),
        ("remote_timeout: 0", "must be longer than 0"),
        ("write_relabel_configs: [{}]", "the action replace needs a target_label"),
        ("url: http://b", "\"url\" stands twice"),
    ])
    func impossibleValuesAreRefused(lines: String, message: String) {
        let found = errors(destination(lines))
        #expect(!found.isEmpty && found[0].contains(message), "\(found)")
        #expect(!found.contains { $0.contains("geheim") }, "\(found)")
    }

    @Test(arguments: ["{max_shards: 200}", "{max_shards: 1}", "{min_shards: 5, max_shards: 6}"])
    func shardsHaveAnEffectAndAreNotToldOf(queue: String) throws {
        #expect(try load(destination("queue_config: \(queue)")).ignored.isEmpty)
    }

    @Test func twoWaysToAuthenticateAreRefused() {
        let found = errors(destination("sigv4: {region: a-b}\nbasic_auth: {username: a}"))
        #expect(
            found.contains { $0.contains("at most one way to authenticate, but there are basic_auth, sigv4") }
        )
    }

    /// In Prometheus a block without a value is a nil pointer, which is no way to authenticate.
    @Test(arguments: ["azuread", "google_iam"])
    func aBlockOfAnotherCloudWithoutAValueIsNoWayToAuthenticate(key: String) {
        let ways = [
            "basic_auth: {username: a}", "authorization: {credentials: a}", "bearer_token: a",
            "oauth2: {client_id: a, client_secret: b, token_url: 'http://a/'}", "sigv4: {region: eu-west-1}",
        ]
        for way in ways {
            for null in ["", "~", "null"] {
                #expect(errors(destination("\(key): \(null)\n\(way)")) == [], "\(null) beside \(way)")
            }
            let found = errors(destination("\(key): {}\n\(way)"))
            #expect(found.contains { $0.contains(": \(key) ") }, "\(found)")
            #expect(found.contains { $0.contains("at most one way to authenticate") }, "\(found)")
        }
    }

    @Test(arguments: [
        ("batch_send_deadline: 1h, sample_age_limit: 1h", "(1h)", "(1h)", 41),
        ("batch_send_deadline: 2h, sample_age_limit: 5m", "(2h)", "(5m)", 41),
        ("sample_age_limit: 5s", "(5s by default)", "(5s)", 38),
    ])
    func aRequestThatWaitsUntilItsSamplesAreTooOldIsWarnedOf(
        queue: String, deadline: String, limit: String, column: Int
    ) throws {
        let found = try load(destination("queue_config: {\(queue)}")).warnings
        #expect(found.count == 1 && found[0].line == 3 && found[0].column == column, "\(found)")
        let words = "batch_send_deadline \(deadline) is not shorter than sample_age_limit \(limit): "
        #expect(found.allSatisfy { $0.message.hasPrefix(words) }, "\(found)")
    }

    @Test(arguments: [
        "batch_send_deadline: 59s, sample_age_limit: 1m", "sample_age_limit: 6s", "batch_send_deadline: 10h",
    ])
    func aRequestThatLeavesInTimeIsNotWarnedOf(queue: String) throws {
        #expect(try load(destination("queue_config: {\(queue)}")).warnings == [])
    }

    @Test(
        arguments: [
            ("batch_send_deadline: 55m", "55m"), ("batch_send_deadline: 54m", nil),
            // What is older than an hour is refused by AMP, whatever is configured.
            ("batch_send_deadline: 1h, sample_age_limit: 4h", "1h"),
            ("batch_send_deadline: 59m, sample_age_limit: 4h", nil),
            ("batch_send_deadline: 50m, sample_age_limit: 50m", "50m"),
        ] as [(queue: String, limit: String?)])
    func aRequestThatWaitsUntilAMPTakesItNoMoreIsWarnedOf(queue: String, limit: String?) throws {
        let url = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
        let found = try load(
            "remote_write:\n- url: \(url)\n  sigv4: {region: eu-west-1}\n  queue_config: {\(queue)}\n"
        ).warnings
        #expect(found.count == (limit == nil ? 0 : 1), "\(found)")
        #expect(found.allSatisfy { $0.message.contains("(\(limit ?? "")): a request that") }, "\(found)")
    }

    @Test(arguments: [
        ("<amp-endpoint>api/v1/remote_write", "must begin with http://"), ("http://", "has no host"),
        ("http://user:{geheim}@host/x", "url has a user or password with a character"),
        ("http://a b/", "percent-encoded"),
        ("http://host:0/x", "no port from 1 to 65535"), ("user:geheim@host", "must begin with http://"),
        ("http://host/x#y", "fragment"), ("https://aps-workspaces.<region>.amazonaws.com/x", "place holder"),
        ("http:///x", "has no host"), ("http://a/%zz", "two hexadecimal digits"),
        ("host:9090", "must begin with http://"),
        ("http://host:0/@geheim", "url has no port from 1 to 65535"),
        ("http://u:geheim%2@host/", "without two hexadecimal digits"),
        ("http://u:gehe/im@host/", "has no port"), ("http://u:geheim@/", "has no host"),
        ("http://host:0/x?token=geheim", "no port from 1 to 65535"),
        ("http://host/{x}?token=geheim", "place holder"), ("http://host?token=geheim#x", "fragment"),
        ("ftp://host/x?token=geheim", "must begin with http://"), ("http://host#geheim%", "two hexadecimal"),
    ])
    func badURLsAreRefusedWithoutSecrets(url: String, message: String) {
        let found = errors("remote_write: [{url: '\(url)'}]")
        #expect(found.count == 1 && found[0].contains(message), "\(found)")
        #expect(!found[0].contains("geheim"))
    }

    @Test func destinationsThatAreNoneAreRefused() {
        #expect(errors("remote_write: [~]")[0].contains("an empty entry in remote_write"))
        #expect(errors("remote_write: [{}]") == ["1:16: a destination in remote_write needs a url"])
        #expect(errors("remote_write: {url: a}")[0].contains("must be a list of destinations"))
    }

    @Test(
        arguments: [
            ("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1", "/workspaces/ws-1"),
            ("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/", "/workspaces/ws-1"),
            (
                "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/query",
                "/workspaces/ws-1"
            ),
            (
                "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write/",
                "/workspaces/ws-1"
            ),
            (
                "https://aps-workspaces.eu-west-1.amazonaws.com/api/v1/remote_write",
                "/workspaces/WORKSPACE_ID"
            ),
            ("https://aps-workspaces.eu-west-1.amazonaws.com", "/workspaces/WORKSPACE_ID"),
            ("https://APS-workspaces-fips.us-east-1.amazonaws.com/workspaces/ws-1", "/workspaces/ws-1"),
            (
                "https://vpce-1.aps-workspaces.eu-west-1.vpce.amazonaws.com/workspaces/ws-1",
                "/workspaces/ws-1"
            ),
            ("http://127.0.0.1:8080/workspaces/ws-demo", "/workspaces/ws-demo"),
        ])
    func theURLOfAWorkspaceIsRefusedWithTheRightOne(url: String, path: String) throws {
        let parts = url.split(separator: "/", maxSplits: 3)
        let right = "\(parts[0])//\(parts[1])\(path)/api/v1/remote_write"
        #expect(
            errors("remote_write: [{url: '\(url)'}]") == [
                "1:22: url is not where a workspace of Amazon Managed Service for Prometheus takes samples;"
                    + " write \(right)"
            ])
        #expect(errors("remote_write: [{url: '\(right)', sigv4: {region: eu-west-1}}]") == [])
    }

    @Test(arguments: [
        "http://127.0.0.1:9090/api/v1/write", "http://aps-workspaces.example.com/x",
        "http://host/workspaces/",
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write?a=b",
    ])
    func whatIsNoWorkspaceIsNotRefused(url: String) throws {
        #expect(errors("remote_write: [{url: '\(url)'}]") == [])
    }
}
