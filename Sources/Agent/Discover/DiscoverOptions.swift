/// What `narthex discover` shall find, and where it goes.
public struct DiscoverOptions: Sendable {
    /// How findings are written.
    public enum Format: String, Sendable, CaseIterable {
        /// For people.
        case table
        case json
        /// Target groups as `file_sd_configs` takes them, before relabelling.
        case fileSD = "file_sd"
    }

    /// The flags of prometheus-ecs-discovery, by its names and defaults.
    public struct ECSFlags: Sendable {
        /// `-config.cluster`; `*` is all. Nil: where `narthex run` without a file looks.
        public var cluster: String?
        public var region: String?
        public var roleARN: String?
        public var portLabel = "PROMETHEUS_EXPORTER_PORT"
        public var pathLabel = "PROMETHEUS_EXPORTER_PATH"
        public var schemeLabel = "PROMETHEUS_EXPORTER_SCHEME"
        public var jobNameLabel = "PROMETHEUS_EXPORTER_JOB_NAME"
        public var serverNameLabel = "PROMETHEUS_EXPORTER_SERVER_NAME"
        public var filterLabel: String?
        public var dynamicPortDetection = false

        public init() {}
    }

    /// Jobs of a configuration file, or an ECS discovery as its flags say.
    public enum Source: Sendable {
        case file(String, job: String?)
        case flags(ECSFlags)
    }

    public var source: Source
    public var format = Format.table
    /// A file that is kept current; nil: once, to standard output.
    public var writeTo: String?
    /// `-config.scrape-interval`, milliseconds between looks.
    public var intervalMs: Int64 = 60_000
    /// `-config.scrape-times`; 0 goes on until stopped.
    public var times = 0
    /// Also what does not ask to be scraped.
    public var showsAll = false
    public var environment: [String: String] = [:]
    /// `--config.expand-env`: `${NAME}` is replaced in every value of the file.
    public var expandsEnvironment = false

    public init(source: Source) { self.source = source }
}
