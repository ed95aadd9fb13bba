/// The path under which the pages are: what `--web.route-prefix` or the path of `--web.external-url` says, as
/// in Prometheus.
public struct RoutePrefix: Sendable, Equatable {
    /// Empty at the root, else as `/prometheus`.
    public let path: String

    /// At the root.
    public init() { path = "" }

    /// The prefix of the two flags; an absent or empty one says nothing. `--web.route-prefix` comes before
    /// the URL's path, so that a proxy that takes the path away can be in front.
    public init(externalURL: String?, routePrefix: String?) throws(StatusError) {
        if let routePrefix, !routePrefix.isEmpty {
            path = try Self.path(routePrefix, of: "--web.route-prefix")
        } else if let externalURL, !externalURL.isEmpty {
            path = try Self.path(Self.urlPath(externalURL), of: "--web.external-url")
        } else {
            path = ""
        }
    }

    /// Of a URL's path (RFC 3986 §3.3, pchar) what needs no escape; not the apostrophe, which some proxies
    /// escape. A proxy of Kubernetes has colons.
    private static let otherCharacters = Set("/-._~!$&()*+,;=:@".utf8)

    /// What of `requestPath` is below the prefix, with a slash in front; nil where it is not below. The
    /// prefix without its slash is not: links of a page there would lead beside it.
    func below(_ requestPath: String) -> String? {
        guard requestPath.hasPrefix(path + "/") else { return nil }
        return String(requestPath.dropFirst(path.count))
    }

    /// Where a request for `requestPath` is sent on to: the root and the prefix without its slash go to the
    /// overview.
    func redirect(_ requestPath: String) -> String? {
        guard !path.isEmpty, requestPath == "/" || requestPath == path else { return nil }
        return path + "/"
    }

    /// The path of `http://host/path?query`, or the text itself where it is a path alone.
    private static func urlPath(_ url: String) -> Substring {
        var rest = url.prefix { $0 != "?" && $0 != "#" }
        if let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix("://") {
            rest = rest[colon...].dropFirst(3).drop { $0 != "/" }
        } else if let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains("/") {
            // `host:9090/x` is to Go a scheme and what belongs to it, without a path.
            return ""
        }
        return rest
    }

    private static func path(_ text: some StringProtocol, of flag: String) throws(StatusError) -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: true)
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: Self.otherCharacters.contains(byte)
            }
        }
        guard isPlain, !parts.contains("."), !parts.contains("..") else {
            throw StatusError(
                .badAddress,
                "\(flag): the path of the pages may have what stands in a URL without escapes (letters, "
                    + "digits, -._~!$&()*+,;=:@) between slashes, for instance /prometheus")
        }
        return parts.map { "/\($0)" }.joined()
    }
}
