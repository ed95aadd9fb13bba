/// What `--enable-feature` turns on. Names are Prometheus'; as there, one that is not known is warned of and
/// changes nothing.
public struct FeatureFlags: Sendable, Equatable {
    /// What becomes of a name.
    public enum Verdict: String, Sendable {
        /// It does what it does in Prometheus.
        case honoured
        /// It is so without the name, or has no meaning in an agent: said as information.
        case harmless
        /// The user gets something else than was asked for: a warning.
        case ignored
        /// It would change which series or samples are stored, so going on without it would mislead.
        case refused
    }

    /// A name that Prometheus has or had, and what there is to say of it.
    public struct Feature: Sendable, Equatable {
        public let name: String
        public let verdict: Verdict
        /// A sentence without its subject, for instance `does nothing: metadata is shipped without it`.
        public let text: String
        /// Whether the user gets something else than what was asked for, or should write something else.
        public let isWarning: Bool

        init(_ name: String, _ verdict: Verdict, _ text: String, warns: Bool = false) {
            self.name = name
            self.verdict = verdict
            self.text = text
            isWarning = warns || verdict == .ignored || verdict == .refused
        }
    }

    /// Every name: first the 23 that the documentation of Prometheus 3.14 lists (Feature flags), then those
    /// that it knows besides or knew once. docs/flags.md has the same rows.
    public static let all: [Feature] = [
        Feature(
            "created-timestamp-zero-ingestion", .honoured,
            "begins a series with a sample of 0 where its target tells when it began"),
        Feature(
            "extra-scrape-metrics", .honoured,
            "is being phased out; set extra_scrape_metrics in the configuration instead", warns: true),
        Feature(
            "exemplar-storage", .harmless,
            "has no switch: exemplars are kept when a remote_write has send_exemplars"),
        Feature(
            "type-and-unit-labels", .refused,
            "is not supported: no series gets __type__ or __unit__; leave the name out"),
        Feature(
            "st-synthesis", .refused,
            "is not supported: Prometheus stores other values than the target's with it, and values are not "
                + "changed here; leave the name out"),
        Feature(
            "st-storage", .honoured,
            "reads when a target says that its series began, of OpenMetrics text too, for remote write 2.0; "
                + "no sample is added"),
        Feature("metadata-wal-records", .ignored, "does nothing: metadata is shipped without it"),
        Feature("otlp-deltatocumulative", .ignored, noPush),
        Feature("otlp-native-delta-ingestion", .ignored, noPush),
        Feature("concurrent-rule-eval", .harmless, serverOnly),
        Feature("delayed-compaction", .harmless, serverOnly),
        Feature("histograms-st-encoding", .harmless, serverOnly),
        Feature("memory-snapshot-on-shutdown", .harmless, serverOnly),
        Feature("old-ui", .harmless, serverOnly),
        Feature("promql-binop-fill-modifiers", .harmless, serverOnly),
        Feature("promql-delayed-name-removal", .harmless, serverOnly),
        Feature("promql-duration-expr", .harmless, serverOnly),
        Feature("promql-experimental-functions", .harmless, serverOnly),
        Feature("promql-extended-range-selectors", .harmless, serverOnly),
        Feature("promql-per-step-stats", .harmless, serverOnly),
        Feature("use-start-timestamps", .harmless, serverOnly),
        Feature("use-uncached-io", .harmless, serverOnly),
        Feature("xor2-encoding", .harmless, serverOnly),

        Feature(
            "auto-reload-config", .honoured,
            "does what --config.auto-reload does; write that instead", warns: true),
        Feature(
            "native-histograms", .ignored,
            "does nothing, as in Prometheus; set scrape_native_histograms in the configuration"),
        Feature("otlp-write-receiver", .ignored, noPush),
        Feature("remote-write-receiver", .ignored, noPush),
        Feature("agent", .harmless, always),
        Feature("auto-gomaxprocs", .harmless, always),
        Feature("auto-gomemlimit", .harmless, always),
        Feature("expand-external-labels", .harmless, always),
        Feature("new-service-discovery-manager", .harmless, always),
        Feature("no-default-scrape-port", .harmless, always),
        Feature("utf8-names", .harmless, always),
        Feature("fast-startup", .harmless, serverOnly),
        Feature("ooo-native-histograms", .harmless, serverOnly),
        Feature("promql-at-modifier", .harmless, serverOnly),
        Feature("promql-negative-offset", .harmless, serverOnly),
        Feature("promql-nhcb-as-classic", .harmless, serverOnly),
    ]

    /// `created-timestamp-zero-ingestion` or `st-storage`: `_created` lines are no series but tell when
    /// others began, and protobuf, which tells most of that, is asked for first.
    public private(set) var readsStartTimestamps = false
    /// `created-timestamp-zero-ingestion`: a series gets a sample of 0 at the time at which its target says
    /// that it began.
    public private(set) var addsStartSamples = false
    /// `extra-scrape-metrics`: the default of the key `extra_scrape_metrics` is true.
    public private(set) var reportsExtra = false
    /// `auto-reload-config`: the configuration is read again when its source has changed.
    public private(set) var reloadsByItself = false
    /// What there is to say of the names, each name once, in their order; those of `refusals` among them.
    public private(set) var remarks: [Feature] = []

    public init() {}

    /// `lists` are the flag's values: names with commas between.
    public init(_ lists: [String]) {
        for name in lists.flatMap({ $0.split(separator: ",") }).map(String.init) { enable(name) }
    }

    /// The names that the agent does not start with.
    public var refusals: [Feature] { remarks.filter { $0.verdict == .refused } }

    private mutating func enable(_ name: String) {
        guard !remarks.contains(where: { $0.name == name }) else { return }
        let feature =
            Self.all.first { $0.name == name }
            // Prometheus grows names of PromQL faster than of anything else, and none is about an agent.
            ?? (name.hasPrefix("promql-")
                ? Feature(name, .harmless, Self.serverOnly) : Feature(name, .ignored, "is not known"))
        switch name {
        case "created-timestamp-zero-ingestion": (readsStartTimestamps, addsStartSamples) = (true, true)
        case "st-storage": readsStartTimestamps = true
        case "extra-scrape-metrics": reportsExtra = true
        case "auto-reload-config": reloadsByItself = true
        default: break
        }
        if feature.verdict != .honoured || feature.isWarning { remarks.append(feature) }
    }

    private static let serverOnly = "is about what only a Prometheus server does"
    private static let always = "is always so and has no switch"
    private static let noPush = "is not supported: nothing can be pushed here"
}
