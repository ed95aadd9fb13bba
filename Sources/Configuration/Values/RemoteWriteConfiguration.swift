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
    /// Where `url` stands.
    public var urlPlace = SettingPlace()
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
    /// Which message requests are.
    public var protobufMessage = ProtobufMessage.v1
    /// What is sent of metadata where requests are of 1.0.
    public var metadata = MetadataConfiguration()
    /// Whether each new connection goes to any of the addresses of the receiver's name.
    public var roundRobinDNS = false
    /// Whether names beyond the legacy characters are escaped; nil: for Amazon Managed Service for
    /// Prometheus.
    public var escapeUTF8Names: Bool?
    /// What it is sent at most.
    public var limits = DestinationLimits()
    /// Whether the log shows, at its level debug, what a request held that was not stored.
    public var logsFailedRequests = false
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

    /// Whether the name is the one made from the URL, as an entry without `name` has it.
    public var isUnnamed: Bool { name == Self.name(forURL: url) }

    /// FNV-1a (64 bits) of the URL in hexadecimal: the same on every machine and in every version.
    static func name(forURL url: String) -> String { FNV1a(url).hexadecimal }
}
