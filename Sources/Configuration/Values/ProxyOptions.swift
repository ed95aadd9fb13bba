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
