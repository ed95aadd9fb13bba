internal import CCurl

/// What libcurl's own parser makes of a URL, with the flags that a transfer has.
struct LibcurlReading: Equatable {
    let scheme: String
    let hasUser: Bool
    let host: String
    let port: String?
    let path: String
    let query: String?
    let zone: String?

    /// Nil when libcurl refuses it.
    init?(_ url: String) {
        // A C string ends there.
        guard !url.utf8.contains(0), let handle = unsafe curl_url() else { return nil }
        defer { unsafe curl_url_cleanup(handle) }
        let flags = UInt32(CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS)
        guard unsafe curl_url_set(handle, CURLUPART_URL, url, flags) == CURLUE_OK else { return nil }
        func part(_ what: CURLUPart) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            // Safety: the text is copied and freed here.
            guard unsafe curl_url_get(handle, what, &text, 0) == CURLUE_OK, let text = unsafe text else {
                return nil
            }
            defer { unsafe curl_free(text) }
            return unsafe String(cString: text)
        }
        guard let scheme = part(CURLUPART_SCHEME), let host = part(CURLUPART_HOST),
            let path = part(CURLUPART_PATH)
        else { return nil }
        self.scheme = scheme
        self.host = host
        self.path = path
        hasUser = part(CURLUPART_USER) != nil
        port = part(CURLUPART_PORT)
        query = part(CURLUPART_QUERY)
        zone = part(CURLUPART_ZONEID)
    }
}

/// Where libcurl goes when a Location header names a URL.
enum LibcurlResolving {
    /// Nil when libcurl refuses one of them.
    static func resolve(_ location: String, from base: String) -> String? {
        guard let handle = unsafe curl_url() else { return nil }
        defer { unsafe curl_url_cleanup(handle) }
        let flags = UInt32(CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE | CURLU_PATH_AS_IS)
        var text: UnsafeMutablePointer<CChar>?
        // Safety: libcurl copies the texts it is given; the one it gives is freed below.
        guard unsafe curl_url_set(handle, CURLUPART_URL, base, flags) == CURLUE_OK,
            unsafe curl_url_set(handle, CURLUPART_URL, location, flags) == CURLUE_OK,
            unsafe curl_url_get(handle, CURLUPART_URL, &text, 0) == CURLUE_OK, let text = unsafe text
        else { return nil }
        defer { unsafe curl_free(text) }
        return unsafe String(cString: text)
    }
}
