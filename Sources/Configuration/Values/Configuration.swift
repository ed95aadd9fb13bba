/// A whole configuration file as typed values, every default filled in. The schema is Prometheus' (3.14), as
/// far as docs/configuration.md lists it.
public struct Configuration: Sendable, Equatable {
    public var global: GlobalConfiguration
    public var scrapeConfigs: [ScrapeConfiguration]
    public var remoteWrites: [RemoteWriteConfiguration]
    /// What is allowed and deserves a line in the log, for instance an unset variable in `external_labels`.
    public var warnings: [ConfigurationError]
    /// What the file asks for and does not get, file by file in the order of their lines.
    public var ignored: [IgnoredSetting]
    /// What is right and costs money or memory, or loses samples: for those who check a file.
    public var lints: [ConfigurationError] = []

    /// Whether an agent does the same with both: what is said of them may differ, as comments move lines.
    public func means(_ other: Configuration) -> Bool {
        global == other.global && scrapeConfigs == other.scrapeConfigs && remoteWrites == other.remoteWrites
    }

    public init(
        global: GlobalConfiguration = GlobalConfiguration(), scrapeConfigs: [ScrapeConfiguration] = [],
        remoteWrites: [RemoteWriteConfiguration] = [], warnings: [ConfigurationError] = [],
        ignored: [IgnoredSetting] = []
    ) {
        self.global = global
        self.scrapeConfigs = scrapeConfigs
        self.remoteWrites = remoteWrites
        self.warnings = warnings
        self.ignored = ignored
    }
}
