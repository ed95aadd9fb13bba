/// How an HTTP client presents itself and connects: what Prometheus takes wherever it takes an HTTP client's
/// configuration. Paths are resolved.
public struct HTTPClientOptions: Sendable, Hashable {
    /// At most one way to say who asks.
    public enum Authentication: Sendable, Hashable {
        case none
        case basic(username: TextSource?, password: TextSource?)
        /// An Authorization header: a scheme such as `Bearer`, and what follows it.
        case authorization(type: String, credentials: TextSource?)
        case oauth2(OAuth2Options)
    }

    /// A header sent with every request, once for each value.
    public struct Header: Sendable, Hashable {
        public var name: String
        public var values: [String]
        public var secrets: [Secret]
        /// Each holds one value.
        public var files: [String]

        public init(name: String, values: [String] = [], secrets: [Secret] = [], files: [String] = []) {
            self.name = name
            self.values = values
            self.secrets = secrets
            self.files = files
        }
    }

    public var authentication: Authentication
    public var tls: TLSOptions
    public var proxy: ProxyOptions
    public var headers: [Header]
    public var followRedirects: Bool
    /// HTTP/2 is offered where TLS is spoken.
    public var enableHTTP2: Bool

    public init(
        authentication: Authentication = .none, tls: TLSOptions = TLSOptions(),
        proxy: ProxyOptions = ProxyOptions(), headers: [Header] = [], followRedirects: Bool = true,
        enableHTTP2: Bool = true
    ) {
        self.authentication = authentication
        self.tls = tls
        self.proxy = proxy
        self.headers = headers
        self.followRedirects = followRedirects
        self.enableHTTP2 = enableHTTP2
    }

    /// Requests go out as they are: what is left is whether to follow redirects and to offer HTTP/2, which a
    /// request says for itself.
    public var addsNothing: Bool {
        self == HTTPClientOptions(followRedirects: followRedirects, enableHTTP2: enableHTTP2)
    }
}
