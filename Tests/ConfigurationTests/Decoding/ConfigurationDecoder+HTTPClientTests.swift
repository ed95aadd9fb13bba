import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderHTTPClientTests {
    @Test func everyKeyIsRead() throws {
        let options = try #require(
            try load(
                job(
                    """
                    oauth2:
                      client_id: id
                      client_secret_file: secret
                      scopes: [a, b]
                      token_url: https://auth/token
                      endpoint_params: {audience: x}
                      tls_config: {ca: PEM}
                      proxy_from_environment: true
                    tls_config:
                      ca_file: ca.pem
                      cert: CERT
                      key_file: /abs/key.pem
                      server_name: inside.example
                      insecure_skip_verify: true
                      min_version: TLS11
                      max_version: TLS13
                    proxy_url: http://u:p@proxy:3128
                    no_proxy: a,b
                    proxy_connect_header: {X-C: [one, two]}
                    follow_redirects: false
                    enable_http2: false
                    http_headers:
                      X-A: {values: [v], secrets: [s], files: [f]}
                    """)
            ).scrapeConfigs.first?.http)
        #expect(
            options
                == HTTPClientOptions(
                    authentication: .oauth2(
                        OAuth2Options(
                            clientID: "id", clientSecret: .file("conf/secret"), scopes: ["a", "b"],
                            tokenURL: "https://auth/token",
                            endpointParameters: [.init(name: "audience", value: "x")],
                            tls: TLSOptions(authority: .text(Secret("PEM"))),
                            proxy: ProxyOptions(fromEnvironment: true))),
                    tls: TLSOptions(
                        authority: .file("conf/ca.pem"), certificate: .text(Secret("CERT")),
                        key: .file("/abs/key.pem"), serverName: "inside.example", insecureSkipVerify: true,
                        minVersion: .tls11, maxVersion: .tls13),
                    proxy: ProxyOptions(
                        url: Secret("http://u:p@proxy:3128"), noProxy: "a,b",
                        connectHeaders: [.init(name: "X-C", values: [Secret("one"), Secret("two")])]),
                    headers: [
                        .init(name: "X-A", values: ["v"], secrets: [Secret("s")], files: ["conf/f"])
                    ],
                    followRedirects: false, enableHTTP2: false))
    }

    @Test(arguments: [
        (
            "basic_auth: {username: u, password_file: p}",
            HTTPClientOptions.Authentication.basic(
                username: .text(Secret("u")), password: .file("conf/p"))
        ),
        ("authorization: {credentials: c}", .authorization(type: "Bearer", credentials: .text(Secret("c")))),
        (
            "authorization: {type: ' Token ', credentials_file: c}",
            .authorization(
                type: "Token", credentials: .file("conf/c"))
        ),
        ("bearer_token: t", .authorization(type: "Bearer", credentials: .text(Secret("t")))),
        ("bearer_token_file: t", .authorization(type: "Bearer", credentials: .file("conf/t"))),
        // What asks for nothing is no second way.
        (
            "basic_auth:\noauth2:\nauthorization: {credentials: c}\nbearer_token: ''",
            .authorization(type: "Bearer", credentials: .text(Secret("c")))
        ),
    ])
    func waysToAuthenticate(lines: String, expected: HTTPClientOptions.Authentication) throws {
        #expect(try load(job(lines)).scrapeConfigs.first?.http.authentication == expected)
        #expect(try load(destination(lines)).remoteWrites.first?.http.authentication == expected)
    }

    @Test func remoteWriteSpeaksHTTP1UnlessToldOtherwise() throws {
        #expect(try load(destination("name: x")).remoteWrites.first?.http.enableHTTP2 == false)
        #expect(try load(destination("enable_http2: true")).remoteWrites.first?.http.enableHTTP2 == true)
        #expect(try load(job("scheme: https")).scrapeConfigs.first?.http.enableHTTP2 == true)
    }

    @Test(arguments: [
        (
            "basic_auth: {username: u}\nauthorization: {credentials: geheim}",
            "at most one way to authenticate"
        ),
        ("bearer_token: geheim\nbearer_token_file: f", "at most one way to authenticate"),
        ("basic_auth: {username: u, username_file: f}", "at most one of username and username_file"),
        ("basic_auth: {password: geheim, password_file: f}", "at most one of password and password_file"),
        ("authorization: {type: basic, credentials: geheim}", "use basic_auth"),
        ("authorization: {type: 'a b'}", "is not an authentication scheme"),
        ("authorization: {credentials_ref: x}", "has; use credentials_file"),
        ("oauth2: {token_url: 'http://a/'}", "oauth2 needs a client_id"),
        ("oauth2: {client_id: a}", "oauth2 needs a token_url"),
        ("oauth2: {client_id: a, token_url: 'ftp://a/'}", "token_url must begin with http"),
        (
            "oauth2: {client_id: a, token_url: 'http://a/', grant_type: urn:x}",
            "can only be client_credentials"
        ),
        ("tls_config: {cert_file: c}", "a client's cert without key or key_file"),
        ("tls_config: {key: geheim}", "a client's key without cert or cert_file"),
        ("tls_config: {ca: a, ca_file: b}", "at most one of ca and ca_file"),
        ("tls_config: {min_version: TLS9}", "min_version cannot be \"TLS9\""),
        ("tls_config: {max_version: TLS11}", "max_version TLS11 is below min_version (TLS12 by default)"),
        ("tls_config: {server_name: 'a/b'}", "is not the name of a host"),
        ("tls_config: {server_name: 'a:443'}", "is not the name of a host"),
        ("tls_config: {server_name: '${NAME}'}", "is not the name of a host"),
        ("tls_config: {server_name: '127.1'}", "is not the name of a host"),
        ("tls_config: {ca_fil: b}", "did you mean ca_file?"),
        ("proxy_url: proxy:3128", "write http:// before the host"),
        ("proxy_url: u:geheim@proxy.example:3128", "write http:// before the host"),
        ("proxy_url: 127.0.0.1:3128", "write http:// before the host"),
        ("proxy_url: ftp://proxy:21", "proxy_url must begin with"),
        ("proxy_url: //", "has no host and port"),
        ("proxy_url: http://u:geheim@", "has no host and port"),
        ("no_proxy: a", "no_proxy without proxy_url"),
        ("proxy_url: http://p\nproxy_from_environment: true", "not both"),
        ("no_proxy: a\nproxy_from_environment: true", "not both"),
        ("proxy_connect_header: {A: [geheim]}", "needs proxy_url or proxy_from_environment"),
        ("proxy_url: http://p\nproxy_connect_header: {A: geheim}", "must be a list"),
        ("http_headers: {Host: {values: [geheim]}}", "Host is a reserved header"),
        ("http_headers: {X-Prometheus-Scrape-Timeout-Seconds: {values: ['1']}}", "reserved header"),
        ("http_headers: {'a b': {values: [geheim]}}", "is not a header's name"),
        ("http_headers: {A: {secrets: [\"gehe\\nim\"]}}", "must be a string on one line"),
        ("http_headers: {A: {}, a: {}}", "stands twice"),
        ("http_headers: {A: {value: [b]}}", "did you mean values?"),
    ])
    func mistakesAreToldWithoutSecrets(lines: String, message: String) {
        let found = errors(job(lines))
        #expect(found.contains { $0.contains(message) }, "\(found)")
        #expect(!found.contains { $0.contains("gehe") })
    }

    /// Go takes a URL without a scheme for an HTTP proxy, but not a host without the two slashes.
    @Test func aProxyWithoutASchemeIsOneOfHTTP() throws {
        let options = try load(job("proxy_url: //u:p@proxy:3128")).scrapeConfigs.first?.http
        #expect(options?.proxy.url == Secret("http://u:p@proxy:3128"))
        #expect(ProxyAddress.completed("//proxy:3128") == "http://proxy:3128")
        #expect(ProxyAddress.completed("proxy:3128") == "http://proxy:3128")
        #expect(ProxyAddress.completed("ftp://proxy:3128") == nil)
    }

    /// As in Prometheus: a URL that is empty is one, and stands for no proxy.
    @Test func anEmptyProxyMayHaveExceptions() throws {
        let options = try load(job("proxy_url: ''\nno_proxy: a")).scrapeConfigs.first?.http
        #expect(options?.proxy.url == nil)
    }

    @Test func signingExcludesTheOthers() {
        let found = errors(
            destination("sigv4: {region: a-b}\noauth2: {client_id: a, token_url: 'http://a/'}"))
        #expect(
            found.contains { $0.contains("at most one way to authenticate, but there are oauth2, sigv4") })
    }

    @Test func aHeaderStandsInOnePlace() {
        let found = errors(destination("headers: {X-A: b}\nhttp_headers: {x-a: {values: [c]}}"))
        #expect(found.contains { $0.contains("stands in headers and in http_headers") })
    }

    @Test func secretsAreNeverShown() throws {
        let configuration = try load(
            job("basic_auth: {username: u, password: geheim}\nproxy_url: http://u:geheim@p:1"))
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!"\(configuration) \(dumped)".contains("geheim"))
        #expect("\(Secret("geheim"))" == "<secret>" && String(reflecting: Secret("geheim")) == "<secret>")
    }
}
