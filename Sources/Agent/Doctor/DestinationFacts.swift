import AWS
import Addresses
import Configuration
import HTTPTransport
import RemoteWrite

/// What a destination answered.
struct DestinationFacts: Sendable, Equatable {
    /// How a request without credentials went, which is there for names, TLS and time.
    enum Reach: Sendable, Equatable {
        /// Any answer at all.
        case answered(status: Int, afterMs: Int64)
        case failed(HTTPError)
    }

    /// As the configuration names it, else the workspace's id, else its URL without anything secret.
    var name: String
    var url: String
    var isSigned: Bool
    /// What is signed for, and what service; nil without a region.
    var region: String?
    var service = "aps"
    var reach: Reach?
    var write: WriteProbe.Answer?
    /// Where a token is asked for before anything else, without user and query.
    var tokenURL: String?

    init(_ entry: RemoteWriteConfiguration) {
        name = entry.isUnnamed ? Self.shownName(entry.url) : entry.name
        url = entry.url
        isSigned = entry.sigv4 != nil
        service = entry.sigv4?.serviceName ?? service
        if case .oauth2(let block) = entry.http.authentication { tokenURL = HTTPURL.shown(block.tokenURL) }
    }
}

extension DestinationFacts {
    /// The workspace's id in `/workspaces/ws-…/api/v1/remote_write`, else the URL without user and query.
    private static func shownName(_ url: String) -> String {
        let parts = HTTPURL(url)?.path.split(separator: "/") ?? []
        return parts.count > 1 && parts[0] == "workspaces" ? String(parts[1]) : HTTPURL.shown(url)
    }

    static let action = "aps:RemoteWrite"
    private static let policy = "config/iam/remote-write.json"

    var lines: [DoctorLine] {
        [reach.map(reachLine), isSigned ? regionLine : nil, write.map(writeLine)].compactMap { $0 }
    }

    // MARK: - DNS, connection, TLS

    private func reachLine(_ reach: Reach) -> DoctorLine {
        switch reach {
        case .answered(let status, let afterMs):
            return .ok(
                "destination", of: name,
                "\(HTTPURL.shown(url)) is reached\(isTLS ? " over TLS" : ""), and answered after "
                    + "\(afterMs) ms (status \(status))")
        case .failed(let error):
            return .wrong("destination", of: name, error.message, remedy: remedy(error))
        }
    }

    private var isWorkspace: Bool { HTTPURL(url).flatMap { AWSRegion.ofAMP(host: $0.hostName) } != nil }

    private var isTLS: Bool { HTTPURL(url)?.scheme == .https }

    private func remedy(_ error: HTTPError) -> String {
        if let proxied = proxyRemedy(error) { return proxied }
        if let tokenURL, tokenURL != HTTPURL.shown(url), error.message.contains(tokenURL) {
            return "look at token_url of oauth2, and let this machine reach it: no token is had, so the "
                + "destination was not asked"
        }
        return Self.remedy(error.code)
    }

    /// Of what happens on the way to a proxy, or in it, before the destination is reached.
    private func proxyRemedy(_ error: HTTPError) -> String? {
        guard error.message.contains("to the proxy") else { return nil }
        let named = "proxy_url, or HTTPS_PROXY and HTTP_PROXY where proxy_from_environment is set"
        guard error.message.contains("CONNECT tunnel failed") else {
            return error.code == .resolve
                ? "look at the name of the proxy (\(named)) and at this machine's DNS"
                : "let this machine reach the proxy (\(named)), or name the destination in no_proxy"
        }
        return error.message.contains("407")
            ? "give the proxy's user and password in proxy_url"
            : "let the proxy connect to the destination's host and port"
    }

    private static func remedy(_ code: HTTPError.Code) -> String {
        switch code {
        case .resolve:
            "look at the host's name in remote_write.url and at this machine's DNS (resolv.conf; the VPC's "
                + "enableDnsSupport)"
        case .connect:
            "let this machine reach that port: the receiver's address, routes, security groups, a NAT or a "
                + "VPC endpoint for aps-workspaces, or proxy_url"
        case .timeout:
            "look at security groups, routes and proxies: nothing came back in time, as where packets are "
                + "dropped"
        case .tls:
            "look at the certificate: tls_config.ca_file for an authority of your own, the CA certificates "
                + "of the system, the machine's clock"
        case .credentials: "look at the files and the token's URL that the entry names"
        default: "look at remote_write.url, and whether what listens there speaks HTTP"
        }
    }

