/// Targets read from files that others write: `file_sd_configs`.
public struct FileSDConfiguration: Sendable, Equatable {
    /// Paths, resolved against the configuration file's folder; the last element may be a glob.
    public var files: [String]
    public var refreshIntervalMs: Int64

    public init(files: [String], refreshIntervalMs: Int64 = 300_000) {
        self.files = files
        self.refreshIntervalMs = refreshIntervalMs
    }
}
