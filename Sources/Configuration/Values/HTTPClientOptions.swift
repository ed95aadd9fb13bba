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

/// Client credentials that buy a token: the `oauth2` block.
public struct OAuth2Options: Sendable, Hashable {
    public struct Parameter: Sendable, Hashable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public var clientID: String
    public var clientSecret: TextSource?
    public var scopes: [String]
    public var tokenURL: String
    /// Sent to the token's endpoint beside the rest; may hold secrets.
    public var endpointParameters: [Parameter]
    /// For the way to the token's endpoint.
    public var tls: TLSOptions
    public var proxy: ProxyOptions

    public init(
        clientID: String, clientSecret: TextSource? = nil, scopes: [String] = [], tokenURL: String,
        endpointParameters: [Parameter] = [], tls: TLSOptions = TLSOptions(),
        proxy: ProxyOptions = ProxyOptions()
    ) {
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.scopes = scopes
        self.tokenURL = tokenURL
        self.endpointParameters = endpointParameters
        self.tls = tls
        self.proxy = proxy
    }
}

extension OAuth2Options: CustomStringConvertible, CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Without secrets.
    public var description: String { "oauth2(client_id: \(clientID))" }
}

/// The `tls_config` block.
public struct TLSOptions: Sendable, Hashable {
    public enum Version: String, Sendable, CaseIterable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"
    }

    public var authority: TextSource?
    public var certificate: TextSource?
    public var key: TextSource?
    public var serverName: String?
    public var insecureSkipVerify: Bool
    /// nil is TLS 1.2, as in Go.
    public var minVersion: Version?
    public var maxVersion: Version?

    public init(
        authority: TextSource? = nil, certificate: TextSource? = nil, key: TextSource? = nil,
        serverName: String? = nil, insecureSkipVerify: Bool = false, minVersion: Version? = nil,
        maxVersion: Version? = nil
    ) {
        self.authority = authority
        self.certificate = certificate
        self.key = key
        self.serverName = serverName
        self.insecureSkipVerify = insecureSkipVerify
        self.minVersion = minVersion
        self.maxVersion = maxVersion
    }
}

/// Which proxy, and for which hosts none.
public struct ProxyOptions: Sendable, Hashable {
    /// Holds user and password where the proxy wants them.
    public var url: Secret?
    /// Hosts, domains, addresses and networks, separated by commas, that are connected to directly.
    public var noProxy: String
    /// HTTP_PROXY, HTTPS_PROXY and NO_PROXY say it, in capitals or not.
    public var fromEnvironment: Bool
    /// Sent to the proxy with CONNECT.
    public var connectHeaders: [ConnectHeader]
    /// Loopback and link-local addresses, where the metadata services that hand out credentials are, are
    /// connected to directly whatever the rest says.
    public var sparesLocal: Bool

    public struct ConnectHeader: Sendable, Hashable {
        public var name: String
        public var values: [Secret]

        public init(name: String, values: [Secret]) {
            self.name = name
            self.values = values
        }
    }

    public init(
        url: Secret? = nil, noProxy: String = "", fromEnvironment: Bool = false,
        connectHeaders: [ConnectHeader] = [], sparesLocal: Bool = false
    ) {
        self.url = url
        self.noProxy = noProxy
        self.fromEnvironment = fromEnvironment
        self.connectHeaders = connectHeaders
        self.sparesLocal = sparesLocal
    }
}