    // MARK: - Region

    private var regionLine: DoctorLine {
        guard let region else {
            return .wrong(
                "region", of: name, "there is none to sign for",
                remedy: "set sigv4.region, or AWS_REGION, or a region in the profile")
        }
        if let there = HTTPURL(url).flatMap({ AWSRegion.ofAMP(host: $0.hostName) }), there != region {
            return .wrong(
                "region", of: name, "the workspace is in \(there), and requests are signed for \(region)",
                remedy: "set sigv4.region to \(there)")
        }
        return .ok("region", of: name, region)
    }

    // MARK: - A write

    private func writeLine(_ answer: WriteProbe.Answer) -> DoctorLine {
        func wrong(_ text: String, _ remedy: String) -> DoctorLine {
            .wrong("write", of: name, text, remedy: remedy)
        }
        switch answer {
        case .cancelled: return .skipped("write", of: name, "cancelled")
        case .unreachable(let text):
            guard case .failed? = reach else {
                return wrong(text, "look at what stands between: requests with a body do not come back")
            }
            return .skipped("write", of: name, "it is not reached")
        case .unsigned(let text):
            return .skipped(
                "write", of: name, "nothing was sent, for want of credentials or a region: \(text)")
        case .unsendable(let text): return wrong(text, "look at remote_write.url and remote_write.headers")
        case .status(let status, let text):
            guard !(200..<300).contains(status) else {
                return .ok("write", of: name, "a write without samples is taken (status \(status))")
            }
            let said = Self.firstLine(text)
            if status == 400, isWorkspace {
                // A workspace looks at who asks before it looks at what is written.
                return .ok("write", of: name, "writes are allowed; one without samples is answered: \(said)")
            }
            return wrong(said, remedy(status, said))
        }
    }

    private func remedy(_ status: Int, _ said: String) -> String {
        switch status {
        case 401, 403:
            isSigned ? signedRemedy(said) : "look at basic_auth, authorization or oauth2 of the entry"
        case 404:
            isSigned
                ? "look at the url: its path (/workspaces/ID/api/v1/remote_write), the id, the region"
                : "look at the path in the url"
        case 300..<400: "write the url that it redirects to: a write does not follow"
        case 405: "look at the url's path: for a workspace it ends with /api/v1/remote_write"
        case 407: "give the proxy's user and password in proxy_url"
        case 415: "name a receiver of remote write 1.0"
        case 429: "ask for higher quotas of the workspace (requests a second), or send less often"
        case 400..<500: "look at what the receiver says: it refuses a write without samples"
        default: "look at the receiver: it is reached and does not work"
        }
    }

    private func signedRemedy(_ said: String) -> String {
        let action = UnauthorizedReason.missingAction(said)
        switch UnauthorizedReason.parse(body: said) {
        case .wrongRegion, .wrongService:
            return "set sigv4.region and sigv4.service_name as the receiver says"
        case .wrongSignature, .clockSkew, .notSigned:
            return "write the secret access key that belongs to the key, and look at the clock's line"
        case .expired, .unknownKey:
            return "renew the credentials: the key is not known, or its session has ended"
        case .denied, .other, .noCredentials:
            if let action {
                return "allow \(action) on the workspace in the policy of these credentials (\(Self.policy))"
            }
            return service == "aps"
                ? "allow \(Self.action) on the workspace in the policy of these credentials (\(Self.policy))"
                : "allow these credentials to write there"
        }
    }

    /// What stands before the first end of a line, also one that JSON escapes: behind it a refused signature
    /// has the request, session token included.
    static func firstLine(_ text: String) -> String {
        let end = text.firstRange(of: "\\n")?.lowerBound ?? text.endIndex
        let canonical = text.firstRange(of: "The Canonical String")?.lowerBound ?? text.endIndex
        return String(text[..<min(end, canonical)])
    }
}
