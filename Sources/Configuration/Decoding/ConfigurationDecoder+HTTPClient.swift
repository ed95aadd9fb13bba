import Addresses

extension ConfigurationDecoder {
    /// The ways to authenticate that exclude one another, in every block that has them.
    static let authenticationKeys = [
        "basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file",
    ]

    /// Reads the keys of `Schema.httpClient` from a block whose table shares it, by the rules of Prometheus'
    /// HTTPClientConfig.Validate. `excluding`: further keys of the block that authenticate.
    func httpClient(
        _ reader: MappingReader, enablesHTTP2: Bool = true, excluding others: [String] = []
    ) -> HTTPClientOptions {
        _ = authenticationKeys(reader, others)
        var options = signedClient(reader, enablesHTTP2: enablesHTTP2)
        options.authentication = authentication(reader)
        options.followRedirects = reader.switchedOn("follow_redirects") ?? true
        return options
    }

    /// Those that are there; more than one is one too many.
    private func authenticationKeys(_ reader: MappingReader, _ others: [String] = []) -> [String] {
        let methods = (Self.authenticationKeys + others).filter { authenticates(reader, $0) }
        if methods.count > 1 {
            reader.report(
                methods[1],
                "at most one way to authenticate, but there are \(methods.joined(separator: ", "))")
        }
        return methods
    }

    /// For a block whose requests are signed all the same: in Prometheus too these leave an Authorization
    /// header alone that is there already. They are checked, and have no effect.
    func checkUnusedAuthentication(_ reader: MappingReader) {
        guard !authenticationKeys(reader).isEmpty else { return }
        _ = authentication(reader)
    }

    /// As in Prometheus a key without a value asks for nothing, nor does a token that is empty.
    private func authenticates(_ reader: MappingReader, _ key: String) -> Bool {
        // The reader keeps no value of a key that is refused (azuread), so the block itself is asked.
        guard Self.authenticationKeys.contains(key) else { return reader.node.entry(key)?.isNull == false }
        guard reader.has(key), let node = reader.value(key) else { return false }
        return !(key.hasPrefix("bearer_token") && node.scalarText == "")
    }

    /// The same without who asks and redirects, for a client whose requests are signed.
    func signedClient(_ reader: MappingReader, enablesHTTP2: Bool = false) -> HTTPClientOptions {
        var options = HTTPClientOptions()
        options.tls = reader.value("tls_config").map(tlsConfig) ?? options.tls
        options.proxy = proxy(reader)
        options.headers = httpHeaders(reader)
        options.enableHTTP2 = reader.switchedOn("enable_http2") ?? enablesHTTP2
        return options
    }

    private func authentication(_ reader: MappingReader) -> HTTPClientOptions.Authentication {
        if let node = reader.value("basic_auth") { return basicAuth(node) }
        if let node = reader.value("authorization") { return authorization(node) }
        // Blocks whose requests are signed have no such key.
        if reader.has("oauth2"), let node = reader.value("oauth2") {
            return oauth2(node).map { .oauth2($0) } ?? .none
        }
        if let token = filled(reader, "bearer_token") {
            return .authorization(type: "Bearer", credentials: .text(Secret(token)))
        }
        if let file = filled(reader, "bearer_token_file") {
            return .authorization(type: "Bearer", credentials: .file(resolved(file)))
        }
        return .none
    }

    private func basicAuth(_ node: YAMLNode) -> HTTPClientOptions.Authentication {
        guard let reader = MappingReader(node, Schema.basicAuth, sink) else { return .none }
        return .basic(username: source(reader, "username"), password: source(reader, "password"))
    }

    private func authorization(_ node: YAMLNode) -> HTTPClientOptions.Authentication {
        guard let reader = MappingReader(node, Schema.authorization, sink) else { return .none }
        let type = (reader.string("type") ?? "").trimmedSpaces
        if type.lowercased() == "basic" {
            reader.report("type", "the type of authorization cannot be basic; use basic_auth")
        } else if !type.isEmpty, !ReservedHeaders.isToken(type) {
            reader.report("type", "\(quoted(type)) is not an authentication scheme such as Bearer")
        }
        return .authorization(
            type: type.isEmpty ? "Bearer" : type, credentials: source(reader, "credentials"))
    }

