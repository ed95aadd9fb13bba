extension Schema {
    /// What stands in every block that configures an HTTP client.
    static let httpClient = KeyTable(
        "HTTP client options",
        [
            .init("basic_auth", "mapping"),
            .init("authorization", "mapping"),
            .init("bearer_token", "secret"),
            .init("bearer_token_file", "string"),
            .init("oauth2", "mapping"),
            .init("follow_redirects", "bool", "true"),
            .init("enable_http2", "bool", "true; false in remote_write"),
            .init("http_headers", "mapping of mapping"),
        ],
        shared: [transport])

    /// What `oauth2` has as well, for the way to the token's endpoint.
    static let transport = KeyTable(
        "TLS and proxy",
        [
            .init("tls_config", "mapping"),
            .init("proxy_url", "URL with user"),
            .init("no_proxy", "string"),
            .init("proxy_from_environment", "bool", "false"),
            .init("proxy_connect_header", "mapping of list of secret"),
        ])

    static let basicAuth = KeyTable(
        "basic_auth",
        [
            .init("username", "string"),
            .init("username_file", "string"),
            .init("password", "secret"),
            .init("password_file", "string"),
        ],
        refused: [reference("username_ref", "username_file"), reference("password_ref", "password_file")])

    static let authorization = KeyTable(
        "authorization",
        [
            .init("type", "string", "Bearer"),
            .init("credentials", "secret"),
            .init("credentials_file", "string"),
        ],
        refused: [reference("credentials_ref", "credentials_file")])

    static let oauth2 = KeyTable(
        "oauth2",
        [
            .init("client_id", "string"),
            .init("client_secret", "secret"),
            .init("client_secret_file", "string"),
            .init("scopes", "list of string"),
            .init("token_url", "URL"),
            .init("endpoint_params", "mapping of string"),
        ],
        refused: [
            .init(
                "grant_type", harmless: .texts(["", "client_credentials"]),
                reason: "can only be client_credentials: this version of Narthex asks for tokens with"
                    + " client_id and client_secret, not with a signed JWT"),
            reference("client_secret_ref", "client_secret_file"),
            .init(
                "http_headers",
                reason: "is not sent to the token's endpoint by this version of Narthex; parameters go into"
                    + " endpoint_params"),
        ],
        ignored: ofTheJWTGrant.map {
            .init(
                $0,
                says: "has no effect: as in Prometheus it means something only with the grant_type"
                    + " urn:ietf:params:oauth:grant-type:jwt-bearer")
        },
        shared: [transport])

    static let tlsConfig = KeyTable(
        "tls_config",
        [
            .init("ca", "string"),
            .init("ca_file", "string"),
            .init("cert", "string"),
            .init("cert_file", "string"),
            .init("key", "secret"),
            .init("key_file", "string"),
            .init("server_name", "string"),
            .init("insecure_skip_verify", "bool", "false"),
            .init("min_version", "TLS10, TLS11, TLS12 or TLS13", "TLS12"),
            .init("max_version", "TLS10, TLS11, TLS12 or TLS13"),
        ],
        refused: ["ca", "cert", "key"].map { reference("\($0)_ref", "\($0)_file") })

    static let httpHeaders = KeyTable(
        "http_headers",
        [
            .init("values", "list of string"),
            .init("secrets", "list of secret"),
            .init("files", "list of string"),
        ])

    /// A key that names a secret in a manager of secrets: the library has it for programs that bring one.
    private static func reference(_ name: String, _ instead: String) -> KeyTable.Refused {
        .init(
            name, harmless: .texts([""]),
            reason: "names a secret in a manager of secrets, which neither Prometheus nor Narthex has; use"
                + " \(instead)")
    }

    /// Prometheus uses these with the grant type `urn:ietf:params:oauth:grant-type:jwt-bearer` alone, which
    /// is refused.
    private static let ofTheJWTGrant = [
        "client_certificate_key", "client_certificate_key_file", "client_certificate_key_ref",
        "client_certificate_key_id", "signature_algorithm", "iss", "audience", "claims",
    ]

    /// The tables of this file.
    static let httpClientTables = [
        httpClient, transport, basicAuth, authorization, oauth2, tlsConfig, httpHeaders,
    ]
}
