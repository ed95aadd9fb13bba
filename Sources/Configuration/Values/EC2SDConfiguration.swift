/// Instances of EC2: `ec2_sd_configs`, and `aws_sd_configs` with role ec2.
public struct EC2SDConfiguration: Sendable, Equatable {
    /// Takes the instances that have one of these values; of several filters all must hold.
    public struct Filter: Sendable, Equatable {
        /// As the API reference of DescribeInstances names it, for instance `tag:Team`.
        public var name: String
        /// Never empty.
        public var values: [String]

        public init(name: String, values: [String]) {
            self.name = name
            self.values = values
        }
    }

    public var region: String?
    /// Asked instead of the region's own EC2 endpoint.
    public var endpoint: String?
    public var refreshIntervalMs: Int64
    public var accessKey: String?
    public var secretKey: String?
    /// A profile of the shared credentials files.
    public var profile: String?
    /// Assumed before EC2 is asked, for instance in another account.
    public var roleARN: String?
    public var externalID: String?
    /// Of every target.
    public var port: Int
    public var filters: [Filter]
    /// How AWS is reached: TLS, proxies, more headers. Never who asks: that is the signature's.
    public var http: HTTPClientOptions

    public init(
        region: String? = nil, endpoint: String? = nil, refreshIntervalMs: Int64 = 60_000,
        accessKey: String? = nil, secretKey: String? = nil, profile: String? = nil, roleARN: String? = nil,
        externalID: String? = nil, port: Int = 80, filters: [Filter] = [],
        http: HTTPClientOptions = HTTPClientOptions(enableHTTP2: false)
    ) {
        self.region = region
        self.endpoint = endpoint
        self.refreshIntervalMs = refreshIntervalMs
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.profile = profile
        self.roleARN = roleARN
        self.externalID = externalID
        self.port = port
        self.filters = filters
        self.http = http
    }
}

extension EC2SDConfiguration: CustomStringConvertible, CustomReflectable {
    /// Nothing to see for `dump` and the like, which would show the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Without the secret.
    public var description: String {
        "ec2_sd(region: \(region ?? "default"), endpoint: \(endpoint ?? "default"), port: \(port))"
    }
}