    private func oauth2(_ node: YAMLNode) -> OAuth2Options? {
        guard let reader = MappingReader(node, Schema.oauth2, sink) else { return nil }
        let clientID = filled(reader, "client_id")
        if clientID == nil { reader.report("client_id", "oauth2 needs a client_id") }
        if filled(reader, "token_url") == nil { reader.report("token_url", "oauth2 needs a token_url") }
        var options = OAuth2Options(clientID: clientID ?? "", tokenURL: url(reader, "token_url") ?? "")
        options.clientSecret = source(reader, "client_secret")
        options.scopes = reader.strings("scopes", of: "strings").map(\.text)
        options.endpointParameters = reader.entries("endpoint_params", of: "names and values").compactMap {
            guard let text = $0.value.scalarText else {
                sink.report($0.value, "a value of endpoint_params must be a string")
                return nil
            }
            return .init(name: $0.name, value: $0.value.isNull ? "" : text)
        }
        options.tls = reader.value("tls_config").map(tlsConfig) ?? options.tls
        options.proxy = proxy(reader)
        return options
    }

    private func tlsConfig(_ node: YAMLNode) -> TLSOptions {
        var tls = TLSOptions()
        guard let reader = MappingReader(node, Schema.tlsConfig, sink) else { return tls }
        tls.authority = source(reader, "ca")
        tls.certificate = source(reader, "cert")
        tls.key = source(reader, "key")
        for (given, missing, other) in [
            ("cert", "key", tls.certificate != nil && tls.key == nil),
            ("key", "cert", tls.key != nil && tls.certificate == nil),
        ] where other {
            reader.report(
                reader.isPresent(given) ? given : "\(given)_file",
                "a client's \(given) without \(missing) or \(missing)_file: give both or neither")
        }
        tls.serverName = filled(reader, "server_name")
        if let name = tls.serverName, !isHostName(name) {
            reader.report("server_name", "\(quoted(name)) is not the name of a host")
            tls.serverName = nil
        }
        tls.insecureSkipVerify = reader.bool("insecure_skip_verify") ?? false
        let versions = TLSOptions.Version.allCases.map(\.rawValue)
        tls.minVersion = reader.choice("min_version", versions).flatMap { .init(rawValue: $0) }
        tls.maxVersion = reader.choice("max_version", versions).flatMap { .init(rawValue: $0) }
        if let max = tls.maxVersion, max.rawValue < (tls.minVersion ?? .tls12).rawValue {
            reader.report(
                "max_version",
                "max_version \(max.rawValue) is below min_version"
                    + " (\((tls.minVersion ?? .tls12).rawValue)\(tls.minVersion == nil ? " by default" : ""))"
            )
        }
        return tls
    }

