/// A user and a password in the URL of `remote_write` and `http_sd_configs`.
extension ConfigurationDecoder {
    /// The URL of `key` and its user; nil, and reported, where there is none to be used.
    func urlWithUser(_ reader: MappingReader, _ key: String) -> URLWithUser? {
        guard let text = filled(reader, key) else { return nil }
        let parts = URLWithUser(text)
        if let problem = parts.fault ?? Checks.url(parts.url) {
            reader.report(key, "\(key) \(problem)")
            return nil
        }
        return parts
    }

    /// Who asks: the block's own way or the user of its URL. Where there are both, the one that Prometheus
    /// sends counts. Go sets the header of a URL's user first, and Prometheus' basic_auth and authorization
    /// leave one alone that is there already, while oauth2 replaces it.
    func authentication(
        _ own: HTTPClientOptions.Authentication, orThatOf url: URLWithUser?, _ reader: MappingReader
    ) -> HTTPClientOptions.Authentication {
        guard let user = url?.user else { return own }
        let key: String
        switch own {
        case .none: key = ""
        case .basic: key = "basic_auth"
        case .authorization:
            key = Self.authenticationKeys.first { $0 != "basic_auth" && reader.value($0) != nil } ?? ""
        case .oauth2:
            sink.warn(
                reader.mark("url"),
                "the url's user and password have no effect, as in Prometheus: oauth2 says who asks. Remove"
                    + " them from the url")
            return own
        }
        if !key.isEmpty {
            sink.warn(
                reader.mark(key),
                "\(key) has no effect, as in Prometheus: the url's user and password say who asks. Remove"
                    + " one of the two")
        }
        return .basic(username: .text(user.name), password: .text(user.password))
    }
}
