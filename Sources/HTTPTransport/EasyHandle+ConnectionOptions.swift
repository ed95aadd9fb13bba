import Addresses
internal import CCurl

extension EasyHandle {
    /// Lays `options` over what `prepare` has set. The lists and texts that libcurl does not copy are kept by
    /// the handle, in `applied`.
    func apply(_ options: HTTPConnectionOptions, url: String) throws(HTTPError) {
        let applied = AppliedConnection(url: url)
        try setLong(
            CURLOPT_HTTP_VERSION,
            Int(options.offersHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
        if url.prefix(8).lowercased() == "https://" { try applyTLS(options, url: url, applied) }
        if let path = options.unixSocketPath {
            try setText(CURLOPT_UNIX_SOCKET_PATH, path)
            try setText(CURLOPT_PROXY, "")
        } else {
            try applyProxy(options, url: url, applied)
        }
        self.applied = applied
    }

    private func applyTLS(
        _ options: HTTPConnectionOptions, url: String, _ applied: AppliedConnection
    ) throws(HTTPError) {
        let tls = options.tls
        let target = TLSPlace.target
        try verify(tls, target)
        try trust(tls, target)
        try present(tls, target)
        guard let name = tls.serverName, let origin = HTTPURL(url), origin.scheme == .https else { return }
        // libcurl names and verifies the URL's host, so the URL gets the name, and the connection goes to the
        // host that stood there.
        let named: HTTPURL
        do throws(AddressError) { named = try origin.with(host: name) } catch {
            throw HTTPError(.badRequest, "the server name for TLS \(error)")
        }
        try setText(CURLOPT_URL, named.text)
        applied.url = named.text
        let way = "\(named.writtenHost):\(named.port):\(origin.writtenHost):\(origin.port)"
        guard applied.connectTo.append(way) else {
            throw HTTPError(.other, "no memory for the connection's address")
        }
        try setList(CURLOPT_CONNECT_TO, applied.connectTo)
    }

    private func applyProxy(
        _ options: HTTPConnectionOptions, url: String, _ applied: AppliedConnection
    ) throws(HTTPError) {
        // Without this libcurl looks for NO_PROXY in the environment.
        try setText(CURLOPT_NOPROXY, "")
        guard let proxy = options.proxy else { return try setText(CURLOPT_PROXY, "") }
        // As in Go a SOCKS proxy resolves the names; libcurl means this by socks5h.
        let text =
            proxy.url.hasPrefix("socks5://")
            ? "socks5h://" + proxy.url.dropFirst("socks5://".count) : proxy.url
        try setText(CURLOPT_PROXY, text)
        try setLong(CURLOPT_PROXYPORT, Int(HTTPConnectionOptions.Proxy.port(proxy.url)))
        try setLong(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if proxy.url.prefix(8).lowercased() == "https://" {
            let tls = options.tls
            try verify(tls, TLSPlace.proxy)
            try trust(tls, TLSPlace.proxy)
            try present(tls, TLSPlace.proxy)
        }
        guard url.prefix(8).lowercased() == "https://", !proxy.connectHeaders.isEmpty else { return }
        for header in proxy.connectHeaders {
            let line = header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
            guard applied.connectHeaders.append(line) else {
                throw HTTPError(.other, "no memory for the proxy's headers")
            }
        }
        try setList(CURLOPT_PROXYHEADER, applied.connectHeaders)
    }

    private func verify(_ tls: HTTPConnectionOptions.TLS, _ place: TLSPlace) throws(HTTPError) {
        try setLong(place.verifyPeer, tls.skipsVerification ? 0 : 1)
        try setLong(place.verifyHost, tls.skipsVerification ? 0 : 2)
        let versions = [
            CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_TLSv1_2,
            CURL_SSLVERSION_TLSv1_3,
        ]
        let highest = [
            CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_2,
            CURL_SSLVERSION_MAX_TLSv1_3,
        ]
        var version = Int(versions[tls.minVersion.rawValue])
        if let max = tls.maxVersion { version |= Int(highest[max.rawValue]) }
        try setLong(place.version, version)
        // OpenSSL 3 does TLS 1.0 and 1.1 at its lowest security level only; who asks for them by name has it.
        if tls.minVersion < .tls12 { try setText(place.ciphers, "DEFAULT:@SECLEVEL=0") }
    }

    /// The authority given is the only one trusted; the system's do not count beside it.
    private func trust(_ tls: HTTPConnectionOptions.TLS, _ place: TLSPlace) throws(HTTPError) {
        guard let authority = tls.authority else { return }
        try setNothing(place.authorityFile)
        try setNothing(place.authorityFolder)
        try setBlob(place.authority, authority)
    }

    private func present(_ tls: HTTPConnectionOptions.TLS, _ place: TLSPlace) throws(HTTPError) {
        guard let certificate = tls.certificate, let key = tls.key else { return }
        // libcurl keeps connections apart by certificate and not by key. Text after the last PEM block is
        // passed over by OpenSSL and compared by libcurl.
        var hasher = Hasher()
        hasher.combine(key)
        try setBlob(place.certificate, certificate + Array("\nkey \(hasher.finalize())\n".utf8))
        try setText(place.certificateType, "PEM")
        try setBlob(place.key, key)
        try setText(place.keyType, "PEM")
    }

    // MARK: - Options of libcurl

    private func setLong(_ option: CURLoption, _ value: Int) throws(HTTPError) {
        try accepted(unsafe narthex_curl_set_long(pointer, option, value), option)
    }

    /// libcurl copies strings.
    private func setText(_ option: CURLoption, _ value: String) throws(HTTPError) {
        try accepted(unsafe narthex_curl_set_string(pointer, option, value), option)
    }

    private func setNothing(_ option: CURLoption) throws(HTTPError) {
        try accepted(unsafe narthex_curl_set_pointer(pointer, option, nil), option)
    }

    private func setBlob(_ option: CURLoption, _ bytes: [UInt8]) throws(HTTPError) {
        // Safety: libcurl copies before the call returns.
        let code = unsafe bytes.withUnsafeBytes {
            unsafe narthex_curl_set_blob(pointer, option, $0.baseAddress, $0.count)
        }
        try accepted(code, option)
    }

    private func setList(_ option: CURLoption, _ list: TextList) throws(HTTPError) {
        // Safety: the list lives in `applied`, which the handle keeps until it is configured anew.
        try accepted(unsafe narthex_curl_set_pointer(pointer, option, list.head), option)
    }

    private func accepted(_ code: CURLcode, _ option: CURLoption) throws(HTTPError) {
        guard code != CURLE_OK else { return }
        // Safety: curl_easy_strerror returns static text.
        let text = unsafe String(cString: curl_easy_strerror(code))
        throw HTTPError(.other, "libcurl refused its option \(option.rawValue): \(text)")
    }
}

/// Which of libcurl's two sets of TLS options: for the server, or for a proxy that is spoken to by TLS.
private struct TLSPlace {
    let verifyPeer, verifyHost, version, ciphers, authority, authorityFile, authorityFolder: CURLoption
    let certificate, certificateType, key, keyType: CURLoption

    static var target: TLSPlace {
        TLSPlace(
            verifyPeer: CURLOPT_SSL_VERIFYPEER, verifyHost: CURLOPT_SSL_VERIFYHOST,
            version: CURLOPT_SSLVERSION, ciphers: CURLOPT_SSL_CIPHER_LIST, authority: CURLOPT_CAINFO_BLOB,
            authorityFile: CURLOPT_CAINFO, authorityFolder: CURLOPT_CAPATH,
            certificate: CURLOPT_SSLCERT_BLOB, certificateType: CURLOPT_SSLCERTTYPE,
            key: CURLOPT_SSLKEY_BLOB, keyType: CURLOPT_SSLKEYTYPE)
    }

    static var proxy: TLSPlace {
        TLSPlace(
            verifyPeer: CURLOPT_PROXY_SSL_VERIFYPEER, verifyHost: CURLOPT_PROXY_SSL_VERIFYHOST,
            version: CURLOPT_PROXY_SSLVERSION, ciphers: CURLOPT_PROXY_SSL_CIPHER_LIST,
            authority: CURLOPT_PROXY_CAINFO_BLOB, authorityFile: CURLOPT_PROXY_CAINFO,
            authorityFolder: CURLOPT_PROXY_CAPATH, certificate: CURLOPT_PROXY_SSLCERT_BLOB,
            certificateType: CURLOPT_PROXY_SSLCERTTYPE, key: CURLOPT_PROXY_SSLKEY_BLOB,
            keyType: CURLOPT_PROXY_SSLKEYTYPE)
    }
}

/// What a handle keeps for the options it is configured with.
final class AppliedConnection {
    /// The URL as libcurl has it: with the server name for TLS in place of the host, where there is one.
    fileprivate(set) var url: String
    fileprivate let connectTo = TextList()
    fileprivate let connectHeaders = TextList()

    init(url: String) { self.url = url }
}

/// A list of libcurl's, freed with its last reference. Transfer thread only.
@safe private final class TextList {
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    deinit { unsafe curl_slist_free_all(head) }

    /// False when there is no memory.
    func append(_ line: String) -> Bool {
        guard let longer = unsafe curl_slist_append(head, line) else { return false }
        unsafe head = longer
        return true
    }
}