    /// Whether `text` can take the place of a URL's host, as it does on the way to libcurl. A name beyond
    /// ASCII, brackets and zones cannot stand in a certificate.
    private func isHostName(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "%") }) else {
            return false
        }
        let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
        return HostPort(isIPv6 ? "[\(text)]" : text).map { $0.port == nil } ?? false
    }

    private func proxy(_ reader: MappingReader) -> ProxyOptions {
        var proxy = ProxyOptions()
        proxy.fromEnvironment = reader.bool("proxy_from_environment") ?? false
        proxy.noProxy = reader.string("no_proxy") ?? ""
        if let url = filled(reader, "proxy_url") {
            if let problem = ProxyAddress.problem(url) { reader.report("proxy_url", "proxy_url \(problem)") }
            proxy.url = Secret(url.hasPrefix("//") ? "http:\(url)" : url)
        }
        proxy.connectHeaders = connectHeaders(reader)
        if !proxy.connectHeaders.isEmpty, !proxy.fromEnvironment, proxy.url == nil {
            reader.report(
                "proxy_connect_header", "proxy_connect_header needs proxy_url or proxy_from_environment")
        }
        if proxy.fromEnvironment, proxy.url != nil {
            reader.report("proxy_url", "either proxy_url or proxy_from_environment, not both")
        }
        if proxy.fromEnvironment, !proxy.noProxy.isEmpty {
            reader.report(
                "no_proxy", "either no_proxy or proxy_from_environment, which takes NO_PROXY, not both")
        }
        if !proxy.fromEnvironment, reader.value("proxy_url") == nil, !proxy.noProxy.isEmpty {
            reader.report("no_proxy", "no_proxy without proxy_url has no meaning")
        }
        return proxy
    }

    private func connectHeaders(_ reader: MappingReader) -> [ProxyOptions.ConnectHeader] {
        reader.entries("proxy_connect_header", of: "header names and lists of values").compactMap { entry in
            guard ReservedHeaders.isToken(entry.name) else {
                sink.report(entry.key, "\(quoted(entry.name)) is not a header's name")
                return nil
            }
            return .init(name: entry.name, values: headerValues(entry.name, entry.value).map { Secret($0) })
        }
    }

    private func httpHeaders(_ reader: MappingReader) -> [HTTPClientOptions.Header] {
        var seen: Set<String> = []
        return reader.entries("http_headers", of: "header names and their values").compactMap { entry in
            if let problem = ReservedHeaders.problem(entry.name) {
                sink.report(entry.key, problem)
                return nil
            }
            guard seen.insert(entry.name.lowercased()).inserted else {
                sink.report(entry.key, "the header \(entry.name) stands twice; case makes no difference")
                return nil
            }
            if entry.value.isNull { return nil }
            guard let block = MappingReader(entry.value, Schema.httpHeaders, sink) else { return nil }
            return HTTPClientOptions.Header(
                name: entry.name,
                values: block.value("values").map { headerValues(entry.name, $0) } ?? [],
                secrets: (block.value("secrets").map { headerValues(entry.name, $0) } ?? []).map {
                    Secret($0)
                },
                files: block.strings("files", of: "paths").map { resolved($0.text) })
        }
    }

    /// A list of header values. They may be secrets: messages do not hold them.
    private func headerValues(_ name: String, _ node: YAMLNode) -> [String] {
        guard case .sequence(let items) = node.content else {
            sink.report(
                node, "the values of \(name) must be a list such as [a], but this is \(node.kindName)")
            return []
        }
        return items.compactMap { item in
            guard let text = item.scalarText, ReservedHeaders.isValue(text) else {
                sink.report(item, "a value of \(name) must be a string on one line")
                return nil
            }
            return item.isNull ? "" : text
        }
    }

    /// A text given as `key` or in the file of `key_file`; both are one too many.
    private func source(_ reader: MappingReader, _ key: String) -> TextSource? {
        let text = filled(reader, key)
        let file = filled(reader, "\(key)_file")
        if text != nil, file != nil {
            reader.report("\(key)_file", "at most one of \(key) and \(key)_file")
        }
        return text.map { .text(Secret($0)) } ?? file.map { .file(resolved($0)) }
    }

    func resolved(_ path: String) -> String { FilePath.resolve(path, from: folder) }
}

/// The rule for `proxy_url` and the proxies of the environment.
public enum ProxyAddress {
    /// Nil when `text` is a proxy's URL; else what is wrong. The message never holds the URL, which may have
    /// a password.
    public static func problem(_ text: String) -> String? {
        // Go takes a URL without a scheme for an HTTP proxy.
        if text.hasPrefix("//") { return problem("http:\(text)") }
        let schemes = ["http://", "https://", "socks5://", "socks5h://"]
        guard let scheme = schemes.first(where: { text.lowercased().hasPrefix($0) }) else {
            let list = "must begin with http://, https://, socks5:// or socks5h://"
            // Go reads what stands before the colon as the scheme, and no proxy is ever reached.
            return text.contains("://")
                ? list : "\(list); write http:// before the host, without which Prometheus reaches no proxy"
        }
        // Behind the scheme stands what an http URL has there.
        guard text.utf8.allSatisfy({ $0 < 0x80 }),
            let url = HTTPURL("http://\(text.dropFirst(scheme.count))"),
            !url.hasEmptyPort
        else { return "has no host and port that can be connected to" }
        return nil
    }

    /// `text` with the scheme that the environment may leave out; nil when it is no proxy's URL.
    public static func completed(_ text: String) -> String? {
        if text.hasPrefix("//") { return completed("http:\(text)") }
        if problem(text) == nil { return text }
        let whole = "http://\(text)"
        return problem(whole) == nil ? whole : nil
    }
}

extension String {
    /// Without spaces and tabs around it.
    fileprivate var trimmedSpaces: String {
        let kept = drop { $0 == " " || $0 == "\t" }
        return String(kept.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
