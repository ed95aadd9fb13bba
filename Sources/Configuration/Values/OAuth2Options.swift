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
