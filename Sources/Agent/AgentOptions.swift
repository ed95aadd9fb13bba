import Configuration

/// What the command line says. Names and defaults follow Prometheus' agent mode where the meaning is the
/// same.
public struct AgentOptions: Sendable {
    /// `--config.file`: a location as `ConfigurationLocation` reads it.
    public var configFile: String
    /// `--remote-write.url` or `NARTHEX_REMOTE_WRITE_URL`: run on a configuration made from it and the
    /// environment, and read no file.
    public var remoteWriteURL: String?
    /// `--config.strict`: a setting of the file that would have no effect is an error.
    public var refusesIgnored = false
    /// `--config.auto-reload` or `--no-config.auto-reload`: whether the source is looked at for changes. Nil
    /// where neither is given: then a source that is not on this machine is.
    public var reloadsByItself: Bool?
    /// `--config.auto-reload-interval`, milliseconds: how often the source is looked at.
    public var autoReloadIntervalMs: Int64?
    /// `--web.enable-lifecycle`: whoever reaches the pages may ask for a reload and for the end.
    public var hasLifecycle = false
    /// `--config.expand-env`: `${NAME}` and `${NAME:-DEFAULT}` are replaced in every value of the file.
    public var expandsEnvironment = false
    /// `--storage.agent.path`
    public var storagePath = "data-agent/"
    /// `--storage.agent.retention.max-time`, milliseconds. AMP takes nothing older than an hour anyway.
    public var retentionMaxAgeMs: Int64 = 4 * 3_600_000
    /// `--storage.agent.retention.max-size`, bytes of buffer on disk. Not in Prometheus, which has no bound.
    public var retentionMaxBytes: UInt64 = 1 << 30
    /// `--storage.agent.wal-segment-size`, bytes.
    public var segmentSizeBytes = 32 << 20
    /// `--storage.agent.sync-interval`, milliseconds: how often the buffer is made durable. Not in
    /// Prometheus, whose agent does so when a segment ends.
    public var syncIntervalMs: Int64 = 1_000
    /// `--memory.limit`, bytes: the resident memory that the agent stays below. Zero is none; nil, where the
    /// flag is not given, is 80 % of what the cgroup allows, and none where it allows any.
    public var memoryLimitBytes: UInt64?
    /// `--web.listen-address`, each time that it is given, else `NARTHEX_WEB_LISTEN_ADDRESS`; at least one.
    public var listenAddresses = ["127.0.0.1:9090"]
    /// The first of `listenAddresses`; setting it makes it the only one.
    public var listenAddress: String {
        get { listenAddresses.first ?? "" }
        set { listenAddresses = [newValue] }
    }
    /// `--web.external-url` and `--web.route-prefix`: where the pages are.
    public var externalURL: String?
    public var routePrefix: String?
    /// `--storage.remote.flush-deadline`, milliseconds: how long a shutdown goes on sending. ECS kills a
    /// container 30 s after SIGTERM unless told otherwise, so this is less than Prometheus' minute.
    public var flushDeadlineMs: Int64 = 20_000
    /// `--enable-feature`: each may have several names with commas between.
    public var enabledFeatures: [String] = []
    /// The process' environment, or a test's.
    public var environment: [String: String] = [:]
    /// `narthex --version`
    public var version = AgentVersion.current

    public init(configFile: String) { self.configFile = configFile }

    /// What `autoReloadIntervalMs` is without a flag for it.
    public static let defaultAutoReloadIntervalMs: Int64 = 30_000

    var features: FeatureFlags { FeatureFlags(enabledFeatures) }

    /// What the shares of memory are taken from where the cgroup allows so many bytes: the flag or the
    /// cgroup's limit, whichever is less; nil where there is neither.
    func memoryBytes(cgroupBytes: UInt64?) -> UInt64? {
        guard let flag = memoryLimitBytes, flag > 0 else { return cgroupBytes }
        return min(flag, cgroupBytes ?? flag)
    }
}
