import Addresses

extension HTTPRequest {
    /// An error that names this request.
    func failure(_ code: HTTPError.Code, _ what: String) -> HTTPError {
        HTTPError(code, "\(method.rawValue) \(place): \(what)")
    }

    /// The URL without secrets.
    var place: String { HTTPURL.shown(url) }

    /// The request that follows a redirect to `location`, which may be relative. As libcurl does, it leaves
    /// credentials out where the redirect leads to another server.
    func following(_ location: String) throws(HTTPError) -> HTTPRequest {
        guard redirectsLeft > 0 else {
            throw failure(.tooManyRedirects, "the redirects do not end")
        }
        let target: HTTPURL
        var isSameOrigin = false
        do throws(AddressError) {
            let home = try HTTPURL(parsing: url)
            target = try home.resolving(location)
            isSameOrigin = home.isSameOrigin(as: target)
        } catch {
            throw failure(.malformedResponse, "the redirect leads to a URL that \(error)")
        }
        var next = self
        next.url = target.text
        next.redirectsLeft -= 1
        if !isSameOrigin {
            next.headers.removeAll { $0.isNamed("Authorization") || $0.isNamed("Cookie") }
        }
        return next
    }
}
