public import Platform

#if canImport(Glibc)
import Glibc
#endif

/// How a client behaves. One client serves thousands of targets.
public struct HTTPClientConfiguration: Sendable {
    /// Names the client's thread and its metrics' `dialer_name`, for instance `scrape`.
    public var name: String
    public var userAgent: String
    /// Connections at once, kept ones included: above the number of targets, or each scrape connects anew.
    public var maxConnections: Int
    /// Connections at once to one host and port; 0 is no limit of its own.
    public var maxConnectionsPerHost: Int
    /// Large bodies being received or parsed at once, for requests that take a slot.
    public var bodySlots: Int
    /// What bodies without a slot may hold together: those that arrived while all slots were taken, and those
    /// whose sender is slow. Above it their requests fail with `.overloaded`.
    public var waitingBytesLimit: Int
    /// What all other bodies beyond a few KiB are charged to. One that does not fit waits; one that never can
    /// fit, and the largest when none could go on, fails with `.overloaded`. So does one that holds others up
    /// while the limit is narrowed.
    public var memory: MemoryAccount
    public var connectTimeoutMs: Int64
    /// How long a kept connection may idle before it is not used again.
    public var idleConnectionMs: Int64
    /// HTTP_PROXY, HTTPS_PROXY and NO_PROXY are heeded.
    public var usesProxyFromEnvironment: Bool
    /// A CA bundle in place of the system's. Unless given, what `SSL_CERT_FILE` says; nil is libcurl's
    /// default.
    public var caFile: String?
    /// A folder of CA certificates, hashed as OpenSSL wants it. Unless given, what `SSL_CERT_DIR` says.
    public var caDirectory: String?

    public init(
        name: String = "http", userAgent: String = "narthex", maxConnections: Int = 16_384,
        maxConnectionsPerHost: Int = 0, bodySlots: Int = 16, waitingBytesLimit: Int = 64 << 20,
        memory: MemoryAccount = MemoryAccount(), connectTimeoutMs: Int64 = 10_000,
        idleConnectionMs: Int64 = 300_000,
        usesProxyFromEnvironment: Bool = false, caFile: String? = nil, caDirectory: String? = nil
    ) {
        self.name = name
        self.userAgent = userAgent
        self.maxConnections = maxConnections
        self.maxConnectionsPerHost = maxConnectionsPerHost
        self.bodySlots = bodySlots
        self.waitingBytesLimit = waitingBytesLimit
        self.memory = memory
        self.connectTimeoutMs = connectTimeoutMs
        self.idleConnectionMs = idleConnectionMs
        self.usesProxyFromEnvironment = usesProxyFromEnvironment
        self.caFile = caFile ?? Self.environment("SSL_CERT_FILE")
        self.caDirectory = caDirectory ?? Self.environment("SSL_CERT_DIR")
    }

    private static func environment(_ name: String) -> String? {
        // Safety: the text is copied at once; the agent does not change its environment.
        guard let text = unsafe getenv(name) else { return nil }
        let value = unsafe String(cString: text)
        return value.isEmpty ? nil : value
    }
}
