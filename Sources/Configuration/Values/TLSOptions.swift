/// The `tls_config` block.
public struct TLSOptions: Sendable, Hashable {
    public enum Version: String, Sendable, CaseIterable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"
    }

    public var authority: TextSource?
    public var certificate: TextSource?
    public var key: TextSource?
    public var serverName: String?
    public var insecureSkipVerify: Bool
    /// nil is TLS 1.2, as in Go.
    public var minVersion: Version?
    public var maxVersion: Version?

    public init(
        authority: TextSource? = nil, certificate: TextSource? = nil, key: TextSource? = nil,
        serverName: String? = nil, insecureSkipVerify: Bool = false, minVersion: Version? = nil,
        maxVersion: Version? = nil
    ) {
        self.authority = authority
        self.certificate = certificate
        self.key = key
        self.serverName = serverName
        self.insecureSkipVerify = insecureSkipVerify
        self.minVersion = minVersion
        self.maxVersion = maxVersion
    }
}
