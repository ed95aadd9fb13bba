import Platform
public import Relabel

/// One destination: an entry of `remote_write`.
public struct RemoteWriteConfiguration: Sendable, Equatable {
    /// A request header.
    public struct HeaderField: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public var url: String
    /// The name given, else 16 hexadecimal digits made from the URL. Unique; the durable cursor goes by it.
    public var name: String
    public var remoteTimeoutMs: Int64
    /// Sent with every request, in the order of the file.
    public var headers: [HeaderField]
    /// nil: requests are not signed.
    public var sigv4: SigV4Configuration?
    /// Applied to every series on its way to this destination: `write_relabel_configs`.
    public var writeRelabelRules: RelabelRules
    public var queue: QueueConfiguration
    /// Whether exemplars are sent beside their samples.
    public var sendExemplars: Bool
    /// Whether native histograms are sent; where not, they are dropped with a count.
    public var sendNativeHistograms: Bool
    /// Whether those of custom buckets are among them, for which the specification of remote write 1.0 has no
    /// place.
    public var sendCustomBuckets: Bool
    /// How the receiver is reached and who asks, where that is not sigv4.
    public var http: HTTPClientOptions

    public init(
        url: String, name: String? = nil, remoteTimeoutMs: Int64 = 30_000, headers: [HeaderField] = [],
        sigv4: SigV4Configuration? = nil, writeRelabelRules: RelabelRules = RelabelRules(),
        queue: QueueConfiguration = QueueConfiguration(),
        sendExemplars: Bool = false, sendNativeHistograms: Bool = false,
        sendCustomBuckets: Bool = false,
        http: HTTPClientOptions = HTTPClientOptions(enableHTTP2: false)
    ) {
        self.url = url
        self.name = name ?? Self.name(forURL: url)
        self.remoteTimeoutMs = remoteTimeoutMs
        self.headers = headers
        self.sigv4 = sigv4
        self.writeRelabelRules = writeRelabelRules
        self.queue = queue
        self.sendExemplars = sendExemplars
        self.sendNativeHistograms = sendNativeHistograms
        self.sendCustomBuckets = sendCustomBuckets
        self.http = http
    }

    /// FNV-1a (64 bits) of the URL in hexadecimal: the same on every machine and in every version.
    static func name(forURL url: String) -> String { FNV1a(url).hexadecimal }
}

/// How requests to AWS are signed: the `sigv4` block.
public struct SigV4Configuration: Sendable, Equatable {
    public var region: String?
    /// Given with `secretKey` or not at all.
    public var accessKey: String?
    public var secretKey: String?
    /// A profile of the shared credentials files.
    public var profile: String?
    public var roleARN: String?
    public var externalID: String?
    public var serviceName: String
    public var useFIPSSTSEndpoint: Bool

    public init(
        region: String? = nil, accessKey: String? = nil, secretKey: String? = nil, profile: String? = nil,
        roleARN: String? = nil, externalID: String? = nil, serviceName: String = "aps",
        useFIPSSTSEndpoint: Bool = false
    ) {
        self.region = region
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.profile = profile
        self.roleARN = roleARN
        self.externalID = externalID
        self.serviceName = serviceName
        self.useFIPSSTSEndpoint = useFIPSSTSEndpoint
    }
}

extension SigV4Configuration: CustomStringConvertible, CustomReflectable {
    /// Nothing to see for `dump` and the like, which would show the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Without the secret.
    public var description: String {
        "sigv4(region: \(region ?? "default"), service: \(serviceName), "
            + "access key: \(accessKey ?? "default"))"
    }
}

/// How samples are batched and retried: the `queue_config` block.
public struct QueueConfiguration: Sendable, Equatable {
    /// Samples held for one shard while its requests are on the way.
    public var capacity: Int
    public var maxShards: Int
    public var minShards: Int
    public var maxSamplesPerSend: Int
    public var batchSendDeadlineMs: Int64
    public var minBackoffMs: Int64
    public var maxBackoffMs: Int64
    /// True by default, unlike Prometheus: a dropped batch helps nobody.
    public var retryOnHTTP429: Bool
    /// Samples older than this are dropped rather than sent; 0 sends whatever is kept.
    public var sampleAgeLimitMs: Int64

    public init(
        capacity: Int = 10_000, maxShards: Int = 50, minShards: Int = 1, maxSamplesPerSend: Int = 5_000,
        batchSendDeadlineMs: Int64 = 5_000, minBackoffMs: Int64 = 30, maxBackoffMs: Int64 = 5_000,
        retryOnHTTP429: Bool = true, sampleAgeLimitMs: Int64 = 0
    ) {
        self.capacity = capacity
        self.maxShards = maxShards
        self.minShards = minShards
        self.maxSamplesPerSend = maxSamplesPerSend
        self.batchSendDeadlineMs = batchSendDeadlineMs
        self.minBackoffMs = minBackoffMs
        self.maxBackoffMs = maxBackoffMs
        self.retryOnHTTP429 = retryOnHTTP429
        self.sampleAgeLimitMs = sampleAgeLimitMs
    }
}
