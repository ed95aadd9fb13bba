/// The parts of an http or https URL that decide where a request goes.
public struct URLAuthority: Sendable, Equatable {
    /// `http` or `https`.
    public let scheme: String
    /// As written, brackets of an IPv6 address included, in lower case.
    public let host: String
    /// As written; nil when there is none.
    public let port: String?
    /// Path, query and fragment.
    public let rest: String

    /// Nil when the URL is not http or https or has no host. User and password are passed over.
    public init?(_ url: String) {
        let colon = url.prefix(6).firstIndex(of: ":")
        guard let colon, url[colon...].hasPrefix("://") else { return nil }
        let scheme = url[..<colon].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let after = url[colon...].dropFirst(3)
        let end = after.firstIndex { "/?#".contains($0) } ?? after.endIndex
        var authority = after[..<end]
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            host = authority[...close]
            let tail = authority[authority.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { return nil }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else if let separator = authority.firstIndex(of: ":") {
            host = authority[..<separator]
            port = authority[separator...].dropFirst()
        }
        guard !host.isEmpty else { return nil }
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port.flatMap { $0.isEmpty ? nil : String($0) }
        rest = String(after[end...])
    }

    /// The port that is connected to.
    public var effectivePort: String { port ?? (scheme == "https" ? "443" : "80") }

    /// What a Host header says: the port only where it is not the scheme's own.
    public var hostHeader: String {
        effectivePort == (scheme == "https" ? "443" : "80") ? host : "\(host):\(effectivePort)"
    }

    /// True when a request to `other` goes to the same server in the same way.
    public func isSameOrigin(as other: URLAuthority) -> Bool {
        scheme == other.scheme && host == other.host && effectivePort == other.effectivePort
    }

    /// The URL with another host, everything else the same.
    func url(host name: String) -> String {
        let shown = name.contains(":") && !name.hasPrefix("[") ? "[\(name)]" : name
        return "\(scheme)://\(shown)\(port.map { ":\($0)" } ?? "")\(rest)"
    }
}
