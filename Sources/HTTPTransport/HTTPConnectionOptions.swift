/// How the connection of a request is made, where the client's own way is not enough: TLS, proxy, HTTP/2,
/// Unix socket. Requests whose options differ never share a connection.
///
/// An object, so that a client can tell at once that a handle is configured for the same options already; a
/// change (a certificate renewed on disk) is another object.
public final class HTTPConnectionOptions: Sendable, Equatable {
    /// A version of TLS.
    public enum TLSVersion: Int, Sendable, Comparable {
        case tls10, tls11, tls12, tls13

        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// The TLS side. Its texts hold a key: nothing of it is ever printed.
    public struct TLS: Sendable, Equatable {
        /// PEM; nil trusts what the client trusts.
        public var authority: [UInt8]?
        /// PEM of the client's certificate, those that signed it after it.
        public var certificate: [UInt8]?
        /// PEM.
        public var key: [UInt8]?
        /// The name asked for and verified in place of the URL's host.
        public var serverName: String?
        public var skipsVerification: Bool
        public var minVersion: TLSVersion
        /// nil is the highest there is.
        public var maxVersion: TLSVersion?

        public init(
            authority: [UInt8]? = nil, certificate: [UInt8]? = nil, key: [UInt8]? = nil,
            serverName: String? = nil, skipsVerification: Bool = false, minVersion: TLSVersion = .tls12,
            maxVersion: TLSVersion? = nil
        ) {
            self.authority = authority
            self.certificate = certificate
            self.key = key
            self.serverName = serverName
            self.skipsVerification = skipsVerification
            self.minVersion = minVersion
            self.maxVersion = maxVersion
        }
    }

    /// A proxy between client and server.
    public struct Proxy: Sendable, Equatable {
        /// `http`, `https`, `socks5` or `socks5h`, with user and password where it wants them.
        public var url: String
        /// Sent to the proxy with CONNECT, that is for https servers.
        public var connectHeaders: [HTTPHeader]

        public init(url: String, connectHeaders: [HTTPHeader] = []) {
            self.url = url
            self.connectHeaders = connectHeaders
        }

        /// The port of a proxy whose URL names none, as in Go. libcurl would take 1080 for all but https.
        static func port(_ url: String) -> UInt16 {
            let start = url.prefix(8).lowercased()
            return start == "https://" ? 443 : start.hasPrefix("http://") ? 80 : 1_080
        }
    }

    public let tls: TLS
    /// nil is none, whatever the environment says.
    public let proxy: Proxy?
    /// Connects there instead of to the URL's host and port, and through no proxy.
    public let unixSocketPath: String?
    /// Offers HTTP/2 over TLS; without TLS it is always HTTP/1.1.
    public let offersHTTP2: Bool

    public init(
        tls: TLS = TLS(), proxy: Proxy? = nil, unixSocketPath: String? = nil, offersHTTP2: Bool = false
    ) {
        self.tls = tls
        self.proxy = proxy
        self.unixSocketPath = unixSocketPath
        self.offersHTTP2 = offersHTTP2
    }

    /// By content, the same object first.
    public static func == (left: HTTPConnectionOptions, right: HTTPConnectionOptions) -> Bool {
        if left === right { return true }
        return left.tls == right.tls && left.proxy == right.proxy
            && left.unixSocketPath == right.unixSocketPath && left.offersHTTP2 == right.offersHTTP2
    }
}

extension HTTPConnectionOptions: CustomStringConvertible, CustomReflectable {
    /// Nothing to see for `dump` and the like, which would show keys and passwords.
    public var customMirror: Mirror { Mirror(self, children: []) }

    public var description: String { "connection options" }
}

extension HTTPConnectionOptions.TLS: CustomStringConvertible, CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: []) }

    public var description: String { "TLS options" }
}

extension HTTPConnectionOptions.Proxy: CustomStringConvertible, CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: []) }

    public var description: String { "proxy options" }
}
