/// What `--enable-feature` turns on. Names are Prometheus'; as there, one that is not known is warned of and
/// changes nothing.
public struct FeatureFlags: Sendable, Equatable {
    /// A name and what there is to say of it.
    public struct Remark: Sendable, Equatable {
        public let name: String
        public let text: String
        /// Whether the user gets something else than what was asked for.
        public let isWarning: Bool
    }

    /// `created-timestamp-zero-ingestion`: a series gets a sample of 0 at the time at which its target says
    /// that it began, and protobuf, which tells most of that, is asked for first.
    public private(set) var readsStartTimestamps = false
    /// `extra-scrape-metrics`: the default of the key `extra_scrape_metrics` is true.
    public private(set) var reportsExtra = false
    public private(set) var remarks: [Remark] = []

    public init() {}

    /// `lists` are the flag's values: names with commas between.
    public init(_ lists: [String]) {
        for name in lists.flatMap({ $0.split(separator: ",") }).map(String.init) { enable(name) }
    }

    private mutating func enable(_ name: String) {
        switch name {
        case "created-timestamp-zero-ingestion": readsStartTimestamps = true
        case "extra-scrape-metrics":
            reportsExtra = true
            remark(name, "is being phased out; set extra_scrape_metrics in the configuration instead")
        case "native-histograms":
            remark(name, "does nothing, as in Prometheus; set scrape_native_histograms in the configuration")
        case "expand-external-labels", "no-default-scrape-port", "agent", "auto-gomaxprocs",
            "auto-gomemlimit", "new-service-discovery-manager":
            remark(name, "is always so and has no switch", isWarning: false)
        case "exemplar-storage":
            remark(
                name, "has no switch: exemplars are kept when a remote_write has send_exemplars",
                isWarning: false)
        case "st-storage", "st-synthesis":
            remark(name, "does nothing: remote write 1.0 carries no start timestamps")
        case "type-and-unit-labels": remark(name, "is not supported: no series gets __type__ or __unit__")
        case "metadata-wal-records": remark(name, "does nothing: metadata is not shipped")
        case "auto-reload-config": remark(name, "does nothing: the configuration is not read again")
        case "remote-write-receiver", "otlp-write-receiver", "otlp-deltatocumulative",
            "otlp-native-delta-ingestion":
            remark(name, "is not supported: nothing can be pushed here")
        case "concurrent-rule-eval", "delayed-compaction", "memory-snapshot-on-shutdown", "old-ui",
            "ooo-native-histograms", "use-uncached-io":
            remark(name, Self.serverOnly, isWarning: false)
        case _ where name.hasPrefix("promql-"): remark(name, Self.serverOnly, isWarning: false)
        default: remark(name, "is not known")
        }
    }

    private static let serverOnly = "is about what only a Prometheus server does"

    private mutating func remark(_ name: String, _ text: String, isWarning: Bool = true) {
        remarks.append(Remark(name: name, text: text, isWarning: isWarning))
    }
}
