internal import Configuration

/// The kind of credentials that requests to a destination carry. It holds no key, password or token, so it
/// may be logged.
enum SentCredentials: Equatable, Sendable, CaseIterable {
    case sigv4
    /// Of `basic_auth`, or of the URL.
    case basic
    /// `authorization` with the type Bearer, or `bearer_token`.
    case bearer
    /// `authorization` with another type.
    case authorization
    case oauth2
    /// `tls_config` has one, and nothing else says who asks.
    case clientCertificate
    /// Headers of one's own, and nothing else says who asks.
    case headers
    case none

    init(_ configuration: RemoteWriteConfiguration) {
        let http = configuration.http
        if configuration.sigv4 != nil {
            self = .sigv4
            return
        }
        switch http.authentication {
        case .basic: self = .basic
        case .authorization(let type, _): self = type.lowercased() == "bearer" ? .bearer : .authorization
        case .oauth2: self = .oauth2
        case .none:
            let hasHeaders = !http.headers.isEmpty || !configuration.headers.isEmpty
            self = http.tls.certificate != nil ? .clientCertificate : hasHeaders ? .headers : .none
        }
    }

    /// How the log names it.
    var name: String {
        switch self {
        case .sigv4: "sigv4"
        case .basic: "basic_auth"
        case .bearer: "bearer token"
        case .authorization: "authorization"
        case .oauth2: "oauth2"
        case .clientCertificate: "client certificate"
        case .headers: "headers"
        case .none: "none"
        }
    }

    /// What is to be checked where a receiver does not let such a request in.
    var toCheck: String {
        switch self {
        case .sigv4: "credentials, IAM policy and clock"
        case .basic: "user and password of basic_auth or of the url"
        case .bearer: "the token of authorization or bearer_token"
        case .authorization: "type and credentials of authorization"
        case .oauth2: "client_id, client_secret, scopes and endpoint_params of oauth2"
        case .clientCertificate: "the client certificate of tls_config, as the entry has no other credentials"
        case .headers: "headers and http_headers, as the entry has no other credentials"
        case .none: "what the receiver asks for, as the entry has no credentials"
        }
    }

    /// What to do where the receiver says no for `reason`; `isForbidden` where its status is 403.
    func remedy(_ reason: UnauthorizedReason, isForbidden: Bool) -> String {
        let ways = "basic_auth, authorization, oauth2 or sigv4"
        switch self {
        case .none: return "give the entry the \(ways) that the receiver asks for"
        case .clientCertificate, .headers:
            return "look at \(toCheck), or give it the \(ways) that the receiver asks for"
        case .sigv4, .basic, .bearer, .authorization, .oauth2: break
        }
        if reason == .expired { return "they have expired, as the receiver says: renew \(toCheck)" }
        guard isForbidden || reason == .denied else {
            return "the receiver does not take them: look at \(toCheck)"
        }
        return """
            the receiver may know them and forbid the write: look at what they allow there, and for which \
            tenant; then at \(toCheck)
            """
    }
}
