internal import CCurl

extension HTTPRequest {
    /// An error that names this request.
    func failure(_ code: HTTPError.Code, _ what: String) -> HTTPError {
        let place = URLPlace(url)?.text ?? "a malformed URL"
        return HTTPError(code, "\(method.rawValue) \(place): \(what)")
    }

    /// The request that follows a redirect to `location`, which may be relative. As libcurl does, it leaves
    /// credentials out where the redirect leads to another server.
    func following(_ location: String) throws(HTTPError) -> HTTPRequest {
        guard redirectsLeft > 0 else {
            throw failure(.tooManyRedirects, "the redirects do not end")
        }
        guard let target = Self.resolved(location, from: url) else {
            throw failure(.malformedResponse, "the redirect leads to a malformed URL")
        }
        guard let to = URLAuthority(target) else {
            throw failure(
                .malformedResponse, "the redirect leads to a scheme other than http and https")
        }
        var next = self
        next.url = target
        next.redirectsLeft -= 1
        if let from = URLAuthority(url), !from.isSameOrigin(as: to) {
            next.headers.removeAll { $0.isNamed("Authorization") || $0.isNamed("Cookie") }
        }
        return next
    }

    /// The URL that `location` means where `base` was asked (RFC 3986 §5), by libcurl's own rules; nil when
    /// it is malformed or there is no memory.
    private static func resolved(_ location: String, from base: String) -> String? {
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
